// Package secret gives placeholders: the host puts the value in as the request leaves, for granted hosts only.
package secret

import (
	"unsafe"

	"cleargate/internal/wire"
)

//go:wasmimport cleargate:host/secret@0.1.0 placeholder
func placeholder(label string, to unsafe.Pointer)

// Placeholder is for header values, query values and bodies of requests.
func Placeholder(label string) (string, error) {
	at, err := wire.Asked(8, 4, func(to wire.Place) { placeholder(label, to.Pointer()) })
	if err != nil {
		return "", err
	}
	return at.Text(), nil
}
