// Command gotest looks up a host and a user: with cgo that needs the C library, without it does not.
package main

import (
	"sync"
	"testing"
)

func TestCount(t *testing.T) {
	if got := Count([]string{"a", "b", "a"})["a"]; got != 2 {
		t.Fatalf("Count: %d", got)
	}
}

// A race that only the race detector sees.
func TestRace(t *testing.T) {
	var wait sync.WaitGroup
	total := 0
	for range 8 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			total++
		}()
	}
	wait.Wait()
}
