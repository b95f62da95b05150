package main

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"
)

// report is what is known of an archive while it is read.
type report struct {
	maxEntries int
	maxRatio   uint64
	entries    []entry
	findings   []finding
	count      int
	size       uint64
	complete   bool
	notes      int
	dangers    int
	// Places of folded paths, and links by their path: what comes behind a link goes where it leads.
	seen  map[string]int
	links map[string]string
}

func newReport(maxEntries int, maxRatio uint64) *report {
	return &report{
		maxEntries: maxEntries, maxRatio: maxRatio, complete: true,
		entries: []entry{}, findings: []finding{}, seen: map[string]int{}, links: map[string]string{},
	}
}

func (to *report) find(level, code, where, format string, values ...any) {
	if level == "danger" {
		to.dangers++
	} else {
		to.notes++
	}
	if len(to.findings) == maxFindings {
		return
	}
	place := to.count
	if where == "" {
		place = -1
	}
	to.findings = append(to.findings, finding{code, level, place, where, fmt.Sprintf(format, values...)})
}

// full says whether no more entries are read, and notes it.
func (to *report) full() bool {
	if to.count < to.maxEntries {
		return false
	}
	to.complete = false
	to.find("note", "more_entries", "", "has more than %d entries; the rest was not read", to.maxEntries)
	return true
}

// add takes an entry with its checks.
func (to *report) add(one entry) {
	one.Path, one.Target = readable(one.Path), readable(one.Target)
	if one.Path == "" {
		to.find("danger", "no_name", "?", "has no name")
	}
	for _, flaw := range flaws(one.Path) {
		to.find(flaw.level, flaw.code, one.Path, "%s", flaw.message)
	}
	to.addLink(one)
	switch one.Kind {
	case "device", "pipe":
		to.find("danger", "device", one.Path, "is no file but a %s", one.Kind)
	case "other":
		to.find("note", "other_kind", one.Path, "is of a kind that unpackers treat differently")
	}
	if mode, err := strconv.ParseUint(one.Mode, 8, 32); err == nil && mode&0o6000 != 0 {
		to.find("note", "set_id", one.Path, "runs as its owner or group (mode %s)", one.Mode)
	}
	to.addName(one)
	if one.Compressed > 0 && one.Size > harmless && one.Size/one.Compressed > to.maxRatio {
		to.find("danger", "bomb", one.Path, "becomes %d times as large, more than %d", one.Size/one.Compressed, to.maxRatio)
	}
	sum := to.size + one.Size
	if sum < to.size {
		sum = 1<<64 - 1
	}
	to.size = sum
	to.entries = append(to.entries, one)
	to.count++
}

func (to *report) addName(one entry) {
	folded := fold(one.Path)
	before, known := to.seen[folded]
	if !known {
		to.seen[folded] = to.count
		return
	}
	if one.Kind == "folder" && to.entries[before].Kind == "folder" {
		return
	}
	other := to.entries[before].Path
	if path.Clean(other) == path.Clean(one.Path) {
		to.find("danger", "duplicate", one.Path, "is there twice, first as entry %d: unpackers and scanners may take different ones", before)
	} else {
		to.find("note", "same_when_folded", one.Path, "is the file of entry %d where case or the writing of accents does not count", before)
	}
}

// addLink looks where links lead, and at what goes through them.
func (to *report) addLink(one entry) {
	folder := path.Dir(path.Clean(slashes(one.Path)))
	for at := folder; len(to.links) > 0 && at != "." && at != "/"; at = path.Dir(at) {
		if target, through := to.links[fold(at)]; through {
			to.find("danger", "through_link", one.Path, "is written through the link `%s`, to `%s`", at, target)
			break
		}
	}
	if one.Kind != "symlink" && one.Kind != "hardlink" {
		return
	}
	target := slashes(one.Target)
	reached := path.Join(folder, target)
	if one.Kind == "hardlink" {
		reached = path.Clean(target) // from the root of the archive
	}
	switch {
	case target == "":
		to.find("danger", "link_outside", one.Path, "is a link to nowhere")
	case path.IsAbs(target) || drive(target) || reached == ".." || strings.HasPrefix(reached, "../"):
		to.find("danger", "link_outside", one.Path, "leads out of the archive, to `%s`", one.Target)
	default:
		to.find("note", "link", one.Path, "leads to `%s`", one.Target)
	}
	if one.Kind == "symlink" {
		to.links[fold(one.Path)] = one.Target
	}
}

func (to *report) output(format string) output {
	verdict := "clean"
	if to.notes > 0 {
		verdict = "suspicious"
	}
	if to.dangers > 0 {
		verdict = "dangerous"
	}
	return output{format, verdict, to.complete, to.count, to.size, to.entries, to.findings}
}

// readable is a name as text: some archives hold names in other encodings.
func readable(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	return strings.ToValidUTF8(name, "\uFFFD")
}
