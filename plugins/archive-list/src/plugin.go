// cleargate:archive-list: what is in an archive, and what unpacking it could do.
//
// Nothing is unpacked. Of a zip the directory is read and held against the headers before the data; of a tar the headers;
// a compressed tar is read through, because there is no other way, and thrown away.
package main

import (
	"cmp"

	"cleargate"
	"cleargate/tool"
)

// Bounds of one call.
const (
	// Entries without another number in the input; what a person looks through.
	usualEntries = 1000
	// How many bytes one byte of the archive may become, without another number: text comes near 10, zeros to 1,000.
	usualRatio = 100
	// Below this, an entry is no bomb whatever its ratio: a megabyte of zeros is what many formats begin with.
	harmless = 1 << 20
	// Findings that are listed; the verdict looks at all.
	maxFindings = 200
)

type media struct {
	Digest string `json:"digest" about:"sha256: and 64 hex digits."`
	Mime   string `json:"mime"`
	Size   uint64 `json:"size"`
	Name   string `json:"name,omitempty"`
}

type input struct {
	Media      *media `json:"media,omitempty" about:"The archive as a media handle."`
	Base64     string `json:"base64,omitempty" maxLength:"8000000" about:"The archive itself, in the place of a handle."`
	Format     string `json:"format,omitempty" enum:"zip,tar,tar.gz" about:"What it must be; found out when absent."`
	MaxEntries int    `json:"max_entries,omitempty" minimum:"1" maximum:"10000" about:"Entries that are read; 1000 when absent."`
	MaxRatio   int    `json:"max_ratio,omitempty" minimum:"2" maximum:"10000" about:"How many bytes one byte may become; 100 when absent."`
}

type entry struct {
	Path       string `json:"path" about:"As the archive says it; what is no UTF-8 is replaced."`
	Kind       string `json:"kind" enum:"file,folder,symlink,hardlink,device,pipe,other"`
	Size       uint64 `json:"size" about:"Bytes after unpacking, as the archive says."`
	Compressed uint64 `json:"compressed" about:"Bytes in the archive; 0 where entries are not compressed one by one."`
	Mode       string `json:"mode" about:"Permissions in octal digits."`
	Modified   string `json:"modified,omitempty"`
	Target     string `json:"target,omitempty" about:"Where a link leads."`
}

type finding struct {
	Code    string `json:"code"`
	Level   string `json:"level" enum:"note,danger"`
	Entry   int    `json:"entry" about:"Place in the archive, from 0; -1 for the archive."`
	Path    string `json:"path"`
	Message string `json:"message"`
}

type output struct {
	Format   string    `json:"format" enum:"zip,tar,tar.gz"`
	Verdict  string    `json:"verdict" enum:"clean,suspicious,dangerous"`
	Complete bool      `json:"complete" about:"Whether all of the archive was read; when not, the verdict holds for what was."`
	Count    int       `json:"count" about:"Entries that were read."`
	Size     uint64    `json:"size" about:"Bytes of all entries after unpacking, as the archive says."`
	Entries  []entry   `json:"entries"`
	Findings []finding `json:"findings" about:"The first 200."`
}

// One of these comes with the input, and says how the archive is read.
var readers = map[string]func(*source, *report) error{"zip": readZip, "tar": readTar, "tar.gz": readTarGz}

func list(_ *cleargate.Context, in input) (output, error) {
	from, err := open(in)
	if err != nil {
		return output{}, err
	}
	format, err := formatOf(from)
	if err != nil {
		return output{}, err
	}
	if in.Format != "" && in.Format != format {
		return output{}, cleargate.Fail(cleargate.InvalidInput, "the archive is %s, and `format` asks for %s", format, in.Format)
	}
	to := newReport(cmp.Or(in.MaxEntries, usualEntries), uint64(cmp.Or(in.MaxRatio, usualRatio)))
	if err := readers[format](from, to); err != nil {
		return output{}, err
	}
	return to.output(format), nil
}

func init() {
	tool.Add("list", "Lists the entries of a zip or tar archive and what is suspicious about them, without unpacking it. "+
		"Call it before anything unpacks an archive of others.", list, tool.ReadOnly, tool.Idempotent)
}

func main() {}
