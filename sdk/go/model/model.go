// Package model asks models by the names that the flow gives them.
package model

import (
	"io"
	"unsafe"

	"cleargate"
	"cleargate/internal/wire"
)

// A value of the contract has three forms, in the same places: of JSON only the text is there.

//go:wasmimport cleargate:host/model@0.1.0 complete
func complete(
	model string, form uint32, text string, _, _ uint32, _ uint64, _, _, _ uint32, to unsafe.Pointer,
)

//go:wasmimport cleargate:host/model@0.1.0 open
func open(
	model string, form uint32, text string, _, _ uint32, _ uint64, _, _, _ uint32, to unsafe.Pointer,
)

//go:wasmimport cleargate:host/model@0.1.0 [method]reply-stream.next
func next(stream int32, to unsafe.Pointer)

//go:wasmimport cleargate:host/model@0.1.0 [method]reply-stream.reply
func whole(stream int32, to unsafe.Pointer)

//go:wasmimport cleargate:host/model@0.1.0 [resource-drop]reply-stream
func drop(stream int32)

// Complete asks a model. A request has `messages`, and maybe `tools`, `schema`, `max_tokens` and `temperature`.
func Complete(model string, request any) (cleargate.Reply, error) {
	text, err := wire.Marshal(request)
	if err != nil {
		return cleargate.Reply{}, err
	}
	at, err := wire.Asked(wire.ReplySize, 8, func(to wire.Place) {
		complete(model, 0, wire.Bare(text), 0, 0, 0, 0, 0, 0, to.Pointer())
	})
	if err != nil {
		return cleargate.Reply{}, err
	}
	return at.Reply()
}

// Stream is an answer as it is made.
type Stream struct{ handle int32 }

// Open asks a model as Complete does, and gives the text piece by piece.
func Open(model string, request any) (*Stream, error) {
	text, err := wire.Marshal(request)
	if err != nil {
		return nil, err
	}
	at, err := wire.Asked(4, 4, func(to wire.Place) {
		open(model, 0, wire.Bare(text), 0, 0, 0, 0, 0, 0, to.Pointer())
	})
	if err != nil {
		return nil, err
	}
	return &Stream{int32(at.Word())}, nil
}

// Next gives the next piece; the error is io.EOF at the end.
func (stream *Stream) Next() (string, error) {
	at, err := wire.Asked(12, 4, func(to wire.Place) { next(stream.handle, to.Pointer()) })
	if err != nil {
		return "", err
	}
	piece, there := at.Option()
	if !there {
		return "", io.EOF
	}
	return piece, nil
}

// Reply gives the whole answer, after the last piece.
func (stream *Stream) Reply() (cleargate.Reply, error) {
	at, err := wire.Asked(wire.ReplySize, 8, func(to wire.Place) { whole(stream.handle, to.Pointer()) })
	if err != nil {
		return cleargate.Reply{}, err
	}
	return at.Reply()
}

// Close gives up what was not read.
func (stream *Stream) Close() { drop(stream.handle) }
