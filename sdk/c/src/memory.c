/* The arena of a call. An instance serves one call, so nothing is ever given back. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

/* Bytes of one block: few enough for a small plugin, enough that most calls need one. */
#define BLOCK 16384

static char *block;
static size_t left;

/* Aligned for anything that the contract holds. */
static size_t rounded(size_t size) { return (size + 7) & ~(size_t)7; }

void *cg_memory(size_t size) {
  if (size > SIZE_MAX - BLOCK) __builtin_trap();
  size = rounded(size == 0 ? 1 : size);
  if (size > left) {
    size_t wanted = size > BLOCK ? size : BLOCK;
    char *more = malloc(wanted);
    /* The host sees that the memory is used up, and says so. */
    if (more == NULL) __builtin_trap();
    if (wanted - size < left) return more;
    block = more;
    left = wanted;
  }
  char *found = block;
  block += size;
  left -= size;
  return found;
}

/* What the host calls to hand over texts and lists. */
__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size) {
  (void)align;
  void *found = cg_memory(size);
  if (old_size > 0) memcpy(found, old, old_size < size ? old_size : size);
  return found;
}

cg_text cg_text_from(const char *text) {
  size_t length = strlen(text);
  char *copy = cg_memory(length + 1);
  memcpy(copy, text, length + 1);
  return (cg_text){copy, length};
}

static cg_text formatted(const char *format, va_list list) {
  va_list again;
  va_copy(again, list);
  int length = vsnprintf(NULL, 0, format, list);
  if (length < 0) __builtin_trap();
  char *text = cg_memory((size_t)length + 1);
  vsnprintf(text, (size_t)length + 1, format, again);
  va_end(again);
  return (cg_text){text, (size_t)length};
}

cg_text cg_format(const char *format, ...) {
  va_list list;
  va_start(list, format);
  cg_text text = formatted(format, list);
  va_end(list);
  return text;
}

void *cg_fail(cg_call *call, cg_code code, const char *format, ...) {
  va_list list;
  va_start(list, format);
  call->failure = (cg_failure){code, formatted(format, list), code == CG_TRANSIENT, NULL};
  call->failed = true;
  va_end(list);
  return NULL;
}
