package main

import (
	"unicode"
	"unicode/utf8"
)

// measures say how long a text is, by the name of the unit.
var measures = map[string]func(string) int{
	"characters": utf8.RuneCountInString,
	"bytes":      func(text string) int { return len(text) },
	"words":      words,
	"tokens":     tokens,
}

// words counts runs of anything but space.
func words(text string) int {
	count, inside := 0, false
	for _, letter := range text {
		space := unicode.IsSpace(letter)
		if !space && !inside {
			count++
		}
		inside = !space
	}
	return count
}

// tokens estimates what tokenizers of models make of a text, rather too many: a run of Latin letters or digits is one
// for each four, other letters and all signs are one each. Space belongs to what follows, but line ends are one each.
func tokens(text string) int {
	count, run := 0, 0
	for _, letter := range text {
		switch {
		case letter < 0x250 && (unicode.IsLetter(letter) || unicode.IsDigit(letter)):
			if run%4 == 0 {
				count++
			}
			run++
			continue
		case letter == ' ' || letter == '\r' || letter == '\t':
		default:
			count++
		}
		run = 0
	}
	return count
}
