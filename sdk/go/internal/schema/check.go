package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"cleargate"
)

// Read reads data into a type whose schema it must fit; what names the data in the refusal.
func Read(what string, data []byte, schema Schema, to any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return cleargate.Fail(cleargate.InvalidInput, "the %s is no JSON: %s", what, err)
	}
	if found := mistake(value, schema, ""); found != "" {
		return cleargate.Fail(cleargate.InvalidInput, "the %s does not fit: %s", what, found)
	}
	// Once more, into the type: a number in `any` keeps its text.
	decoder = json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(to); err != nil {
		return cleargate.Fail(cleargate.InvalidInput, "the %s does not fit: %s", what, err)
	}
	return nil
}

// wrong is a mistake with its place.
func wrong(at, format string, values ...any) string {
	found := fmt.Sprintf(format, values...)
	if at == "" {
		return found
	}
	return at + ": " + found
}

// mistake is what is wrong with data, and where; empty when nothing is.
func mistake(data any, schema Schema, at string) string {
	if kind, said := schema["type"].(string); said && !is(data, kind) {
		return wrong(at, "expected %s", kind)
	}
	if values, said := schema["enum"].([]any); said && !slices.Contains(values, data) {
		return wrong(at, "expected one of %v", values)
	}
	if forms, said := schema["anyOf"].([]any); said {
		found := []string{}
		for _, form := range forms {
			one := mistake(data, form.(Schema), at)
			if one == "" {
				return ""
			}
			found = append(found, one)
		}
		return strings.Join(found, " or ")
	}
	if found := bounds(data, schema, at); found != "" {
		return found
	}
	switch data := data.(type) {
	case []any:
		items, _ := schema["items"].(Schema)
		for i, item := range data {
			if found := mistake(item, items, at+"/"+strconv.Itoa(i)); found != "" {
				return found
			}
		}
	case map[string]any:
		return fields(data, schema, at)
	}
	return ""
}

func is(data any, kind string) bool {
	switch data := data.(type) {
	case nil:
		return kind == "null"
	case bool:
		return kind == "boolean"
	case string:
		return kind == "string"
	case json.Number:
		return kind == "number" || kind == "integer" && !strings.ContainsAny(string(data), ".eE")
	case []any:
		return kind == "array"
	}
	return kind == "object"
}

func bounds(data any, schema Schema, at string) string {
	var size float64
	var kind, unit string
	switch data := data.(type) {
	case json.Number:
		size, _ = data.Float64()
		kind, unit = "imum", ""
	case string:
		size, kind, unit = float64(utf8.RuneCountInString(data)), "Length", " characters"
	case []any:
		size, kind, unit = float64(len(data)), "Items", " items"
	default:
		return ""
	}
	if least, said := number(schema["min"+kind]); said && size < least {
		return wrong(at, "expected at least %v%s", least, unit)
	}
	if most, said := number(schema["max"+kind]); said && size > most {
		return wrong(at, "expected at most %v%s", most, unit)
	}
	return ""
}

func number(value any) (float64, bool) {
	switch value := value.(type) {
	case int:
		return float64(value), true
	case float64:
		return value, true
	}
	return 0, false
}

func fields(data map[string]any, schema Schema, at string) string {
	required, _ := schema["required"].([]any)
	for _, name := range required {
		if _, there := data[name.(string)]; !there {
			return wrong(at, "missing field `%s`", name)
		}
	}
	properties, _ := schema["properties"].(Schema)
	rest, _ := schema["additionalProperties"].(Schema)
	for _, name := range sorted(data) {
		inner, known := properties[name].(Schema)
		if !known && schema["additionalProperties"] == false {
			return wrong(at, "unknown field `%s`", name)
		}
		if !known {
			inner = rest
		}
		if found := mistake(data[name], inner, at+"/"+name); found != "" {
			return found
		}
	}
	return ""
}

// sorted is the names in a fixed order: the first mistake is the same each time.
func sorted(data map[string]any) []string {
	names := make([]string, 0, len(data))
	for name := range data {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
