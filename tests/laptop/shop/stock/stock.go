// Package stock counts what is there.
package stock

import (
	"os"
	"strconv"

	"example.com/shop/price"
)

// Write puts a list with its total into a file of its own.
func Write(file string, prices ...int) error {
	text := ""
	for _, one := range prices {
		text += strconv.Itoa(one) + "\n"
	}
	return os.WriteFile(file, []byte(text+strconv.Itoa(price.Total(prices...))+"\n"), 0o600)
}
