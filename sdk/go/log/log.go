// Package log writes lines for the run's journal; bounded by the host, and cut with a marker. Importing it also leads
// there what is printed: standard output as Info, the stream of errors as Warn.
package log

import (
	"fmt"
	"unsafe"

	"cleargate/internal/wire"
)

// Level says whom a line is for.
type Level int32

// The levels of the contract, in its order.
const (
	Trace Level = iota
	Debug
	Info
	Warn
	Error
)

//go:wasmimport cleargate:host/log@0.1.0 write
func write(level int32, message string, fields unsafe.Pointer, count uint32)

// Write writes a line with named fields: names and values by turns.
func Write(level Level, message string, fields ...any) {
	count := len(fields) / 2
	list := wire.New(16 * count)
	for i := range count {
		list.Plus(16 * i).SetText(fmt.Sprint(fields[2*i]))
		list.Plus(16*i + 8).SetText(fmt.Sprint(fields[2*i+1]))
	}
	write(int32(level), message, list.Pointer(), uint32(count))
}

// The build leads what is printed to the function if it is in the component, so it is there without a call.
func init() { lent = write }

var lent func(int32, string, unsafe.Pointer, uint32)
