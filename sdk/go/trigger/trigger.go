// Package trigger brings events from outside, each of which starts a run, and takes the answers back.
package trigger

import (
	"cleargate"
	"cleargate/internal/part"
	"cleargate/internal/wire"
)

// Event is the input of a run. One run is started for an ID, however often the event is given.
type Event struct {
	ID    string
	Input any
}

// Functions are those of a trigger.
type Functions[Config any] struct {
	// Poll returns at most limit events behind the cursor, in the order in which they happened, and the cursor of the
	// next call, or nothing to keep the one before. It is empty in the first.
	Poll func(context *cleargate.Context, cursor string, limit uint32, config Config) (events []Event, next string, err error)
	// Reply gets the output of the run that an event started; a trigger without a way back has none.
	Reply func(context *cleargate.Context, id string, output any, config Config) error
}

var its Functions[wire.Place]

// Set makes functions the trigger of the component. Call it in init.
func Set[Config any](functions Functions[Config]) {
	if its.Poll != nil {
		panic("a component has one trigger")
	}
	settings := part.Settings[Config]()
	its.Poll = func(context *cleargate.Context, cursor string, limit uint32, at wire.Place) ([]Event, string, error) {
		config, err := settings(at)
		if err != nil {
			return nil, "", err
		}
		return functions.Poll(context, cursor, limit, config)
	}
	its.Reply = func(context *cleargate.Context, id string, output any, at wire.Place) error {
		config, err := settings(at)
		if err != nil || functions.Reply == nil {
			return err
		}
		return functions.Reply(context, id, output, config)
	}
}

// The places of the parameters of `poll`, then those of `reply`.
const (
	cursorAt = part.Parameter
	limitAt  = cursorAt + 12
	configAt = limitAt + 4

	idAt       = part.Parameter
	outputAt   = idAt + 8
	settingsAt = outputAt + wire.ValueSize
)

// eventSize is that of an event in bytes.
const eventSize = 8 + wire.ValueSize

//go:wasmexport cleargate:trigger/trigger@0.1.0#poll
func poll(arguments uint32) uint32 {
	at := wire.At(arguments)
	return wire.Answer(20, 4, func(to wire.Place) error {
		cursor, _ := at.Plus(cursorAt).Option()
		events, next, err := its.Poll(at.Context(), cursor, at.Plus(limitAt).Word(), at.Plus(configAt))
		if err != nil {
			return err
		}
		for i, place := range to.SetList(len(events), eventSize) {
			place.SetText(events[i].ID)
			if err := place.Plus(8).SetData(events[i].Input); err != nil {
				return err
			}
		}
		to.Plus(8).SetOption(next)
		return nil
	})
}

//go:wasmexport cleargate:trigger/trigger@0.1.0#reply
func reply(arguments uint32) uint32 {
	at := wire.At(arguments)
	return wire.Answer(0, 4, func(wire.Place) error {
		output, err := at.Plus(outputAt).Data("output")
		if err != nil {
			return err
		}
		return its.Reply(at.Context(), at.Plus(idAt).Text(), output, at.Plus(settingsAt))
	})
}
