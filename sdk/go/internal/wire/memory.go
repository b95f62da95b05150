// Package wire reads and writes values as they cross the boundary: the canonical ABI, by hand.
//
// An instance serves one call, so what was handed over is kept until it ends and nothing is freed.
package wire

import "unsafe"

// kept holds what the host was given a pointer to: the collector does not see the host's side.
var kept []any

// Keep keeps a value for as long as the instance lives.
func Keep(value any) { kept = append(kept, value) }

// Area is memory of a size in bytes, aligned for anything that the contract holds.
func Area(size int) unsafe.Pointer {
	words := make([]uint64, (size+7)/8+1)
	Keep(words)
	return unsafe.Pointer(&words[0])
}

//go:wasmexport cabi_realloc
func realloc(old, oldSize, _, size uint32) uint32 {
	area := Area(int(size))
	if oldSize > 0 {
		copy(unsafe.Slice((*byte)(area), size), unsafe.Slice((*byte)(unsafe.Pointer(uintptr(old))), oldSize))
	}
	return uint32(uintptr(area))
}

// Place is a place in a structure of the contract.
type Place struct{ at unsafe.Pointer }

// At is the place where the host wrote something.
func At(pointer uint32) Place { return Place{unsafe.Pointer(uintptr(pointer))} }

// New is the first place of memory of a size.
func New(size int) Place { return Place{Area(size)} }

// Pointer is the place as the host takes it.
func (place Place) Pointer() unsafe.Pointer { return place.at }

// Plus is a place further on.
func (place Place) Plus(offset int) Place { return Place{unsafe.Add(place.at, offset)} }

// Byte, Short, Word and Long read numbers of 1, 2, 4 and 8 bytes.
func (place Place) Byte() uint8   { return *(*uint8)(place.at) }
func (place Place) Short() uint16 { return *(*uint16)(place.at) }
func (place Place) Word() uint32  { return *(*uint32)(place.at) }
func (place Place) Long() uint64  { return *(*uint64)(place.at) }

// SetByte, SetWord and SetLong write numbers.
func (place Place) SetByte(value uint8)  { *(*uint8)(place.at) = value }
func (place Place) SetWord(value uint32) { *(*uint32)(place.at) = value }
func (place Place) SetLong(value uint64) { *(*uint64)(place.at) = value }

// SetBool writes a truth.
func (place Place) SetBool(value bool) {
	if value {
		place.SetByte(1)
	} else {
		place.SetByte(0)
	}
}

// Bytes reads a pointer and a length; the bytes are the caller's.
func (place Place) Bytes() []byte {
	from, length := place.Word(), place.Plus(4).Word()
	if length == 0 {
		return []byte{}
	}
	return append([]byte(nil), unsafe.Slice((*byte)(unsafe.Pointer(uintptr(from))), length)...)
}

// Text reads a text.
func (place Place) Text() string { return string(place.Bytes()) }

// SetText writes a text.
func (place Place) SetText(text string) {
	if len(text) == 0 {
		place.SetWord(8) // any pointer that is aligned and not null
		place.Plus(4).SetWord(0)
		return
	}
	Keep(text)
	place.SetWord(uint32(uintptr(unsafe.Pointer(unsafe.StringData(text)))))
	place.Plus(4).SetWord(uint32(len(text)))
}

// Option reads a text that may be absent.
func (place Place) Option() (string, bool) {
	if place.Byte() == 0 {
		return "", false
	}
	return place.Plus(4).Text(), true
}

// SetOption writes a text, absent when it is empty.
func (place Place) SetOption(text string) {
	place.SetBool(text != "")
	if text != "" {
		place.Plus(4).SetText(text)
	}
}

// List reads the places of a list's items.
func (place Place) List(size int) []Place {
	from, count := place.Word(), int(place.Plus(4).Word())
	items := make([]Place, count)
	for i := range items {
		items[i] = At(from).Plus(i * size)
	}
	return items
}

// SetList writes a list of items of a size and returns their places.
func (place Place) SetList(count, size int) []Place {
	start := New(count * size)
	place.SetWord(uint32(uintptr(start.at)))
	place.Plus(4).SetWord(uint32(count))
	return place.List(size)
}

// Bare is bytes as a text, without a copy: for calls that hand over pointer and length.
func Bare(bytes []byte) string {
	Keep(bytes)
	return unsafe.String(unsafe.SliceData(bytes), len(bytes))
}
