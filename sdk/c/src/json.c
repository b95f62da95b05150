/* Reads and writes JSON. Numbers keep the text that they came with, so what is handed on is not changed. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

/* Nesting that is read: the contract allows 64, and files of others may have more. */
#define DEEPEST 128

struct cg_json {
  cg_type type;
  bool truth;
  /* The text of a string or of a number. */
  cg_text text;
  /* Items of an array, values of an object and their names. */
  cg_json **items;
  cg_text *names;
  size_t count, room;
};

static cg_json *made(cg_type type) {
  cg_json *value = cg_memory(sizeof(cg_json));
  memset(value, 0, sizeof(cg_json));
  value->type = type;
  return value;
}

cg_json *cg_null(void) { return made(CG_NULL); }
cg_json *cg_array(void) { return made(CG_ARRAY); }
cg_json *cg_object(void) { return made(CG_OBJECT); }

cg_json *cg_bool(bool truth) {
  cg_json *value = made(CG_BOOL);
  value->truth = truth;
  return value;
}

cg_json *cg_text_value(cg_text text) {
  cg_json *value = made(CG_STRING);
  value->text = text;
  return value;
}

cg_json *cg_string(const char *text) { return cg_text_value(cg_text_from(text)); }

cg_json *cg_integer(int64_t number) {
  cg_json *value = made(CG_NUMBER);
  value->text = cg_format("%lld", (long long)number);
  return value;
}

cg_json *cg_number(double number) {
  if (!isfinite(number)) return NULL;
  cg_json *value = made(CG_NUMBER);
  /* The shortest text that reads back the same. */
  for (int digits = 15; digits <= 17; digits += 1) {
    value->text = cg_format("%.*g", digits, number);
    if (strtod(value->text.data, NULL) == number) break;
  }
  return value;
}

static void add(cg_json *to, cg_text name, cg_json *value) {
  if (to->count == to->room) {
    size_t room = to->room == 0 ? 8 : to->room * 2;
    cg_json **items = cg_memory(room * sizeof(cg_json *));
    cg_text *names = to->type == CG_OBJECT ? cg_memory(room * sizeof(cg_text)) : NULL;
    if (to->count > 0) memcpy(items, to->items, to->count * sizeof(cg_json *));
    if (to->count > 0 && names != NULL) memcpy(names, to->names, to->count * sizeof(cg_text));
    to->items = items;
    to->names = names;
    to->room = room;
  }
  to->items[to->count] = value == NULL ? cg_null() : value;
  if (to->names != NULL) to->names[to->count] = name;
  to->count += 1;
}

static bool same(cg_text a, cg_text b) { return a.length == b.length && memcmp(a.data, b.data, a.length) == 0; }

cg_json *cg_push(cg_json *array, cg_json *item) {
  if (cg_type_of(array) == CG_ARRAY) add(array, (cg_text){NULL, 0}, item);
  return array;
}

cg_json *cg_set_text(cg_json *object, cg_text name, cg_json *value) {
  if (cg_type_of(object) != CG_OBJECT) return object;
  for (size_t i = 0; i < object->count; i += 1) {
    if (same(object->names[i], name)) {
      object->items[i] = value == NULL ? cg_null() : value;
      return object;
    }
  }
  add(object, name, value);
  return object;
}

cg_json *cg_set(cg_json *object, const char *name, cg_json *value) {
  return cg_set_text(object, cg_text_from(name), value);
}

cg_type cg_type_of(const cg_json *value) { return value == NULL ? CG_NULL : value->type; }

cg_json *cg_get(const cg_json *object, const char *name) {
  if (cg_type_of(object) != CG_OBJECT) return NULL;
  cg_text wanted = {name, strlen(name)};
  for (size_t i = 0; i < object->count; i += 1) {
    if (same(object->names[i], wanted)) return object->items[i];
  }
  return NULL;
}

size_t cg_length(const cg_json *value) { return value == NULL ? 0 : value->count; }
cg_json *cg_at(const cg_json *value, size_t place) { return place < cg_length(value) ? value->items[place] : NULL; }
cg_text cg_name_at(const cg_json *object, size_t place) {
  bool there = cg_type_of(object) == CG_OBJECT && place < object->count;
  return there ? object->names[place] : (cg_text){"", 0};
}

cg_text cg_text_of(const cg_json *value) {
  return cg_type_of(value) == CG_STRING ? value->text : (cg_text){"", 0};
}

const char *cg_string_of(const cg_json *value) { return cg_text_of(value).data; }
bool cg_bool_of(const cg_json *value) { return cg_type_of(value) == CG_BOOL && value->truth; }

