// Copyright (c) 2026 wsltune contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

package move

import (
	"os"
	"path/filepath"
	"testing"
)

func TestMoveIntoPlace(t *testing.T) {
	file, err := os.CreateTemp("", "download-*")
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(file.Name())
	file.Close()
	if err := os.Rename(file.Name(), filepath.Join(t.TempDir(), "data")); err != nil {
		t.Fatal(err)
	}
}
