package main

import (
	"bytes"
	"encoding/base64"
	"io"

	"cleargate"
	"cleargate/blob"
)

// What is asked of the host at once, and kept: directories and headers lie together.
const piece = 64 << 10

// source is an archive, wherever its bytes are. It never holds more of a blob than one piece.
type source struct {
	*io.SectionReader
	size int64
}

// remote reads a blob of the host.
type remote struct {
	media cleargate.Media
	at    int64
	held  []byte
}

func (from *remote) ReadAt(to []byte, at int64) (int, error) {
	done := 0
	for done < len(to) {
		place := at + int64(done)
		if place >= int64(from.media.Size) {
			return done, io.EOF
		}
		if place < from.at || place >= from.at+int64(len(from.held)) {
			start := place - place%piece
			held, err := blob.Get(from.media, uint64(start), piece)
			if err != nil {
				return done, err
			}
			if from.at, from.held = start, held; place >= start+int64(len(held)) {
				return done, cleargate.Fail(cleargate.InvalidInput, "/media/size: the media has fewer bytes than %d", from.media.Size)
			}
		}
		done += copy(to[done:], from.held[place-from.at:])
	}
	return done, nil
}

func open(in input) (*source, error) {
	var bytesAt io.ReaderAt
	var size int64
	switch {
	case (in.Media == nil) == (in.Base64 == ""):
		return nil, cleargate.Fail(cleargate.InvalidInput, "give the archive as `media` or as `base64`, one of both")
	case in.Media != nil:
		handle := cleargate.Media{Digest: in.Media.Digest, Mime: in.Media.Mime, Size: in.Media.Size, Name: in.Media.Name}
		bytesAt, size = &remote{media: handle}, int64(in.Media.Size)
	default:
		data, err := base64.StdEncoding.DecodeString(in.Base64)
		if err != nil {
			return nil, cleargate.Fail(cleargate.InvalidInput, "/base64: %s", err)
		}
		bytesAt, size = bytes.NewReader(data), int64(len(data))
	}
	if size < 0 {
		return nil, cleargate.Fail(cleargate.InvalidInput, "/media/size: no archive has so many bytes")
	}
	return &source{io.NewSectionReader(bytesAt, 0, size), size}, nil
}

// formatOf looks at the first bytes, which all three formats fix.
func formatOf(from *source) (string, error) {
	head := make([]byte, 512)
	n, err := from.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return "", err
	}
	head = head[:n]
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return "zip", nil
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return "tar.gz", nil
	case n == 512 && (string(head[257:262]) == "ustar" || bytes.Count(head, []byte{0}) == 512 || checksumFits(head)):
		return "tar", nil
	}
	return "", cleargate.Fail(cleargate.InvalidInput, "this is no zip, tar or tar.gz: none of them begins so")
}

// broken says where an archive ends to be one; what the host refused stays as it is.
func broken(err error, to *report) error {
	if failure, ok := err.(*cleargate.Failure); ok {
		return failure
	}
	return cleargate.Fail(cleargate.InvalidInput, "the archive is broken after %d entries: %s", to.count, err)
}
