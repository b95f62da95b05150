// Package step is what nodes and tools have in common: a function from a record to a value, with schemas from its types.
package step

import (
	"fmt"
	"reflect"

	"cleargate"
	"cleargate/internal/schema"
	"cleargate/internal/wire"
)

// Step is a function behind the contract.
type Step struct {
	Name          string
	Input, Output schema.Schema
	run           func(context *cleargate.Context, data []byte) (any, error)
}

// Of makes a step of a typed function.
func Of[In, Out any](name string, run func(*cleargate.Context, In) (Out, error)) *Step {
	input := schema.Of(reflect.TypeFor[In]())
	if input["type"] != "object" {
		panic(fmt.Sprintf("the input of %s must be a struct", name))
	}
	return &Step{
		Name:   name,
		Input:  input,
		Output: schema.Of(reflect.TypeFor[Out]()),
		run: func(context *cleargate.Context, data []byte) (any, error) {
			var in In
			if err := schema.Read("input", data, input, &in); err != nil {
				return nil, err
			}
			return run(context, in)
		},
	}
}

// Call runs the step that a call of the contract means.
func Call(kind string, steps []*Step, arguments uint32) uint32 {
	at := wire.At(arguments)
	return wire.Answer(wire.ValueSize, 8, func(to wire.Place) error {
		name := at.Text()
		for _, step := range steps {
			if step.Name != name {
				continue
			}
			data, err := at.Plus(8 + wire.ContextSize).JSON("input")
			if err != nil {
				return err
			}
			output, err := step.run(at.Plus(8).Context(), data)
			if err != nil {
				return err
			}
			return to.SetData(output)
		}
		return cleargate.Fail(cleargate.InvalidInput, "there is no %s `%s`", kind, name)
	})
}
