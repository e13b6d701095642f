// Command gotest looks up a host and a user: with cgo that needs the C library, without it does not.
package main

import (
	"encoding/json"
	"net"
	"os"
	"os/user"
	"strings"
	"time"
)

// Count returns how often each word is there.
func Count(words []string) map[string]int {
	counts := map[string]int{}
	for _, word := range words {
		counts[word]++
	}
	return counts
}

func main() {
	zone, err := time.LoadLocation("Europe/Berlin")
	name := ""
	if err == nil {
		name = zone.String()
	}
	account := ""
	if current, err := user.Current(); err == nil {
		account = current.Username
	}
	file, err := os.CreateTemp("", "shop")
	if err == nil {
		file.Close()
	}
	_, lookup := net.LookupHost("shop.invalid")
	resolver := "go"
	if lookup == nil || strings.Contains(lookup.Error(), "Name or service") {
		resolver = "cgo"
	}
	json.NewEncoder(os.Stdout).Encode(map[string]any{
		"uid": os.Getuid(), "user": account, "zone": name, "tmp": err == nil, "resolver": resolver,
	})
}
