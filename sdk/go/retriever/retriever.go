// Package retriever finds passages that answer a question.
package retriever

import (
	"math"

	"cleargate"
	"cleargate/internal/part"
	"cleargate/internal/wire"
)

// Passage is what is found. The same passage has the same ID in each search; a greater score is better.
type Passage struct {
	ID, Text string
	Score    float64
	// Metadata says where it comes from, and whatever else is known.
	Metadata map[string]any
}

var its func(context *cleargate.Context, query string, limit uint32, config wire.Place) ([]Passage, error)

// Set makes a function the retriever of the component. It returns at most limit passages, the best first. Call it in
// init.
func Set[Config any](
	search func(context *cleargate.Context, query string, limit uint32, config Config) ([]Passage, error),
) {
	if its != nil {
		panic("a component has one retriever")
	}
	settings := part.Settings[Config]()
	its = func(context *cleargate.Context, query string, limit uint32, at wire.Place) ([]Passage, error) {
		config, err := settings(at)
		if err != nil {
			return nil, err
		}
		return search(context, query, limit, config)
	}
}

// The places of the parameters, and the size of a passage.
const (
	queryAt     = part.Parameter
	limitAt     = queryAt + 8
	configAt    = limitAt + 8
	passageSize = 24 + wire.ValueSize
)

//go:wasmexport cleargate:retriever/retriever@0.1.0#search
func search(arguments uint32) uint32 {
	at := wire.At(arguments)
	return wire.Answer(8, 4, func(to wire.Place) error {
		found, err := its(at.Context(), at.Plus(queryAt).Text(), at.Plus(limitAt).Word(), at.Plus(configAt))
		if err != nil {
			return err
		}
		for i, place := range to.SetList(len(found), passageSize) {
			place.SetText(found[i].ID)
			place.Plus(8).SetText(found[i].Text)
			place.Plus(16).SetLong(math.Float64bits(found[i].Score))
			metadata := found[i].Metadata
			if metadata == nil {
				metadata = map[string]any{}
			}
			if err := place.Plus(24).SetData(metadata); err != nil {
				return err
			}
		}
		return nil
	})
}
