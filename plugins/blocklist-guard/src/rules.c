/* Reads a configuration that fits the schema, and refuses lists that could not do what they say. */

#include "rules.h"

#include <string.h>

static action action_of(const cg_json *said, action other) {
  static const char *const ACTIONS[] = {"reject", "escalate", "redact", "report"};
  for (size_t i = 0; said != NULL && i < CG_COUNT(ACTIONS); i += 1) {
    if (strcmp(cg_string_of(said), ACTIONS[i]) == 0) return (action)i;
  }
  return other;
}

static bool is_label(cg_text text) {
  for (size_t i = 0; i < text.length; i += 1) {
    char c = text.data[i];
    bool letter = c >= 'a' && c <= 'z', other = (c >= '0' && c <= '9') || c == '_';
    if (!letter && (!other || i == 0)) return false;
  }
  return true;
}

static const char *in_capitals(const char *label) {
  cg_text text = cg_text_from(label);
  char *to = (char *)text.data;
  for (size_t i = 0; i < text.length; i += 1) {
    if (to[i] >= 'a' && to[i] <= 'z') to[i] -= 32;
  }
  return to;
}

static size_t characters(cg_text text) {
  size_t count = 0;
  for (size_t i = 0; i < text.length; i += 1) count += ((unsigned char)text.data[i] & 0xc0) != 0x80;
  return count;
}

/* Adds all texts of an array; false when one of them is no term. */
static bool add_all(cg_call *call, rules *its, const cg_json *texts, const char *at, term how) {
  for (size_t i = 0; i < cg_length(texts); i += 1) {
    cg_text text = cg_text_of(cg_at(texts, i));
    if (characters(text) > LONGEST_TERM) {
      cg_fail(call, CG_INVALID_INPUT, "%s/%zu: a term has at most %d characters; this one has %zu", at, i, LONGEST_TERM, characters(text));
      return false;
    }
    const char *why;
    term *one = terms_add(its->terms, text, &why);
    if (one == NULL) {
      cg_fail(call, CG_INVALID_INPUT, "%s/%zu: %s", at, i, why);
      return false;
    }
    one->list = how.list;
    one->anywhere = how.anywhere;
    one->exception = how.exception;
  }
  return true;
}

static bool read_list(cg_call *call, rules *its, const cg_json *said, size_t place, action common) {
  list *one = &its->lists[place];
  cg_text label = cg_text_of(cg_get(said, "label"));
  if (!is_label(label)) {
    cg_fail(call, CG_INVALID_INPUT, "/lists/%zu/label: `%s` is no label: write a-z, then a-z, 0-9 and _", place, label.data);
    return false;
  }
  const cg_json *message = cg_get(said, "message");
  one->label = label.data;
  one->shown = in_capitals(label.data);
  one->message = message == NULL ? cg_format("holds a term of the list `%s`", label.data).data : cg_string_of(message);
  one->at = cg_text_of(cg_get(said, "at"));
  if (one->at.length > 0 && one->at.data[0] != '/') {
    cg_fail(call, CG_INVALID_INPUT, "/lists/%zu/at: `%s` is no JSON Pointer: begin with a slash, as in `/%s`", place, one->at.data, one->at.data);
    return false;
  }
  one->action = action_of(cg_get(said, "action"), common);
  bool anywhere = strcmp(cg_string_of(cg_get(said, "within")), "text") == 0;
  const char *at = cg_format("/lists/%zu/terms", place).data;
  return add_all(call, its, cg_get(said, "terms"), at, (term){.list = place, .anywhere = anywhere});
}

/* Adds up the number of terms and their bytes. */
static void count(const cg_json *texts, size_t *terms, size_t *bytes) {
  *terms += cg_length(texts);
  for (size_t i = 0; i < cg_length(texts); i += 1) *bytes += cg_text_of(cg_at(texts, i)).length;
}

rules *rules_read(cg_call *call, const cg_json *config) {
  const cg_json *lists = cg_get(config, "lists"), *allow = cg_get(config, "allow");
  const char *folding = cg_string_of(cg_get(config, "fold"));
  size_t terms = 0, bytes = 0;
  count(allow, &terms, &bytes);
  for (size_t i = 0; i < cg_length(lists); i += 1) count(cg_get(cg_at(lists, i), "terms"), &terms, &bytes);
  if (terms > MOST_TERMS) {
    return cg_fail(call, CG_INVALID_INPUT, "the lists hold %zu terms, at most %d; use several guards", terms, MOST_TERMS);
  }
  rules *its = cg_memory(sizeof(rules));
  its->fold = strcmp(folding, "exact") == 0 ? FOLD_EXACT : strcmp(folding, "case") == 0 ? FOLD_CASE : FOLD_ALIKE;
  its->count = cg_length(lists);
  its->lists = cg_memory(its->count * sizeof(list));
  its->terms = terms_new(bytes, its->fold);
  action common = action_of(cg_get(config, "action"), REJECT);
  for (size_t i = 0; i < its->count; i += 1) {
    if (!read_list(call, its, cg_at(lists, i), i, common)) return NULL;
  }
  if (!add_all(call, its, allow, "/allow", (term){.exception = true})) return NULL;
  terms_ready(its->terms);
  return its;
}
