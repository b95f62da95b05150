// Package tokenizer counts and cuts text as a model does.
package tokenizer

import (
	"cleargate"
	"cleargate/internal/part"
	"cleargate/internal/wire"
)

// Functions are those of a tokenizer.
type Functions[Config any] struct {
	Encode func(context *cleargate.Context, text string, config Config) ([]uint32, error)
	Decode func(context *cleargate.Context, tokens []uint32, config Config) (string, error)
	// Count may be left out: it is the length of what Encode returns.
	Count func(context *cleargate.Context, text string, config Config) (uint64, error)
}

var its Functions[wire.Place]

// Set makes functions the tokenizer of the component. Call it in init.
func Set[Config any](functions Functions[Config]) {
	if its.Encode != nil {
		panic("a component has one tokenizer")
	}
	settings := part.Settings[Config]()
	its.Encode = func(context *cleargate.Context, text string, at wire.Place) ([]uint32, error) {
		config, err := settings(at)
		if err != nil {
			return nil, err
		}
		return functions.Encode(context, text, config)
	}
	its.Decode = func(context *cleargate.Context, tokens []uint32, at wire.Place) (string, error) {
		config, err := settings(at)
		if err != nil {
			return "", err
		}
		return functions.Decode(context, tokens, config)
	}
	its.Count = func(context *cleargate.Context, text string, at wire.Place) (uint64, error) {
		if functions.Count == nil {
			tokens, err := its.Encode(context, text, at)
			return uint64(len(tokens)), err
		}
		config, err := settings(at)
		if err != nil {
			return 0, err
		}
		return functions.Count(context, text, config)
	}
}

// The places of the parameters: a text or a list, and the configuration.
const (
	whatAt   = part.Parameter
	configAt = whatAt + 8
)

//go:wasmexport cleargate:tokenizer/tokenizer@0.1.0#count
func count(arguments uint32) uint32 {
	at := wire.At(arguments)
	return wire.Answer(8, 8, func(to wire.Place) error {
		tokens, err := its.Count(at.Context(), at.Plus(whatAt).Text(), at.Plus(configAt))
		if err == nil {
			to.SetLong(tokens)
		}
		return err
	})
}

//go:wasmexport cleargate:tokenizer/tokenizer@0.1.0#encode
func encode(arguments uint32) uint32 {
	at := wire.At(arguments)
	return wire.Answer(8, 4, func(to wire.Place) error {
		tokens, err := its.Encode(at.Context(), at.Plus(whatAt).Text(), at.Plus(configAt))
		if err != nil {
			return err
		}
		for i, place := range to.SetList(len(tokens), 4) {
			place.SetWord(tokens[i])
		}
		return nil
	})
}

//go:wasmexport cleargate:tokenizer/tokenizer@0.1.0#decode
func decode(arguments uint32) uint32 {
	at := wire.At(arguments)
	return wire.Answer(8, 4, func(to wire.Place) error {
		tokens := []uint32{}
		for _, place := range at.Plus(whatAt).List(4) {
			tokens = append(tokens, place.Word())
		}
		text, err := its.Decode(at.Context(), tokens, at.Plus(configAt))
		if err == nil {
			to.SetText(text)
		}
		return err
	})
}
