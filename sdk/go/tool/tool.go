// Package tool makes functions that a model, an agent or a flow may call by name.
package tool

import (
	"cleargate"
	"cleargate/internal/schema"
	"cleargate/internal/step"
	"cleargate/internal/wire"
)

// Hint informs who may call; grants decide.
type Hint func(*definition)

// What a tool does to the world.
var (
	ReadOnly    Hint = func(tool *definition) { tool.readOnly = true }
	Destructive Hint = func(tool *definition) { tool.destructive = true }
	Idempotent  Hint = func(tool *definition) { tool.idempotent = true }
	OpenWorld   Hint = func(tool *definition) { tool.openWorld = true }
)

// Title is a name for people.
func Title(title string) Hint { return func(tool *definition) { tool.title = title } }

type definition struct {
	description, title                           string
	readOnly, destructive, idempotent, openWorld bool
}

var (
	tools []*step.Step
	notes []*definition
)

// Add makes a function a tool. Its schemas come from the structs In and Out: `json` tags name the fields, `about` tags
// describe them. Call it in init.
func Add[In, Out any](name, description string, run func(*cleargate.Context, In) (Out, error), hints ...Hint) {
	note := &definition{description: description}
	for _, hint := range hints {
		hint(note)
	}
	tools, notes = append(tools, step.Of(name, run)), append(notes, note)
}

//go:wasmexport cleargate:tool/tool@0.1.0#list-tools
func list() uint32 {
	to := wire.New(8)
	for i, at := range to.SetList(len(tools), 52) {
		tool, note := tools[i], notes[i]
		at.SetText(tool.Name)
		at.Plus(8).SetText(note.description)
		at.Plus(16).SetText(schema.Text(tool.Input))
		if len(tool.Output) > 0 {
			at.Plus(24).SetOption(schema.Text(tool.Output))
		}
		at.Plus(36).SetOption(note.title)
		for j, hint := range []bool{note.readOnly, note.destructive, note.idempotent, note.openWorld} {
			at.Plus(48 + j).SetBool(hint)
		}
	}
	return uint32(uintptr(to.Pointer()))
}

//go:wasmexport cleargate:tool/tool@0.1.0#call
func call(arguments uint32) uint32 { return step.Call("tool", tools, arguments) }
