// Package embedder turns texts into vectors whose distance says how near their meanings are.
package embedder

import (
	"math"

	"cleargate"
	"cleargate/internal/part"
	"cleargate/internal/wire"
)

var its func(context *cleargate.Context, texts []string, config wire.Place) ([][]float32, error)

// Set makes a function the embedder of the component. It returns a vector for each text, in their order; all of one
// length. Call it in init.
func Set[Config any](embed func(context *cleargate.Context, texts []string, config Config) ([][]float32, error)) {
	if its != nil {
		panic("a component has one embedder")
	}
	settings := part.Settings[Config]()
	its = func(context *cleargate.Context, texts []string, at wire.Place) ([][]float32, error) {
		config, err := settings(at)
		if err != nil {
			return nil, err
		}
		return embed(context, texts, config)
	}
}

// The places of the parameters.
const (
	textsAt  = part.Parameter
	configAt = textsAt + 8
)

//go:wasmexport cleargate:embedder/embedder@0.1.0#embed
func embed(arguments uint32) uint32 {
	at := wire.At(arguments)
	return wire.Answer(8, 4, func(to wire.Place) error {
		texts := []string{}
		for _, place := range at.Plus(textsAt).List(8) {
			texts = append(texts, place.Text())
		}
		vectors, err := its(at.Context(), texts, at.Plus(configAt))
		if err != nil {
			return err
		}
		for i, list := range to.SetList(len(vectors), 8) {
			for j, place := range list.SetList(len(vectors[i]), 4) {
				place.SetWord(math.Float32bits(vectors[i][j]))
			}
		}
		return nil
	})
}
