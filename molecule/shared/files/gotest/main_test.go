package main

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func TestCount(t *testing.T) {
	if got := count([]string{"a", "b", "a"})["a"]; got != 2 {
		t.Fatalf("count is %d, not 2", got)
	}
}

func TestTempDir(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Log("TEMPDIR", filepath.Dir(file))
}

func TestTogether(t *testing.T) {
	var group sync.WaitGroup
	var lock sync.Mutex
	sum := 0
	for i := 0; i < 8; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			lock.Lock()
			defer lock.Unlock()
			sum++
		}()
	}
	group.Wait()
	if sum != 8 {
		t.Fatal(sum)
	}
}
