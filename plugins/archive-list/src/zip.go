package main

import (
	"archive/zip"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"
)

// Bytes of a header before an entry's data, without its name.
const localHeader = 30

// Longest target of a link that is read: the longest path of common systems.
const longestTarget = 4096

// readZip reads the directory at the end, and holds each entry against the header before its data: who reads from the
// beginning sees that one.
func readZip(from *source, to *report) error {
	its := &listening{ReaderAt: from}
	archive, err := zip.NewReader(its, from.size)
	if err != nil && err != zip.ErrInsecurePath {
		return broken(err, to)
	}
	type span struct{ start, end int64 }
	spans := []span{}
	for _, file := range archive.File {
		if to.full() {
			break
		}
		one := entry{
			Path: file.Name, Kind: kindOf(file.Mode()), Size: file.UncompressedSize64, Compressed: file.CompressedSize64,
			Mode: octal(file.Mode()), Modified: when(file.Modified),
		}
		data, err := file.DataOffset()
		if err != nil {
			return broken(err, to)
		}
		if one.Kind == "symlink" {
			one.Target = target(from, file, data)
		}
		if file.Flags&1 != 0 {
			to.find("note", "encrypted", readable(file.Name), "is encrypted: nobody can look into it")
		}
		if file.CompressedSize64 > uint64(from.size) {
			to.find("danger", "size_differs", readable(file.Name), "says that it has more bytes than the archive")
		} else {
			spans = append(spans, span{data, data + int64(file.CompressedSize64)})
		}
		if err := compareLocal(its, file, to); err != nil {
			return broken(err, to)
		}
		to.add(one)
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.start, b.start) })
	for i := 1; i < len(spans); i++ {
		if spans[i].start < spans[i-1].end {
			to.find("danger", "overlap", "", "holds entries that share their bytes, as bombs do")
			break
		}
	}
	return nil
}

// listening remembers the last header that the library read: it keeps the place of headers to itself.
type listening struct {
	io.ReaderAt
	at   int64
	head []byte
}

func (its *listening) ReadAt(to []byte, at int64) (int, error) {
	n, err := its.ReaderAt.ReadAt(to, at)
	if len(to) == localHeader && n == localHeader {
		its.at, its.head = at, slices.Clone(to)
	}
	return n, err
}

// compareLocal holds an entry of the directory against the header before its data.
func compareLocal(its *listening, file *zip.File, to *report) error {
	number := func(at int) uint64 { return uint64(binary.LittleEndian.Uint32(its.head[at:])) }
	name := make([]byte, binary.LittleEndian.Uint16(its.head[26:]))
	if _, err := its.ReaderAt.ReadAt(name, its.at+localHeader); err != nil && err != io.EOF {
		return err
	}
	where := readable(file.Name)
	if string(name) != file.Name {
		to.find("danger", "header_differs", where, "is called `%s` in the header before its data", readable(string(name)))
	}
	if binary.LittleEndian.Uint16(its.head[8:]) != file.Method {
		to.find("danger", "header_differs", where, "is compressed in another way in the header before its data")
	}
	later, wide := its.head[6]&8 != 0, number(18) == 1<<32-1 || number(22) == 1<<32-1
	if !later && !wide && (number(18) != file.CompressedSize64 || number(22) != file.UncompressedSize64) {
		to.find("danger", "size_differs", where, "has another size in the header before its data")
	}
	return nil
}

// target is what a link says: its data, when that is stored as it is.
func target(from *source, file *zip.File, data int64) string {
	if file.Method != zip.Store || file.CompressedSize64 > longestTarget {
		return ""
	}
	text := make([]byte, file.CompressedSize64)
	if _, err := from.ReadAt(text, data); err != nil && err != io.EOF {
		return ""
	}
	return string(text)
}

func kindOf(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "folder"
	case mode&fs.ModeSymlink != 0:
		return "symlink"
	case mode&fs.ModeDevice != 0:
		return "device"
	case mode&fs.ModeNamedPipe != 0:
		return "pipe"
	case mode.IsRegular():
		return "file"
	}
	return "other"
}

// octal is the permissions as Unix writes them.
func octal(mode fs.FileMode) string {
	bits := uint32(mode.Perm())
	for bit, set := range map[fs.FileMode]uint32{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if mode&bit != 0 {
			bits |= set
		}
	}
	return fmt.Sprintf("%04o", bits)
}

func when(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}
