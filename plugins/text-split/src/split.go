package main

import (
	"sort"
	"unicode/utf8"
)

// span is a part of the text, in bytes.
type span struct{ start, end int }

type splitter struct {
	text         string
	max, overlap int
	measure      func(string) int
	sections     []section
	spans        []span
}

// split cuts a part of the text so that each piece fits, and joins neighbours that fit together. Sections are not
// joined: what stands under one heading is about another thing than what stands under the next.
func (job *splitter) split(start, end int, how way) {
	if start == end || len(job.spans) > maxChunks {
		return
	}
	if how == bySection {
		for i, section := range job.sections {
			next := end
			if i+1 < len(job.sections) {
				next = job.sections[i+1].start
			}
			job.split(section.start, next, byParagraph)
		}
		return
	}
	if job.size(start, end) <= job.room(start) || how > byRune {
		job.spans = append(job.spans, span{start, end})
		return
	}
	open := start
	places := append(cuts(job.text[start:end], how), end-start)
	for i := 0; i < len(places); {
		room := job.room(open)
		fits := furthest(len(places)-i, func(n int) bool { return job.size(open, start+places[i+n]) <= room })
		if fits > 0 {
			i += fits
			job.spans = append(job.spans, span{open, start + places[i-1]})
		} else {
			job.split(open, start+places[i], how+1)
			i++
		}
		open = start + places[i-1]
	}
}

// furthest says how many of a row of places fit, of which each is longer than the one before. It doubles its step and
// then halves it: what is looked at is about as long as the answer, however long the text is.
func furthest(count int, fits func(int) bool) int {
	step := 1
	for step < count && fits(step-1) {
		step *= 2
	}
	least := step / 2
	return least + sort.Search(min(step, count)-least, func(n int) bool { return !fits(least + n) })
}

func (job *splitter) size(start, end int) int { return job.measure(job.text[start:end]) }

// room is what a chunk has for new text: all of it for the first of a section, less for those that repeat something.
func (job *splitter) room(start int) int {
	if len(job.spans) == 0 || job.begins(start) {
		return job.max
	}
	return job.max - job.overlap
}

// begins says whether a section begins at a place.
func (job *splitter) begins(at int) bool {
	i := sort.Search(len(job.sections), func(i int) bool { return job.sections[i].start >= at })
	return i < len(job.sections) && job.sections[i].start == at
}

// repeated is where a chunk begins that repeats the end of the one before: at a word, when one is near enough.
func (job *splitter) repeated(before span) int {
	tail := job.text[before.start:before.end]
	for _, how := range []way{byWord, byCluster} {
		places := cuts(tail, how)
		i := sort.Search(len(places), func(i int) bool { return job.measure(tail[places[i]:]) <= job.overlap })
		if i < len(places) {
			return before.start + places[i]
		}
	}
	return before.end
}

// chunks gives the spans with what they repeat, and counts code points once from the beginning to the end.
func (job *splitter) chunks() []chunk {
	made := make([]chunk, 0, len(job.spans))
	code, above := 0, 0
	for i, now := range job.spans {
		from := now.start
		if i > 0 && job.overlap > 0 && !job.begins(now.start) {
			from = job.repeated(job.spans[i-1])
			if job.size(from, now.end) > job.max {
				from = now.start
			}
		}
		for above+1 < len(job.sections) && job.sections[above+1].start <= now.start {
			above++
		}
		headings := []string{}
		if above < len(job.sections) {
			headings = append(headings, job.sections[above].path...)
		}
		overlap := utf8.RuneCountInString(job.text[from:now.start])
		end := code + utf8.RuneCountInString(job.text[now.start:now.end])
		made = append(made, chunk{job.text[from:now.end], code - overlap, end, from, now.end, job.size(from, now.end), overlap, headings})
		code = end
	}
	return made
}
