// Package node makes steps of a flow: typed ports in, one typed record out.
package node

import (
	"cleargate"
	"cleargate/internal/schema"
	"cleargate/internal/step"
	"cleargate/internal/wire"
)

// Effect is what a node may do to the world; it decides what happens after a crash.
type Effect uint8

// The effects of the contract, in its order.
const (
	// Pure does nothing: the output is a function of the input.
	Pure Effect = iota
	// Read reads the world and may be repeated.
	Read
	// Idempotent writes, and repeating with the same key does no harm.
	Idempotent
	// Once writes, and must not be repeated.
	Once
	// Compensable writes, and another node can undo it.
	Compensable
)

type definition struct {
	summary string
	effect  Effect
}

var (
	nodes []*step.Step
	notes []definition
)

// Add makes a function a node: each field of the struct In is a port. Call it in init.
func Add[In, Out any](id, summary string, effect Effect, run func(*cleargate.Context, In) (Out, error)) {
	nodes, notes = append(nodes, step.Of(id, run)), append(notes, definition{summary, effect})
}

//go:wasmexport cleargate:node/node@0.1.0#describe
func describe() uint32 {
	to := wire.New(8)
	for i, at := range to.SetList(len(nodes), 44) {
		at.SetText(nodes[i].Name)
		at.Plus(8).SetText(notes[i].summary)
		at.Plus(16).SetText(schema.Text(nodes[i].Input))
		at.Plus(24).SetText(schema.Text(nodes[i].Output))
		at.Plus(32).SetByte(uint8(notes[i].effect))
	}
	return uint32(uintptr(to.Pointer()))
}

//go:wasmexport cleargate:node/node@0.1.0#run
func run(arguments uint32) uint32 { return step.Call("node", nodes, arguments) }
