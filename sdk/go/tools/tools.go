// Package tools calls tools of other plugins, under the names that were granted.
package tools

import (
	"encoding/json"
	"unsafe"

	"cleargate/internal/wire"
)

//go:wasmimport cleargate:host/tools@0.1.0 list
func list(to unsafe.Pointer)

//go:wasmimport cleargate:host/tools@0.1.0 call
func call(
	tool string, tag uint32, text string, mime string, size uint64, named uint32, name string, to unsafe.Pointer,
)

// Callable is a tool that may be called; Input is the JSON Schema of its arguments.
type Callable struct{ Name, Description, Input string }

// List returns the tools that may be called.
func List() ([]Callable, error) {
	at, err := wire.Asked(8, 4, func(to wire.Place) { list(to.Pointer()) })
	if err != nil {
		return nil, err
	}
	all := []Callable{}
	for _, tool := range at.List(24) {
		all = append(all, Callable{tool.Text(), tool.Plus(8).Text(), tool.Plus(16).Text()})
	}
	return all, nil
}

// Call calls a tool and returns its result.
func Call(name string, arguments any) (json.RawMessage, error) {
	text, err := wire.Marshal(arguments)
	if err != nil {
		return nil, err
	}
	at, err := wire.Asked(wire.ValueSize, 8, func(to wire.Place) {
		call(name, 0, wire.Bare(text), "", 0, 0, "", to.Pointer())
	})
	if err != nil {
		return nil, err
	}
	return at.JSON("result")
}
