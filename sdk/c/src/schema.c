/* Checks data against the part of JSON Schema that ports are written in.
 *
 * A keyword that is not checked here fails each call: a schema must not promise what nobody keeps.
 */

#include <string.h>

#include "wire.h"

static const char *const NOTES[] = {"$schema", "title", "description", "default", "examples", "format"};

static const char *const TYPES[] = {"null", "boolean", "number", "string", "array", "object"};

/* A mistake: where it is below the value that is looked at, and what it is. Empty when there is none. A place is put
 * together on the way back, so that data without a mistake costs none. */
typedef struct {
  const char *at, *found;
} mistake;

static const mistake FITS = {NULL, NULL};

static mistake wrong(const char *found) { return (mistake){"", found}; }

static bool has_type(const cg_json *data, const char *type) {
  int64_t number;
  if (strcmp(type, "integer") == 0) return cg_integer_of(data, &number);
  return strcmp(type, TYPES[cg_type_of(data)]) == 0;
}

static mistake check(const cg_json *data, const cg_json *schema);

static mistake check_type(const cg_json *data, const cg_json *types) {
  if (cg_type_of(types) == CG_STRING) {
    const char *type = cg_string_of(types);
    return has_type(data, type) ? FITS : wrong(cg_format("expected %s", type).data);
  }
  const char *said = "expected";
  for (size_t i = 0; i < cg_length(types); i += 1) {
    const char *type = cg_string_of(cg_at(types, i));
    if (has_type(data, type)) return FITS;
    said = cg_format("%s%s%s", said, i == 0 ? " " : " or ", type).data;
  }
  return wrong(said);
}

static mistake check_enum(const cg_json *data, const cg_json *values) {
  for (size_t i = 0; i < cg_length(values); i += 1) {
    if (cg_equal(data, cg_at(values, i))) return FITS;
  }
  cg_text said = cg_write(values);
  return wrong(cg_format("expected one of %.*s", (int)said.length - 2, said.data + 1).data);
}

/* Letters, not bytes: what begins a letter of UTF-8 is not of the form 10xxxxxx. */
static size_t letters(cg_text text) {
  size_t count = 0;
  for (size_t i = 0; i < text.length; i += 1) count += ((unsigned char)text.data[i] & 0xc0) != 0x80;
  return count;
}

static mistake check_bound(const cg_json *data, const char *word, const cg_json *bound) {
  cg_type type = cg_type_of(data);
  bool least = strncmp(word, "min", 3) == 0;
  const char *unit = strstr(word, "Length") ? " characters" : strstr(word, "Items") ? " items" : "";
  cg_type of = strstr(word, "Length") ? CG_STRING : strstr(word, "Items") ? CG_ARRAY : CG_NUMBER;
  if (type != of) return FITS;
  double size = of == CG_STRING ? (double)letters(cg_text_of(data)) : of == CG_ARRAY ? (double)cg_length(data) : cg_number_of(data);
  double limit = cg_number_of(bound);
  if (least ? size >= limit : size <= limit) return FITS;
  return wrong(cg_format("expected at %s %s%s", least ? "least" : "most", cg_write(bound).data, unit).data);
}

static mistake check_required(const cg_json *data, const cg_json *names) {
  if (cg_type_of(data) != CG_OBJECT) return FITS;
  for (size_t i = 0; i < cg_length(names); i += 1) {
    const char *name = cg_string_of(cg_at(names, i));
    if (cg_get(data, name) == NULL) return wrong(cg_format("missing field `%s`", name).data);
  }
  return FITS;
}

static mistake check_fields(const cg_json *data, const cg_json *schema) {
  const cg_json *properties = cg_get(schema, "properties"), *rest = cg_get(schema, "additionalProperties");
  if (cg_type_of(data) != CG_OBJECT) return FITS;
  for (size_t i = 0; i < cg_length(data); i += 1) {
    const char *name = cg_name_at(data, i).data;
    const cg_json *field = cg_get(properties, name);
    if (field == NULL && cg_type_of(rest) == CG_BOOL && !cg_bool_of(rest)) {
      return wrong(cg_format("unknown field `%s`", name).data);
    }
    if (field == NULL) field = rest;
    mistake found = check(cg_at(data, i), field);
    if (found.found != NULL) return (mistake){cg_format("/%s%s", name, found.at).data, found.found};
  }
  return FITS;
}

static mistake check_items(const cg_json *data, const cg_json *items) {
  if (cg_type_of(data) != CG_ARRAY) return FITS;
  for (size_t i = 0; i < cg_length(data); i += 1) {
    mistake found = check(cg_at(data, i), items);
    if (found.found != NULL) return (mistake){cg_format("/%zu%s", i, found.at).data, found.found};
  }
  return FITS;
}

static mistake check_any(const cg_json *data, const cg_json *schemas) {
  for (size_t i = 0; i < cg_length(schemas); i += 1) {
    if (check(data, cg_at(schemas, i)).found == NULL) return FITS;
  }
  return wrong("expected one of several forms");
}

static mistake check_word(const cg_json *data, const char *word, const cg_json *value, const cg_json *schema) {
  static const char *const BOUNDS[] = {"minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"};
  if (strcmp(word, "type") == 0) return check_type(data, value);
  if (strcmp(word, "enum") == 0) return check_enum(data, value);
  if (strcmp(word, "const") == 0) {
    return cg_equal(data, value) ? FITS : wrong(cg_format("expected %s", cg_write(value).data).data);
  }
  if (strcmp(word, "required") == 0) return check_required(data, value);
  /* Both words are checked at once, where the first of them stands. */
  if (strcmp(word, "properties") == 0) return check_fields(data, schema);
  if (strcmp(word, "additionalProperties") == 0) {
    return cg_get(schema, "properties") == NULL ? check_fields(data, schema) : FITS;
  }
  if (strcmp(word, "items") == 0) return check_items(data, value);
  if (strcmp(word, "anyOf") == 0) return check_any(data, value);
  for (size_t i = 0; i < CG_COUNT(BOUNDS); i += 1) {
    if (strcmp(word, BOUNDS[i]) == 0) return check_bound(data, word, value);
  }
  for (size_t i = 0; i < CG_COUNT(NOTES); i += 1) {
    if (strcmp(word, NOTES[i]) == 0) return FITS;
  }
  return wrong(cg_format("the schema says `%s`, which is not checked", word).data);
}

static mistake check(const cg_json *data, const cg_json *schema) {
  for (size_t i = 0; i < cg_length(schema); i += 1) {
    mistake found = check_word(data, cg_name_at(schema, i).data, cg_at(schema, i), schema);
    if (found.found != NULL) return found;
  }
  return FITS;
}

bool schema_fits(cg_call *call, const char *what, const cg_json *data, const char *schema) {
  cg_json *read = cg_parse(wire_text(schema == NULL ? "{\"type\":\"object\",\"additionalProperties\":false}" : schema));
  if (read == NULL) {
    cg_fail(call, CG_BUG, "the schema of the %s is no JSON", what);
    return false;
  }
  mistake found = check(data, read);
  if (found.found == NULL) return true;
  cg_fail(call, CG_INVALID_INPUT, "the %s does not fit: %s%s%s", what, found.at, *found.at == 0 ? "" : ": ", found.found);
  return false;
}
