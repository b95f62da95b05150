// Package tools calls tools of other plugins, under the names that were granted.
package tools

import (
	"bytes"
	"encoding/json"
	"unsafe"

	"cleargate/internal/wire"
)

//go:wasmimport cleargate:host/tools@0.1.0 list
func list(to unsafe.Pointer)

// A value of the contract has three forms, in the same places: of JSON only the text is there.
//
//go:wasmimport cleargate:host/tools@0.1.0 call
func call(name string, form uint32, text string, _, _ uint32, _ uint64, _, _, _ uint32, to unsafe.Pointer)

// Tool is one that may be called; Input is the JSON Schema of its arguments.
type Tool struct {
	Name, Description string
	Input             json.RawMessage
}

// List returns the tools that may be called.
func List() ([]Tool, error) {
	at, err := wire.Asked(8, 4, func(to wire.Place) { list(to.Pointer()) })
	if err != nil {
		return nil, err
	}
	tools := []Tool{}
	for _, tool := range at.List(24) {
		tools = append(tools, Tool{tool.Text(), tool.Plus(8).Text(), tool.Plus(16).Bytes()})
	}
	return tools, nil
}

// Call calls a tool, and reads what it gives into to; numbers in `any` are json.Number.
func Call(name string, arguments, to any) error {
	text, err := wire.Marshal(arguments)
	if err != nil {
		return err
	}
	at, err := wire.Asked(wire.ValueSize, 8, func(place wire.Place) {
		call(name, 0, wire.Bare(text), 0, 0, 0, 0, 0, 0, place.Pointer())
	})
	if err != nil {
		return err
	}
	result, err := at.JSON("result")
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(result))
	decoder.UseNumber()
	return decoder.Decode(to)
}
