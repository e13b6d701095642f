// Command gotest looks up a host and a user: with cgo that needs the C library, without it does not.
package main

import (
	"fmt"
	"net"
	"os/user"
)

func count(words []string) map[string]int {
	counts := map[string]int{}
	for _, word := range words {
		counts[word]++
	}
	return counts
}

func main() {
	_, err := net.LookupHost("localhost")
	current, _ := user.Current()
	fmt.Println(current != nil, err == nil, len(count([]string{"a", "b", "a"})))
}
