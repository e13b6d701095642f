// Copyright (c) 2026 wsltune contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

package main

import (
	"os"
	"syscall"
	"testing"
	"time"
)

const tmpfs = 0x01021994

func TestOnADisk(t *testing.T) {
	var found syscall.Statfs_t
	if err := syscall.Statfs(os.TempDir(), &found); err != nil {
		t.Fatal(err)
	}
	if found.Type == tmpfs {
		time.Sleep(time.Second)
	}
}
