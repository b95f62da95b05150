package main

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A way to cut, from the coarsest to the finest. What does not fit is cut in the next way.
type way int

const (
	bySection way = iota
	byParagraph
	bySentence
	byLine
	byWord
	byCluster
	byRune
)

var ways = map[string]way{"markdown": bySection, "paragraphs": byParagraph, "sentences": bySentence}

// cuts are the places inside of a text at which a way would cut, ascending.
func cuts(text string, how way) []int {
	switch how {
	case byParagraph:
		return paragraphs(text)
	case bySentence:
		return sentences(text)
	case byLine:
		return after(text, func(text string, at int) bool { return text[at-1] == '\n' })
	case byWord:
		return after(text, func(text string, at int) bool {
			before, _ := utf8.DecodeLastRuneInString(text[:at])
			next, _ := utf8.DecodeRuneInString(text[at:])
			return unicode.IsSpace(before) && !unicode.IsSpace(next)
		})
	case byCluster:
		return after(text, func(text string, at int) bool { return !joined(text, at) })
	default:
		return after(text, func(string, int) bool { return true })
	}
}

// after gives all places between two letters that keep a condition, which sees the text since the last such place.
func after(text string, keeps func(since string, at int) bool) []int {
	var found []int
	last := 0
	for at := range text {
		if at > 0 && keeps(text[last:], at-last) {
			found = append(found, at)
			last = at
		}
	}
	return found
}

// paragraphs cuts after lines that hold nothing but space.
func paragraphs(text string) []int {
	var found []int
	blank, at := false, 0
	for line := range strings.Lines(text) {
		empty := strings.TrimSpace(line) == ""
		if blank && !empty && at > 0 {
			found = append(found, at)
		}
		blank, at = empty, at+len(line)
	}
	return found
}

// Words after which a period ends no sentence.
var abbreviations = map[string]bool{
	"mr": true, "mrs": true, "ms": true, "dr": true, "prof": true, "st": true, "vs": true, "etc": true, "fig": true, "no": true,
	"e.g": true, "i.e": true, "cf": true, "approx": true, "ca": true, "bzw": true, "z.b": true, "d.h": true, "nr": true, "vgl": true,
}

// sentences cuts after the end of a sentence and the space behind it. Where a text has no space, a full stop of that
// script is enough.
func sentences(text string) []int {
	var found []int
	for at := 0; at < len(text); {
		letter, size := utf8.DecodeRuneInString(text[at:])
		stop := at
		at += size
		wide := strings.ContainsRune("。！？｡", letter)
		if !wide && !strings.ContainsRune(".!?…؟۔।", letter) {
			continue
		}
		end := at
		for end < len(text) {
			next, size := utf8.DecodeRuneInString(text[end:])
			if !strings.ContainsRune(".!?…。！？\"'”’»)]」』）*_", next) {
				break
			}
			end += size
		}
		rest := strings.TrimLeftFunc(text[end:], unicode.IsSpace)
		spaced := len(rest) < len(text)-end
		at = end
		if rest == "" || !wide && (!spaced || letter == '.' && goesOn(text[:stop], rest)) {
			continue
		}
		at = len(text) - len(rest)
		found = append(found, at)
	}
	return found
}

// goesOn says whether a period between two texts ends no sentence: an abbreviation, an initial, the number of an item,
// or a small letter behind it.
func goesOn(before, rest string) bool {
	next, _ := utf8.DecodeRuneInString(rest)
	if unicode.IsLower(next) {
		return true
	}
	start := strings.LastIndexFunc(before, func(letter rune) bool { return unicode.IsSpace(letter) || letter == '(' }) + 1
	word := before[start:]
	if abbreviations[strings.ToLower(word)] {
		return true
	}
	first, _ := utf8.DecodeRuneInString(word)
	initial := utf8.RuneCountInString(word) == 1 && unicode.IsUpper(first)
	line := before[strings.LastIndexByte(before, '\n')+1:]
	item := len(word) <= 3 && strings.TrimSpace(line) == word && unicode.IsDigit(first)
	return initial || item
}

// joined says whether what stands at a place belongs to the letter before it: marks, joiners, the second part of a
// flag, skin tones, and the end of a line in two signs.
func joined(text string, at int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:at])
	next, _ := utf8.DecodeRuneInString(text[at:])
	switch {
	case before == '\r' && next == '\n', before == '\u200d', next == '\u200d':
		return true
	case unicode.Is(unicode.M, next), next >= 0x1f3fb && next <= 0x1f3ff, next >= 0xe0020 && next <= 0xe007f:
		return true
	}
	// Flags are pairs: a third one begins the next.
	return isFlag(before) && isFlag(next) && at == utf8.RuneLen(before)
}

func isFlag(letter rune) bool { return letter >= 0x1f1e6 && letter <= 0x1f1ff }
