/* Walks through a JSON value. Keys of objects are texts too, and they are parts of paths: there, what was found is shown
 * as in a redacted content. */

#include "walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the walk is: by what the content says, and as it may be shown. */
typedef struct {
  const char *real, *shown;
} place;

static void keep(void *its, match found) {
  walk *to = its;
  if (to->place_count == to->place_room) {
    to->place_room = to->place_room == 0 ? 64 : to->place_room * 2;
    to->places = realloc(to->places, to->place_room * sizeof(match));
    /* The host sees that the memory is used up, and says so. */
    if (to->places == NULL) __builtin_trap();
  }
  if (to->place_count < MOST_PLACES) to->places[to->place_count] = found;
  to->place_count += 1;
}

/* Whether a pointer is the other one or lies below it. */
static bool inside(const char *pointer, cg_text of) {
  return strncmp(pointer, of.data, of.length) == 0 && (pointer[of.length] == 0 || pointer[of.length] == '/');
}

static int by_start(const void *a, const void *b) {
  const match *one = a, *other = b;
  if (one->start != other->start) return one->start < other->start ? -1 : 1;
  /* The longest first; of two that are the same, that of the first list. */
  if (one->end != other->end) return one->end > other->end ? -1 : 1;
  return one->found->list < other->found->list ? -1 : one->found->list > other->found->list;
}

/* Keeps the places that no exception holds, of lists that read this part. All are in the order of their starts, so the
 * exception that reaches furthest is enough. */
static void sort_out(walk *its, const char *real) {
  qsort(its->places, its->place_count, sizeof(match), by_start);
  size_t kept = 0;
  uint32_t reach = 0;
  for (size_t i = 0; i < its->place_count; i += 1) {
    match one = its->places[i];
    /* Those that begin at the same place are not in front of this one when they are shorter; none of them holds it. */
    for (size_t j = i; j < its->place_count && its->places[j].start == one.start; j += 1) {
      if (its->places[j].found->exception && its->places[j].end > reach) reach = its->places[j].end;
    }
    if (one.found->exception || one.end <= reach || !inside(real, its->rules->lists[one.found->list].at)) continue;
    bool again = kept > 0 && by_start(&its->places[kept - 1], &one) == 0;
    if (!again) its->places[kept++] = one;
  }
  its->place_count = kept;
}

/* Finds the places of a text; false when there are too many. */
static bool find(walk *its, cg_text text, const char *real, const char *shown) {
  its->place_count = 0;
  if (text.length > LONGEST_TEXT) {
    cg_fail(its->call, CG_INVALID_INPUT, "%s: a text has %zu bytes, at most %d are checked; split it before", shown, text.length, LONGEST_TEXT);
    return false;
  }
  fold_text(text, its->rules->fold, &its->text);
  terms_search(its->rules->terms, &its->text, keep, its);
  if (its->place_count > MOST_PLACES) {
    cg_fail(its->call, CG_LIMIT, "%s: terms stand in more than %d places of one text", shown, MOST_PLACES);
    return false;
  }
  sort_out(its, real);
  return true;
}

static void note(walk *its, const char *shown) {
  for (size_t i = 0; i < its->place_count; i += 1) {
    size_t list = its->places[i].found->list;
    action said = its->rules->lists[list].action;
    if (its->count == 0 || said < its->strictest) its->strictest = said;
    its->met[list] = true;
    its->count += 1;
    if (its->listed < MOST_FINDINGS) its->findings[its->listed++] = (finding){list, shown};
  }
}

/* The text with labels for places: those of lists that redact, or all. Places that overlap become one. */
static cg_text replaced(const walk *its, cg_text text, bool all) {
  size_t room = text.length + 1, done = 0, length = 0;
  for (size_t i = 0; i < its->place_count; i += 1) room += strlen(its->rules->lists[its->places[i].found->list].shown) + 2;
  char *to = cg_memory(room);
  for (size_t i = 0; i < its->place_count; i += 1) {
    match one = its->places[i];
    const list *from = &its->rules->lists[one.found->list];
    if (!all && from->action != REDACT) continue;
    if (one.start >= done) {
      memcpy(to + length, text.data + done, one.start - done);
      length += one.start - done;
      length += (size_t)sprintf(to + length, "<%s>", from->shown);
    }
    if (one.end > done) done = one.end;
  }
  memcpy(to + length, text.data + done, text.length - done);
  length += text.length - done;
  to[length] = 0;
  return (cg_text){to, length};
}

/* A key as a part of a JSON Pointer. */
static const char *part(const char *before, cg_text key) {
  size_t length = strlen(before);
  char *to = cg_memory(length + 2 * key.length + 2), *at = to + length;
  memcpy(to, before, length);
  *at++ = '/';
  for (size_t i = 0; i < key.length; i += 1) {
    char c = key.data[i];
    if (c == '~' || c == '/') *at++ = '~';
    *at++ = c == '~' ? '0' : c == '/' ? '1' : c;
  }
  *at = 0;
  return to;
}

static cg_json *hold(walk *its, const cg_json *value, place at);

/* Two keys may become the same: the second gets a number, so that no value is lost. */
static cg_text free_key(const cg_json *object, cg_text key) {
  cg_text free = key;
  for (size_t number = 2; cg_get(object, free.data) != NULL; number += 1) free = cg_format("%s_%zu", key.data, number);
  return free;
}

static cg_json *hold_object(walk *its, const cg_json *value, place at) {
  cg_json *to = cg_object();
  for (size_t i = 0; i < cg_length(value); i += 1) {
    cg_text key = cg_name_at(value, i);
    place below = {part(at.real, key), at.shown};
    if (!find(its, key, below.real, at.shown)) return NULL;
    note(its, at.shown);
    bool same = its->place_count == 0;
    /* A key may be reported and stay; a path must not show it all the same. */
    below.shown = same ? part(at.shown, key) : part(at.shown, replaced(its, key, true));
    cg_text safe = free_key(to, same ? key : replaced(its, key, false));
    cg_json *inner = hold(its, cg_at(value, i), below);
    if (inner == NULL) return NULL;
    cg_set_text(to, safe, inner);
  }
  return to;
}

static cg_json *hold(walk *its, const cg_json *value, place at) {
  cg_type type = cg_type_of(value);
  if (type == CG_OBJECT) return hold_object(its, value, at);
  if (type == CG_ARRAY) {
    cg_json *to = cg_array();
    for (size_t i = 0; i < cg_length(value); i += 1) {
      cg_text name = cg_format("%zu", i);
      cg_json *inner = hold(its, cg_at(value, i), (place){part(at.real, name), part(at.shown, name)});
      if (inner == NULL) return NULL;
      cg_push(to, inner);
    }
    return to;
  }
  if (type != CG_STRING) return (cg_json *)value;
  cg_text text = cg_text_of(value);
  if (!find(its, text, at.real, at.shown)) return NULL;
  note(its, at.shown);
  return its->place_count == 0 ? (cg_json *)value : cg_text_value(replaced(its, text, false));
}

walk *walked(cg_call *call, const rules *its, cg_json *content) {
  walk *to = cg_memory(sizeof(walk));
  memset(to, 0, sizeof *to);
  to->rules = its;
  to->call = call;
  to->met = cg_memory(its->count);
  memset(to->met, 0, its->count);
  to->content = hold(to, content, (place){"", ""});
  return to->content == NULL ? NULL : to;
}
