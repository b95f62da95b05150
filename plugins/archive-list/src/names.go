package main

import (
	"path"
	"strings"
	"unicode"
)

type flaw struct{ level, code, message string }

// Names that Windows gives to devices, with any ending.
var reserved = map[string]bool{"CON": true, "PRN": true, "AUX": true, "NUL": true}

func init() {
	for _, digit := range "0123456789¹²³" {
		reserved["COM"+string(digit)], reserved["LPT"+string(digit)] = true, true
	}
}

// Longest name of a file that common file systems take, in bytes.
const longestName = 255

// flaws is what is wrong with a path, wherever it is unpacked.
func flaws(name string) []flaw {
	found := []flaw{}
	add := func(wrong bool, level, code, message string) {
		if wrong {
			found = append(found, flaw{level, code, message})
		}
	}
	plain := slashes(name)
	parts := strings.Split(strings.TrimSuffix(plain, "/"), "/")
	up, windows, long := false, false, false
	for _, part := range parts {
		up = up || part == ".."
		long = long || len(part) > longestName
		trimmed := strings.TrimRight(part, ". ")
		stem, _, _ := strings.Cut(part, ".")
		windows = windows || reserved[strings.ToUpper(stem)] || part != "." && part != ".." && trimmed != part
	}
	add(path.IsAbs(plain) || drive(plain), "danger", "absolute", "begins at the root: it is written wherever it says")
	add(up, "danger", "parent", "leads out of its folder with `..`")
	add(strings.ContainsFunc(name, unicode.IsControl), "danger", "control", "has control characters in its name")
	add(!isASCII(name) && strings.ContainsFunc(name, hidden), "danger", "hidden_letters", "has letters without width, or that turn its direction, in its name")
	add(strings.Contains(name, "\uFFFD"), "note", "encoding", "has a name that is no UTF-8")
	add(strings.Contains(name, `\`), "note", "backslash", `has a \ in its name, which parts folders on Windows`)
	add(windows || strings.ContainsAny(strings.TrimPrefix(plain, "/"), `:*?"<>|`), "note", "windows_name", "has a name that is another one, or none, on Windows")
	add(long, "note", "long_name", "has a name of more than 255 bytes")
	return found
}

// hidden is a letter that a reader does not see: in `gpj.exe` turned round, an ending is not where it seems to be.
func hidden(c rune) bool { return unicode.Is(unicode.Cf, c) }

// slashes is a path with one sign between folders.
func slashes(name string) string { return strings.ReplaceAll(name, `\`, "/") }

// drive says whether a path begins with the letter of a drive.
func drive(name string) bool {
	return len(name) > 1 && name[1] == ':' && (name[0]|0x20 >= 'a' && name[0]|0x20 <= 'z')
}

// fold is a path as a file system compares it that knows neither case nor ways to write accents.
func fold(name string) string {
	return caseless(path.Clean(slashes(name)))
}
