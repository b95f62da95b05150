// Package kv holds named stores of small values that outlive a run.
package kv

import (
	"unsafe"

	"cleargate/internal/wire"
)

//go:wasmimport cleargate:host/kv@0.1.0 get
func get(store, key string, to unsafe.Pointer)

//go:wasmimport cleargate:host/kv@0.1.0 set
func set(store, key, value string, to unsafe.Pointer)

//go:wasmimport cleargate:host/kv@0.1.0 delete
func remove(store, key string, to unsafe.Pointer)

//go:wasmimport cleargate:host/kv@0.1.0 swap
func swap(store, key string, expects uint32, expected, value string, to unsafe.Pointer)

//go:wasmimport cleargate:host/kv@0.1.0 list
func list(store, prefix string, continues uint32, after string, to unsafe.Pointer)

// Get returns the bytes of a key; nil when there is none.
func Get(store, key string) ([]byte, error) {
	at, err := wire.Asked(12, 4, func(to wire.Place) { get(store, key, to.Pointer()) })
	if err != nil || at.Byte() == 0 {
		return nil, err
	}
	return at.Plus(4).Bytes(), nil
}

// Set sets a value.
func Set(store, key string, value []byte) error {
	_, err := wire.Asked(0, 4, func(to wire.Place) { set(store, key, wire.Bare(value), to.Pointer()) })
	return err
}

// Delete removes a key; a key that is not there is no error.
func Delete(store, key string) error {
	_, err := wire.Asked(0, 4, func(to wire.Place) { remove(store, key, to.Pointer()) })
	return err
}

// Swap sets the value only when the present one equals expected, which is nil for none; it says whether it did.
func Swap(store, key string, expected, value []byte) (bool, error) {
	expects := uint32(0)
	if expected != nil {
		expects = 1
	}
	at, err := wire.Asked(1, 4, func(to wire.Place) {
		swap(store, key, expects, wire.Bare(expected), wire.Bare(value), to.Pointer())
	})
	return err == nil && at.Byte() == 1, err
}

// List returns at most 1,000 keys that start with prefix, and what to give to the next call; empty at the end.
func List(store, prefix, after string) (keys []string, next string, err error) {
	continues := uint32(0)
	if after != "" {
		continues = 1
	}
	at, err := wire.Asked(20, 4, func(to wire.Place) { list(store, prefix, continues, after, to.Pointer()) })
	if err != nil {
		return nil, "", err
	}
	keys = []string{}
	for _, key := range at.List(8) {
		keys = append(keys, key.Text())
	}
	next, _ = at.Plus(8).Option()
	return keys, next, nil
}

// GetJSON reads the value of a key into to; it says whether there was one.
func GetJSON(store, key string, to any) (bool, error) {
	value, err := Get(store, key)
	if err != nil || value == nil {
		return false, err
	}
	return true, wire.Foreign("the value of `"+key+"`", value, to)
}

// SetJSON sets a value as JSON.
func SetJSON(store, key string, data any) error {
	value, err := wire.Marshal(data)
	if err != nil {
		return err
	}
	return Set(store, key, value)
}
