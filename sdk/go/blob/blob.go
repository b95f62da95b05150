// Package blob reaches the bytes behind media handles.
package blob

import (
	"unsafe"

	"cleargate"
	"cleargate/internal/wire"
)

//go:wasmimport cleargate:host/blob@0.1.0 put
func put(bytes, mime string, named uint32, name string, to unsafe.Pointer)

//go:wasmimport cleargate:host/blob@0.1.0 get
func get(
	digest, mime string, size uint64, named uint32, name string, offset uint64, length uint32, to unsafe.Pointer,
)

func named(name string) uint32 { return uint32(min(len(name), 1)) }

// Put stores bytes and returns their handle; the name may be empty.
func Put(bytes []byte, mime, name string) (cleargate.Media, error) {
	at, err := wire.Asked(wire.MediaSize, 8, func(to wire.Place) {
		put(wire.Bare(bytes), mime, named(name), name, to.Pointer())
	})
	if err != nil {
		return cleargate.Media{}, err
	}
	return at.Media(), nil
}

// Get returns at most length bytes from offset.
func Get(media cleargate.Media, offset uint64, length uint32) ([]byte, error) {
	at, err := wire.Asked(8, 4, func(to wire.Place) {
		get(media.Digest, media.Mime, media.Size, named(media.Name), media.Name, offset, length, to.Pointer())
	})
	if err != nil {
		return nil, err
	}
	return at.Bytes(), nil
}