bool cg_integer_of(const cg_json *value, int64_t *to) {
  if (cg_type_of(value) != CG_NUMBER || strpbrk(value->text.data, ".eE") != NULL) return false;
  int64_t number = 0;
  bool negative = value->text.data[0] == '-';
  for (size_t i = negative; i < value->text.length; i += 1) {
    int64_t digit = value->text.data[i] - '0';
    if (__builtin_mul_overflow(number, 10, &number)) return false;
    if (__builtin_add_overflow(number, negative ? -digit : digit, &number)) return false;
  }
  *to = number;
  return true;
}

double cg_number_of(const cg_json *value) {
  return cg_type_of(value) == CG_NUMBER ? strtod(value->text.data, NULL) : 0;
}

bool cg_equal(const cg_json *a, const cg_json *b) {
  if (cg_type_of(a) != cg_type_of(b)) return false;
  switch (cg_type_of(a)) {
    case CG_NULL:
      return true;
    case CG_BOOL:
      return a->truth == b->truth;
    case CG_NUMBER:
      return same(a->text, b->text) || cg_number_of(a) == cg_number_of(b);
    case CG_STRING:
      return same(a->text, b->text);
    default:
      break;
  }
  if (a->count != b->count) return false;
  for (size_t i = 0; i < a->count; i += 1) {
    const cg_json *other = b->items[i];
    if (a->type == CG_OBJECT) {
      other = NULL;
      for (size_t j = 0; j < b->count && other == NULL; j += 1) {
        if (same(a->names[i], b->names[j])) other = b->items[j];
      }
      if (other == NULL) return false;
    }
    if (!cg_equal(a->items[i], other)) return false;
  }
  return true;
}

/* ---- Reading. ---- */

typedef struct {
  const char *at, *end;
  int depth;
} reader;

static char next(const reader *from) { return from->at < from->end ? *from->at : 0; }

static void skip_space(reader *from) {
  while (from->at < from->end && strchr(" \t\r\n", *from->at) != NULL && *from->at != 0) from->at += 1;
}

static bool take(reader *from, const char *word) {
  size_t length = strlen(word);
  if ((size_t)(from->end - from->at) < length || memcmp(from->at, word, length) != 0) return false;
  from->at += length;
  return true;
}

static bool read_hex(reader *from, uint32_t *code) {
  *code = 0;
  for (int i = 0; i < 4; i += 1) {
    char c = next(from);
    uint32_t digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
    if (digit == 16) return false;
    *code = *code * 16 + digit;
    from->at += 1;
  }
  return true;
}

