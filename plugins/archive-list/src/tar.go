package main

import (
	"archive/tar"
	"compress/gzip"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Bytes of a header.
const block = 512

// Bytes that a compressed tar is read through for, at most: what the fuel of a call is enough for.
const mostThrough = 256 << 20

// last remembers the header that the library read last: it says only what it made of it.
type last struct {
	io.Reader
	head [block]byte
}

func (its *last) Read(to []byte) (int, error) {
	n, err := its.Reader.Read(to)
	if n == block && len(to) == block {
		copy(its.head[:], to)
	}
	return n, err
}

// seeking lets the library jump over the data of entries, so that it is not read at all.
type seeking struct {
	last
	io.Seeker
}

func checksumFits(head []byte) bool {
	said, ok := number(head[148:156])
	sum := int64(8 * ' ')
	for i, b := range head {
		if i < 148 || i >= 156 {
			sum += int64(b)
		}
	}
	return ok && said == sum
}

// number reads octal digits, or the bytes of a large number.
func number(field []byte) (int64, bool) {
	if field[0]&0x80 != 0 {
		value := int64(field[0] & 0x7f)
		for _, b := range field[1:] {
			if value >= 1<<55 {
				return 0, false
			}
			value = value<<8 | int64(b)
		}
		return value, true
	}
	value, err := strconv.ParseInt(strings.Trim(string(field), " \x00"), 8, 64)
	return value, err == nil
}

func readTar(from *source, to *report) error {
	its := &seeking{last{Reader: from}, from}
	return readEntries(tar.NewReader(its), &its.last, to)
}

func readTarGz(from *source, to *report) error {
	through := &counted{Reader: from}
	unpacked, err := gzip.NewReader(through)
	if err != nil {
		return broken(err, to)
	}
	made := &counted{Reader: unpacked}
	bomb := func() bool {
		return made.bytes > harmless && uint64(made.bytes) > to.maxRatio*uint64(max(through.bytes, 1))
	}
	made.stop = func() error {
		switch {
		case bomb():
			to.find("danger", "bomb", "", "becomes more than %d times as large; the rest was not read", to.maxRatio)
		case made.bytes > mostThrough:
			to.find("note", "too_large", "", "becomes larger than %d bytes; the rest was not read", mostThrough)
		default:
			return nil
		}
		return errStopped
	}
	head := &last{Reader: made}
	return readEntries(tar.NewReader(head), head, to)
}

var errStopped = fmt.Errorf("not read any more")

// counted counts what was read, and stops when it is told to.
type counted struct {
	io.Reader
	bytes int64
	stop  func() error
}

func (its *counted) Read(to []byte) (int, error) {
	n, err := its.Reader.Read(to)
	its.bytes += int64(n)
	if its.stop != nil && err == nil {
		err = its.stop()
	}
	return n, err
}

var kinds = map[byte]string{
	tar.TypeReg: "file", '\x00': "file", tar.TypeCont: "file", tar.TypeGNUSparse: "file", tar.TypeDir: "folder",
	tar.TypeSymlink: "symlink", tar.TypeLink: "hardlink", tar.TypeChar: "device", tar.TypeBlock: "device", tar.TypeFifo: "pipe",
}

func readEntries(archive *tar.Reader, its *last, to *report) error {
	for !to.full() {
		header, err := archive.Next()
		if err == io.EOF {
			return nil
		}
		if err == errStopped {
			to.complete = false
			return nil
		}
		if err != nil && err != tar.ErrInsecurePath {
			return broken(err, to)
		}
		kind, known := kinds[header.Typeflag]
		if !known {
			kind = "other"
		}
		if header.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		compareSizes(header, its, to)
		to.add(entry{
			Path: header.Name, Kind: kind, Size: uint64(header.Size), Mode: fmt.Sprintf("%04o", header.Mode&0o7777),
			Modified: when(header.ModTime), Target: header.Linkname,
		})
	}
	return nil
}

// compareSizes holds the size that counts against the one of the plain header: who reads only that one takes data for
// headers, and sees other entries.
func compareSizes(header *tar.Header, its *last, to *report) {
	plain, ok := number(its.head[124:136])
	pax, said := header.PAXRecords["size"]
	if said && (!ok || strconv.FormatInt(plain, 10) != pax) {
		to.find("danger", "size_differs", readable(header.Name), "has %s bytes by its extended header, and %d by the plain one", pax, plain)
	}
	if kinds[header.Typeflag] != "file" && ok && plain != 0 {
		to.find("danger", "size_differs", readable(header.Name), "is no file, and has data: unpackers go on at different places")
	}
}
