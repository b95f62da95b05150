// Package clock is time as the journal keeps it: a replay sees the same. Importing it also lends it to Go's own package
// time; without it, that one stands near 1970.
package clock

import "time"

//go:wasmimport cleargate:host/clock@0.1.0 now
func now() uint64

//go:wasmimport cleargate:host/clock@0.1.0 elapsed
func elapsed() uint64

//go:wasmimport cleargate:host/clock@0.1.0 sleep
func sleep(ms uint32)

// Now is the time, in UTC.
func Now() time.Time { return time.UnixMilli(int64(now())).UTC() }

// Elapsed is the time since the call began; it never goes back.
func Elapsed() time.Duration { return time.Duration(elapsed()) * time.Millisecond }

// Sleep waits, at most until the call's deadline.
func Sleep(length time.Duration) { sleep(uint32(length.Milliseconds())) }

// The build leads package time to functions that are in the component, so they are there without a call.
func init() { lentNow, lentSleep = now, sleep }

var (
	lentNow   func() uint64
	lentSleep func(uint32)
)
