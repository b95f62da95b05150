// Package provider answers for models.
package provider

import (
	"cleargate"
	"cleargate/internal/part"
	"cleargate/internal/wire"
)

var its func(context *cleargate.Context, model string, request any, config wire.Place) (cleargate.Reply, error)

// Set makes a function the provider of the component. A request has `messages`, and maybe `tools`, `schema`,
// `max_tokens` and `temperature`; its numbers are json.Number. Call it in init.
func Set[Config any](
	complete func(context *cleargate.Context, model string, request any, config Config) (cleargate.Reply, error),
) {
	if its != nil {
		panic("a component has one provider")
	}
	settings := part.Settings[Config]()
	its = func(context *cleargate.Context, model string, request any, at wire.Place) (cleargate.Reply, error) {
		config, err := settings(at)
		if err != nil {
			return cleargate.Reply{}, err
		}
		return complete(context, model, request, config)
	}
}

// The places of the parameters.
const (
	modelAt   = part.Parameter
	requestAt = modelAt + 8
	configAt  = requestAt + wire.ValueSize
)

//go:wasmexport cleargate:provider/provider@0.1.0#complete
func complete(arguments uint32) uint32 {
	at := wire.At(arguments)
	return wire.Answer(wire.ReplySize, 8, func(to wire.Place) error {
		request, err := at.Plus(requestAt).Data("request")
		if err != nil {
			return err
		}
		reply, err := its(at.Context(), at.Plus(modelAt).Text(), request, at.Plus(configAt))
		if err != nil {
			return err
		}
		return to.SetReply(reply)
	})
}
