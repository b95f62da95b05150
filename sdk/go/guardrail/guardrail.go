// Package guardrail makes a check on content that enters or leaves a step. It decides; the host acts.
package guardrail

import (
	"reflect"

	"cleargate"
	"cleargate/internal/schema"
	"cleargate/internal/wire"
)

// Finding is what was found, never the thing itself; Path is a JSON Pointer to the string that holds it.
type Finding struct{ Label, Message, Path string }

// Verdict is a decision; the functions below make it.
type Verdict struct {
	tag      uint8
	reason   string
	content  any
	findings []Finding
}

// Pass has nothing to object to.
func Pass() Verdict { return Verdict{} }

// Modify goes on with other content.
func Modify(content any, findings ...Finding) Verdict {
	return Verdict{tag: 1, content: content, findings: findings}
}

// Reject stops: the step fails with `denied`.
func Reject(reason string, findings ...Finding) Verdict {
	return Verdict{tag: 2, reason: reason, findings: findings}
}

// Escalate asks a person.
func Escalate(reason string, findings ...Finding) Verdict {
	return Verdict{tag: 3, reason: reason, findings: findings}
}

var its struct {
	id, summary string
	config      schema.Schema
	check       func(context *cleargate.Context, stage string, content any, config []byte) (Verdict, error)
}

// Set makes a function the guardrail of the component. The schema of the configuration comes from the struct Config; the
// stage is `input`, `output`, `tool_call` or `tool_result`. Call it in init.
func Set[Config any](
	id, summary string,
	check func(context *cleargate.Context, stage string, content any, config Config) (Verdict, error),
) {
	if its.check != nil {
		panic("a component has one guardrail")
	}
	its.id, its.summary, its.config = id, summary, schema.Of(reflect.TypeFor[Config]())
	its.check = func(context *cleargate.Context, stage string, content any, data []byte) (Verdict, error) {
		var config Config
		if err := schema.Read("configuration", data, its.config, &config); err != nil {
			return Verdict{}, err
		}
		return check(context, stage, content, config)
	}
}

//go:wasmexport cleargate:guardrail/guardrail@0.1.0#describe
func describe() uint32 { return wire.Described(its.id, its.summary, schema.Text(its.config)) }

var stages = []string{"input", "output", "tool_call", "tool_result"}

// The places of the parameters: the context, the stage, the content, the configuration.
const (
	stageAt   = wire.ContextSize
	contentAt = stageAt + 16
	configAt  = contentAt + wire.ValueSize
)

//go:wasmexport cleargate:guardrail/guardrail@0.1.0#check
func check(arguments uint32) uint32 {
	at := wire.At(arguments)
	return wire.Answer(8+wire.ValueSize+8, 8, func(to wire.Place) error {
		config, err := at.Plus(configAt).JSON("configuration")
		if err != nil {
			return err
		}
		content, err := at.Plus(contentAt).Data("content")
		if err != nil {
			return err
		}
		var stage string
		if tag := int(at.Plus(stageAt).Byte()); tag < len(stages) {
			stage = stages[tag]
		} else {
			stage = at.Plus(stageAt + 4).Text()
		}
		verdict, err := its.check(at.Context(), stage, content, config)
		if err != nil {
			return err
		}
		return write(verdict, to)
	})
}

func write(verdict Verdict, to wire.Place) error {
	to.SetByte(verdict.tag)
	findings := to.Plus(16)
	switch verdict.tag {
	case 0:
		return nil
	case 1:
		text, err := wire.Marshal(verdict.content)
		if err != nil {
			return err
		}
		to.Plus(8).SetJSON(text)
		findings = to.Plus(8 + wire.ValueSize)
	default:
		to.Plus(8).SetText(verdict.reason)
	}
	for i, at := range findings.SetList(len(verdict.findings), 24) {
		at.SetText(verdict.findings[i].Label)
		at.Plus(8).SetText(verdict.findings[i].Message)
		at.Plus(16).SetText(verdict.findings[i].Path)
	}
	return nil
}