static char *write_utf8(char *to, uint32_t code) {
  if (code < 0x80) {
    *to++ = (char)code;
  } else if (code < 0x800) {
    *to++ = (char)(0xc0 | code >> 6);
    *to++ = (char)(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    *to++ = (char)(0xe0 | code >> 12);
    *to++ = (char)(0x80 | (code >> 6 & 0x3f));
    *to++ = (char)(0x80 | (code & 0x3f));
  } else {
    *to++ = (char)(0xf0 | code >> 18);
    *to++ = (char)(0x80 | (code >> 12 & 0x3f));
    *to++ = (char)(0x80 | (code >> 6 & 0x3f));
    *to++ = (char)(0x80 | (code & 0x3f));
  }
  return to;
}

static bool read_escape(reader *from, char **to) {
  static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
  char c = next(from);
  from->at += 1;
  const char *found = c == 0 ? NULL : strchr(names, c);
  if (found != NULL) {
    *(*to)++ = values[found - names];
    return true;
  }
  uint32_t code, low;
  if (c != 'u' || !read_hex(from, &code)) return false;
  if (code >= 0xd800 && code < 0xdc00) {
    if (!take(from, "\\u") || !read_hex(from, &low) || low < 0xdc00 || low >= 0xe000) return false;
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  } else if (code >= 0xdc00 && code < 0xe000) {
    return false;
  }
  *to = write_utf8(*to, code);
  return true;
}

/* A text is never longer than what wrote it. */
static bool read_string(reader *from, cg_text *text) {
  if (!take(from, "\"")) return false;
  const char *end = from->at;
  while (end < from->end && *end != '"') end += *end == '\\' ? 2 : 1;
  if (end >= from->end) return false;
  char *start = cg_memory((size_t)(end - from->at) + 1), *to = start;
  while (from->at < end) {
    if ((unsigned char)*from->at < 0x20) return false;
    if (*from->at == '\\') {
      from->at += 1;
      if (!read_escape(from, &to)) return false;
    } else {
      *to++ = *from->at++;
    }
  }
  *to = 0;
  *text = (cg_text){start, (size_t)(to - start)};
  return take(from, "\"");
}

static bool digits(reader *from) {
  const char *start = from->at;
  while (next(from) >= '0' && next(from) <= '9') from->at += 1;
  return from->at > start;
}

static cg_json *read_number(reader *from) {
  const char *start = from->at;
  take(from, "-");
  if (!take(from, "0") && !digits(from)) return NULL;
  if (take(from, ".") && !digits(from)) return NULL;
  if (take(from, "e") || take(from, "E")) {
    if (!take(from, "+")) take(from, "-");
    if (!digits(from)) return NULL;
  }
  cg_json *value = made(CG_NUMBER);
  size_t length = (size_t)(from->at - start);
  char *text = cg_memory(length + 1);
  memcpy(text, start, length);
  text[length] = 0;
  value->text = (cg_text){text, length};
  return value;
}

static cg_json *read_value(reader *from);

static cg_json *read_list(reader *from, cg_type type, const char *end) {
  cg_json *value = made(type);
  cg_text name = {NULL, 0};
  skip_space(from);
  if (take(from, end)) return value;
  for (;;) {
    skip_space(from);
    if (type == CG_OBJECT) {
      if (!read_string(from, &name)) return NULL;
      skip_space(from);
      if (!take(from, ":")) return NULL;
    }
    cg_json *item = read_value(from);
    if (item == NULL) return NULL;
    add(value, name, item);
    skip_space(from);
    if (take(from, end)) return value;
    if (!take(from, ",")) return NULL;
  }
}

static cg_json *read_value(reader *from) {
  skip_space(from);
  if (from->depth >= DEEPEST) return NULL;
  from->depth += 1;
  cg_json *value = NULL;
  cg_text text;
  if (next(from) == '"') {
    value = read_string(from, &text) ? cg_text_value(text) : NULL;
  } else if (take(from, "{")) {
    value = read_list(from, CG_OBJECT, "}");
  } else if (take(from, "[")) {
    value = read_list(from, CG_ARRAY, "]");
  } else if (take(from, "true")) {
    value = cg_bool(true);
  } else if (take(from, "false")) {
    value = cg_bool(false);
  } else if (take(from, "null")) {
    value = cg_null();
  } else {
    value = read_number(from);
  }
  from->depth -= 1;
  return value;
}

cg_json *cg_parse(cg_text text) {
  reader from = {text.data, text.data + text.length, 0};
  cg_json *value = read_value(&from);
  skip_space(&from);
  return from.at == from.end ? value : NULL;
}

/* ---- Writing: once to count, once to write. ---- */

typedef struct {
  char *to;
  size_t length;
} writer;

static void put(writer *to, const char *text, size_t length) {
  if (to->to != NULL) memcpy(to->to + to->length, text, length);
  to->length += length;
}

static void put_string(writer *to, cg_text text) {
  put(to, "\"", 1);
  size_t from = 0;
  for (size_t i = 0; i < text.length; i += 1) {
    unsigned char c = (unsigned char)text.data[i];
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    put(to, text.data + from, i - from);
    char escape[7];
    int length = snprintf(escape, sizeof escape, c < 0x20 ? "\\u%04x" : "\\%c", c);
    put(to, escape, (size_t)length);
    from = i + 1;
  }
  put(to, text.data + from, text.length - from);
  put(to, "\"", 1);
}

static void put_value(writer *to, const cg_json *value) {
  cg_type type = cg_type_of(value);
  switch (type) {
    case CG_NULL:
      put(to, "null", 4);
      return;
    case CG_BOOL:
      put(to, value->truth ? "true" : "false", value->truth ? 4 : 5);
      return;
    case CG_NUMBER:
      put(to, value->text.data, value->text.length);
      return;
    case CG_STRING:
      put_string(to, value->text);
      return;
    default:
      break;
  }
  put(to, type == CG_OBJECT ? "{" : "[", 1);
  for (size_t i = 0; i < value->count; i += 1) {
    if (i > 0) put(to, ",", 1);
    if (type == CG_OBJECT) {
      put_string(to, value->names[i]);
      put(to, ":", 1);
    }
    put_value(to, value->items[i]);
  }
  put(to, type == CG_OBJECT ? "}" : "]", 1);
}

cg_text cg_write(const cg_json *value) {
  writer count = {NULL, 0};
  put_value(&count, value);
  writer to = {cg_memory(count.length + 1), 0};
  put_value(&to, value);
  to.to[to.length] = 0;
  return (cg_text){to.to, to.length};
}
