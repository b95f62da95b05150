// Package random gives random bytes as the journal keeps them: a replay sees the same. Importing it also lends them to
// crypto/rand.Reader. What math/rand gives is the same in each instance.
package random

import (
	"crypto/rand"
	"unsafe"

	"cleargate/internal/wire"
)

// most is how many bytes the host gives at once.
const most = 64 * 1024

//go:wasmimport cleargate:host/random@0.1.0 bytes
func bytes(length uint32, to unsafe.Pointer)

// Bytes are as many as asked for.
func Bytes(length int) []byte {
	all := []byte{}
	for len(all) < length {
		to := wire.New(8)
		bytes(uint32(min(length-len(all), most)), to.Pointer())
		all = append(all, to.Bytes()...)
	}
	return all
}

type reader struct{}

func (reader) Read(to []byte) (int, error) { return copy(to, Bytes(len(to))), nil }

func init() { rand.Reader = reader{} }
