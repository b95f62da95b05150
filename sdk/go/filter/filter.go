// Package filter rewrites what goes to a model and what comes back. A filter always answers with content.
package filter

import (
	"reflect"

	"cleargate"
	"cleargate/internal/schema"
	"cleargate/internal/wire"
)

// Chunk is a piece of streamed text. Carry is what the call before returned, and nil in the first.
type Chunk struct {
	Text  string
	Carry any
	Last  bool
}

// Hooks are the functions of a filter; those that are left out pass everything on.
type Hooks[Config any] struct {
	Before func(context *cleargate.Context, request any, config Config) (any, error)
	After  func(context *cleargate.Context, response, request any, config Config) (any, error)
	// OnChunk returns the text to pass on, and what the next call is given.
	OnChunk func(context *cleargate.Context, chunk Chunk, config Config) (text string, carry any, err error)
}

var its struct {
	id, summary string
	config      schema.Schema
	before      func(context *cleargate.Context, request any, config []byte) (any, error)
	after       func(context *cleargate.Context, response, request any, config []byte) (any, error)
	onChunk     func(context *cleargate.Context, chunk Chunk, config []byte) (string, any, error)
}

// Set makes hooks the filter of the component. The schema of the configuration comes from the struct Config. Call it in
// init.
func Set[Config any](id, summary string, hooks Hooks[Config]) {
	if its.before != nil {
		panic("a component has one filter")
	}
	its.id, its.summary, its.config = id, summary, schema.Of(reflect.TypeFor[Config]())
	read := func(data []byte) (config Config, err error) {
		return config, schema.Read("configuration", data, its.config, &config)
	}
	its.before = func(context *cleargate.Context, request any, data []byte) (any, error) {
		config, err := read(data)
		if err != nil || hooks.Before == nil {
			return request, err
		}
		return hooks.Before(context, request, config)
	}
	its.after = func(context *cleargate.Context, response, request any, data []byte) (any, error) {
		config, err := read(data)
		if err != nil || hooks.After == nil {
			return response, err
		}
		return hooks.After(context, response, request, config)
	}
	its.onChunk = func(context *cleargate.Context, chunk Chunk, data []byte) (string, any, error) {
		config, err := read(data)
		if err != nil || hooks.OnChunk == nil {
			return chunk.Text, chunk.Carry, err
		}
		return hooks.OnChunk(context, chunk, config)
	}
}

//go:wasmexport cleargate:filter/filter@0.1.0#describe
func describe() uint32 { return wire.Described(its.id, its.summary, schema.Text(its.config)) }

// The places of the second and later parameters: the first is the context, and each of these is a value.
const (
	first  = wire.ContextSize
	second = first + wire.ValueSize
	third  = second + wire.ValueSize
)

//go:wasmexport cleargate:filter/filter@0.1.0#before
func before(arguments uint32) uint32 {
	at := wire.At(arguments)
	return wire.Answer(wire.ValueSize, 8, func(to wire.Place) error {
		config, err := at.Plus(second).JSON("configuration")
		if err != nil {
			return err
		}
		request, err := at.Plus(first).Data("request")
		if err != nil {
			return err
		}
		if request, err = its.before(at.Context(), request, config); err != nil {
			return err
		}
		return to.SetData(request)
	})
}

//go:wasmexport cleargate:filter/filter@0.1.0#after
func after(arguments uint32) uint32 {
	at := wire.At(arguments)
	return wire.Answer(wire.ValueSize, 8, func(to wire.Place) error {
		config, err := at.Plus(third).JSON("configuration")
		if err != nil {
			return err
		}
		request, err := at.Plus(first).Data("request")
		if err != nil {
			return err
		}
		response, err := at.Plus(second).Data("response")
		if err != nil {
			return err
		}
		if response, err = its.after(at.Context(), response, request, config); err != nil {
			return err
		}
		return to.SetData(response)
	})
}

// The places inside a chunk: text, carry, last.
const (
	carryAt    = first + 8
	lastAt     = carryAt + wire.ValueSize
	settingsAt = lastAt + 8
)

//go:wasmexport cleargate:filter/filter@0.1.0#on-chunk
func onChunk(arguments uint32) uint32 {
	at := wire.At(arguments)
	return wire.Answer(8+wire.ValueSize, 8, func(to wire.Place) error {
		config, err := at.Plus(settingsAt).JSON("configuration")
		if err != nil {
			return err
		}
		carry, err := at.Plus(carryAt).Data("carry")
		if err != nil {
			return err
		}
		chunk := Chunk{Text: at.Plus(first).Text(), Carry: carry, Last: at.Plus(lastAt).Byte() == 1}
		text, carry, err := its.onChunk(at.Context(), chunk, config)
		if err != nil {
			return err
		}
		to.SetText(text)
		return to.Plus(8).SetData(carry)
	})
}
