package main

import "strings"

// section begins at a heading, and ends at the next one.
type section struct {
	start int
	path  []string
}

// sections reads the headings of Markdown: `# …` outside of fenced code, the only form in which they can be told from
// text for sure.
func sections(text string) []section {
	found := []section{{}}
	var levels []int
	var names []string
	fence, at := "", 0
	for line := range strings.Lines(text) {
		start := at
		at += len(line)
		body := strings.TrimLeft(line, " ")
		if len(line)-len(body) > 3 {
			continue
		}
		if marks := fenceOf(body); marks != "" {
			switch {
			case fence == "":
				fence = marks
			case marks[0] == fence[0] && len(marks) >= len(fence) && strings.TrimSpace(body[len(marks):]) == "":
				fence = ""
			}
			continue
		}
		level, name := heading(body)
		if fence != "" || level == 0 {
			continue
		}
		for len(levels) > 0 && levels[len(levels)-1] >= level {
			levels, names = levels[:len(levels)-1], names[:len(names)-1]
		}
		levels, names = append(levels, level), append(names, name)
		if strings.TrimSpace(text[:start]) == "" {
			start, found = 0, nil // space before the first heading is no section
		}
		found = append(found, section{start, append([]string{}, names...)})
	}
	return found
}

// fenceOf gives the marks that open or close code.
func fenceOf(line string) string {
	for _, mark := range []string{"`", "~"} {
		rest := strings.TrimLeft(line, mark)
		if marks := line[:len(line)-len(rest)]; len(marks) >= 3 && !(mark == "`" && strings.Contains(rest, "`")) {
			return marks
		}
	}
	return ""
}

// heading gives the level and the text of a heading; the level is 0 when the line is none.
func heading(line string) (int, string) {
	rest := strings.TrimLeft(line, "#")
	level := len(line) - len(rest)
	if level == 0 || level > 6 || rest != "" && !strings.ContainsRune(" \t\r\n", rune(rest[0])) {
		return 0, ""
	}
	name := strings.TrimSpace(rest)
	if bare := strings.TrimRight(name, "#"); bare == "" || strings.HasSuffix(bare, " ") {
		name = strings.TrimSpace(bare)
	}
	return level, name
}
