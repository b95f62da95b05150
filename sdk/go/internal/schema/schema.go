// Package schema writes Go types as JSON Schema, and holds data to it.
package schema

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Schema is a JSON Schema as data.
type Schema = map[string]any

var (
	raw  = reflect.TypeFor[json.RawMessage]()
	text = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// Of is the schema of a type. It panics for a type that JSON cannot hold: the plugin is wrong, not a call.
func Of(kind reflect.Type) Schema { return of(kind, nil) }

func of(kind reflect.Type, inside []reflect.Type) Schema {
	if kind == raw {
		return Schema{}
	}
	if reflect.PointerTo(kind).Implements(text) {
		return Schema{"type": "string"}
	}
	switch kind.Kind() {
	case reflect.Interface:
		return Schema{}
	case reflect.Bool:
		return Schema{"type": "boolean"}
	case reflect.String:
		return Schema{"type": "string"}
	case reflect.Float32, reflect.Float64:
		return Schema{"type": "number"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return Schema{"type": "integer"}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return Schema{"type": "integer", "minimum": 0}
	case reflect.Pointer:
		return Schema{"anyOf": []any{of(kind.Elem(), inside), Schema{"type": "null"}}}
	case reflect.Slice:
		if kind.Elem().Kind() == reflect.Uint8 {
			return Schema{"type": "string", "contentEncoding": "base64"}
		}
		return Schema{"type": "array", "items": of(kind.Elem(), inside)}
	case reflect.Map:
		if kind.Key().Kind() == reflect.String {
			return Schema{"type": "object", "additionalProperties": of(kind.Elem(), inside)}
		}
	case reflect.Struct:
		for _, outer := range inside {
			if outer == kind {
				panic(fmt.Sprintf("%s holds itself; write json.RawMessage for the inner part", kind))
			}
		}
		return record(kind, append(inside, kind))
	}
	panic(fmt.Sprintf("%s has no JSON Schema; write structs and types of JSON", kind))
}

// record is the schema of a struct: fields are required, unless they are pointers or `omitempty`.
func record(kind reflect.Type, inside []reflect.Type) Schema {
	properties, required := Schema{}, []any{}
	for _, field := range reflect.VisibleFields(kind) {
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if !field.IsExported() || name == "-" || field.Anonymous && name == "" {
			continue
		}
		if name == "" {
			name = field.Name
		}
		inner := of(field.Type, inside)
		notes(field.Tag, inner)
		properties[name] = inner
		optional := strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero")
		if !optional && field.Type.Kind() != reflect.Pointer {
			required = append(required, name)
		}
	}
	return Schema{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
}

// notes adds what tags say: `about` is the description, `enum` is split at commas, the others are keywords.
func notes(tag reflect.StructTag, to Schema) {
	if about := tag.Get("about"); about != "" {
		to["description"] = about
	}
	if values := tag.Get("enum"); values != "" {
		list := []any{}
		for _, value := range strings.Split(values, ",") {
			list = append(list, value)
		}
		to["enum"] = list
	}
	for _, word := range []string{"minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"} {
		if said := tag.Get(word); said != "" {
			number, err := strconv.ParseFloat(said, 64)
			if err != nil {
				panic(fmt.Sprintf("%s:%q is no number", word, said))
			}
			to[word] = number
		}
	}
}

// Text is a schema as JSON.
func Text(schema Schema) string {
	text, err := json.Marshal(schema)
	if err != nil {
		panic(err)
	}
	return string(text)
}
