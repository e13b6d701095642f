package stock

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "list")
	if err := Write(file, 1, 2, 3); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(file); string(got) != "1\n2\n3\n6\n" {
		t.Fatalf("the file holds %q", got)
	}
}

func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if text, err := os.ReadFile(file); err != nil || string(text) != filepath.Base(file)+"\n" {
			t.Errorf("%s holds %q, %v", file, text, err)
		}
	}
}
