// Package model asks models by the names that the flow gives them.
package model

import (
	"encoding/json"
	"unsafe"

	"cleargate/internal/wire"
)

//go:wasmimport cleargate:host/model@0.1.0 complete
func complete(
	model string, tag uint32, text string, mime string, size uint64, named uint32, name string, to unsafe.Pointer,
)

// Reply is a message with `role`, `content` and perhaps `tool_calls`, and what it cost.
type Reply struct {
	Message                             json.RawMessage
	InputTokens, OutputTokens, MicroUSD uint64
}

// Complete asks a model. The request holds `messages`, and perhaps `tools`, `schema`, `max_tokens`, `temperature`.
func Complete(model string, request any) (*Reply, error) {
	text, err := wire.Marshal(request)
	if err != nil {
		return nil, err
	}
	at, err := wire.Asked(wire.ValueSize+24, 8, func(to wire.Place) {
		complete(model, 0, wire.Bare(text), "", 0, 0, "", to.Pointer())
	})
	if err != nil {
		return nil, err
	}
	message, err := at.JSON("reply")
	if err != nil {
		return nil, err
	}
	used := at.Plus(wire.ValueSize)
	return &Reply{message, used.Long(), used.Plus(8).Long(), used.Plus(16).Long()}, nil
}
