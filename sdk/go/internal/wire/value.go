package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"

	"cleargate"
)

// Sizes of the contract's structures in bytes.
const (
	ContextSize = 80
	ErrorSize   = 28
	MediaSize   = 40
	ValueSize   = 48
)

// stackBytes is how much of a stack is told: the frames next to the panic.
const stackBytes = 4096

// Context reads who calls.
func (place Place) Context() *cleargate.Context {
	context := &cleargate.Context{
		RunID:          place.Text(),
		Address:        place.Plus(8).Text(),
		Attempt:        place.Plus(16).Word(),
		IdempotencyKey: place.Plus(40).Text(),
		Binding:        place.Plus(48).Text(),
		Tenant:         place.Plus(56).Text(),
	}
	if place.Plus(24).Byte() == 1 {
		at := place.Plus(32).Long()
		context.Deadline = &at
	}
	context.TraceParent, _ = place.Plus(64).Option()
	return context
}

// JSON reads the text of a value; what names it in the refusal.
func (place Place) JSON(what string) ([]byte, error) {
	switch place.Byte() {
	case 0:
		return place.Plus(8).Bytes(), nil
	case 1:
		return nil, cleargate.Fail(cleargate.InvalidInput, "the %s must be JSON; it is media", what)
	}
	return nil, cleargate.Fail(cleargate.InvalidInput,
		"the %s is of a kind that came after this plugin was built; rebuild the plugin", what)
}

// SetJSON writes data as a value.
func (place Place) SetJSON(text []byte) {
	place.SetByte(0)
	place.Plus(8).SetText(Bare(text))
}

// Media reads a handle.
func (place Place) Media() cleargate.Media {
	name, _ := place.Plus(24).Option()
	return cleargate.Media{Digest: place.Text(), Mime: place.Plus(8).Text(), Size: place.Plus(16).Long(), Name: name}
}

// Data reads the data of a value; numbers keep their text, as json.Number.
func (place Place) Data(what string) (data any, err error) {
	text, err := place.JSON(what)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&data); err != nil {
		return nil, cleargate.Fail(cleargate.InvalidInput, "the %s is no JSON: %s", what, err)
	}
	return data, nil
}

// Foreign reads a text that somebody else wrote; what names it in the refusal.
func Foreign(what string, text []byte, to any) error {
	if err := json.Unmarshal(text, to); err != nil {
		return cleargate.Fail(cleargate.InvalidInput, "%s is no JSON that fits: %s", what, err)
	}
	return nil
}

// SetData writes data as a value.
func (place Place) SetData(data any) error {
	text, err := Marshal(data)
	if err == nil {
		place.SetJSON(text)
	}
	return err
}

// Marshal writes data as JSON, without the escapes that are for web pages.
func Marshal(data any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(data); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}

// SetError writes why a call failed.
func (place Place) SetError(err error) {
	var failure *cleargate.Failure
	if !errors.As(err, &failure) {
		failure = &cleargate.Failure{Code: cleargate.Bug, Message: err.Error()}
	}
	place.SetByte(uint8(failure.Code))
	place.Plus(4).SetText(failure.Message)
	place.Plus(12).SetBool(failure.Retryable)
	if failure.Detail != nil {
		if text, err := Marshal(failure.Detail); err == nil {
			place.Plus(16).SetOption(string(text))
		}
	}
}

// Refusal reads what the host refused. Detail that is no JSON is kept as text: it may be the line that grants.
func (place Place) Refusal() error {
	failure := &cleargate.Failure{
		Code:      cleargate.Code(place.Byte()),
		Message:   place.Plus(4).Text(),
		Retryable: place.Plus(12).Byte() == 1,
	}
	if detail, there := place.Plus(16).Option(); there {
		if json.Unmarshal([]byte(detail), &failure.Detail) != nil {
			failure.Detail = detail
		}
	}
	return failure
}

// Answer is a result: size is that of the larger of its cases, at is where the payload begins. What run returns or
// panics with becomes the error.
func Answer(size, at int, run func(to Place) error) uint32 {
	to := New(max(size, ErrorSize) + at)
	if err := guarded(to.Plus(at), run); err != nil {
		to.SetByte(1)
		to.Plus(at).SetError(err)
	}
	return uint32(uintptr(to.Pointer()))
}

func guarded(to Place, run func(to Place) error) (err error) {
	defer func() {
		if found := recover(); found != nil {
			stack := debug.Stack()
			detail := map[string]string{"stack": string(stack[:min(len(stack), stackBytes)])}
			err = &cleargate.Failure{Code: cleargate.Bug, Message: fmt.Sprintf("panic: %v", found), Detail: detail}
		}
	}()
	return run(to)
}

// Asked is the result of a call of the host: its payload begins at a place, which holds what was refused when the first
// byte says so.
func Asked(size, at int, call func(to Place)) (Place, error) {
	to := New(max(size, ErrorSize) + at)
	call(to)
	if to.Byte() == 1 {
		return Place{}, to.Plus(at).Refusal()
	}
	return to.Plus(at), nil
}
