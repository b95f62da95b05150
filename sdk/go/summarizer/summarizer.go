// Package summarizer makes a text shorter and keeps what matters.
package summarizer

import (
	"cleargate"
	"cleargate/internal/part"
	"cleargate/internal/wire"
)

var its func(context *cleargate.Context, text string, maxTokens uint32, config wire.Place) (string, error)

// Set makes a function the summarizer of the component. It returns a text of at most maxTokens tokens. Call it in init.
func Set[Config any](
	summarize func(context *cleargate.Context, text string, maxTokens uint32, config Config) (string, error),
) {
	if its != nil {
		panic("a component has one summarizer")
	}
	settings := part.Settings[Config]()
	its = func(context *cleargate.Context, text string, maxTokens uint32, at wire.Place) (string, error) {
		config, err := settings(at)
		if err != nil {
			return "", err
		}
		return summarize(context, text, maxTokens, config)
	}
}

// The places of the parameters.
const (
	textAt   = part.Parameter
	mostAt   = textAt + 8
	configAt = mostAt + 8
)

//go:wasmexport cleargate:summarizer/summarizer@0.1.0#summarize
func summarize(arguments uint32) uint32 {
	at := wire.At(arguments)
	return wire.Answer(8, 4, func(to wire.Place) error {
		short, err := its(at.Context(), at.Plus(textAt).Text(), at.Plus(mostAt).Word(), at.Plus(configAt))
		if err == nil {
			to.SetText(short)
		}
		return err
	})
}
