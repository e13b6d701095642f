// Package price adds up.
package price

// Total is the sum of all prices.
func Total(prices ...int) int {
	total := 0
	for _, price := range prices {
		total += price
	}
	return total
}
