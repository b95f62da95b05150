// cleargate:text-split: cuts a text into chunks that a model or an index can take, where a reader would cut it.
//
// A chunk is a part of the text as it stands: nothing is trimmed, joined or normalized, so its offsets are exact. Without
// overlap the chunks, one after the other, are the text.
package main

import (
	"cmp"

	"cleargate"
	"cleargate/node"
)

// What one call may do: chunks hold copies, and overlap multiplies them.
const maxChunks = 20_000

type input struct {
	Text    string `json:"text" maxLength:"2000000" about:"The text."`
	Max     int    `json:"max,omitempty" minimum:"1" maximum:"1000000" about:"The most that a chunk holds, in units; 1000 when absent."`
	Overlap int    `json:"overlap,omitempty" minimum:"0" about:"The most of a chunk's end that the next one repeats, in units; at most half of max."`
	Unit    string `json:"unit,omitempty" enum:"characters,bytes,words,tokens" about:"How length is measured; characters when absent. Tokens are estimated."`
	By      string `json:"by,omitempty" enum:"markdown,paragraphs,sentences" about:"What is kept together where it fits; markdown when absent."`
}

type chunk struct {
	Text      string   `json:"text"`
	Start     int      `json:"start" about:"Where the chunk begins, in code points."`
	End       int      `json:"end" about:"Where it ends, in code points."`
	StartByte int      `json:"start_byte" about:"Where it begins, in bytes of UTF-8."`
	EndByte   int      `json:"end_byte" about:"Where it ends, in bytes of UTF-8."`
	Size      int      `json:"size" about:"Its length, in units."`
	Overlap   int      `json:"overlap" about:"Code points of its beginning that the chunk before holds, too."`
	Headings  []string `json:"headings" about:"The headings above its new text, the highest first."`
}

type output struct {
	Chunks []chunk `json:"chunks"`
	Count  int     `json:"count"`
}

func run(_ *cleargate.Context, in input) (output, error) {
	max := cmp.Or(in.Max, 1000)
	if in.Overlap > max/2 {
		return output{}, cleargate.Fail(cleargate.InvalidInput, "`overlap` is %d; at most half of `max` is possible: %d", in.Overlap, max/2)
	}
	coarsest := ways[cmp.Or(in.By, "markdown")]
	job := splitter{text: in.Text, max: max, overlap: in.Overlap, measure: measures[cmp.Or(in.Unit, "characters")]}
	if coarsest == bySection {
		job.sections = sections(in.Text)
	}
	job.split(0, len(in.Text), coarsest)
	if len(job.spans) > maxChunks {
		return output{}, cleargate.Fail(cleargate.Limit, "the text has more than %d chunks; raise `max`, or give it in parts", maxChunks)
	}
	chunks := job.chunks()
	return output{chunks, len(chunks)}, nil
}

func init() {
	node.Add("text_split", "Splits a text into chunks at headings, paragraphs and sentences, with exact offsets.", node.Pure, run)
}

func main() {}
