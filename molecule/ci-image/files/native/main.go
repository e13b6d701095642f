// Command gotest looks up a host and a user: with cgo that needs the C library, without it does not.
package main

// int twice(int x) { return 2 * x; }
import "C"

func main() { println(C.twice(21)) }
