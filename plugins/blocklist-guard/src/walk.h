/* What a content holds of the lists, and the content as it may go on. */
#ifndef WALK_H
#define WALK_H

#include "rules.h"

/* Findings of one check that are listed; a person who sees this many reads no further. Redaction goes on. */
#define MOST_FINDINGS 100

/* Bytes of one text: with its letters as they are compared, it fits into the memory of the plugin. */
#define LONGEST_TEXT 1000000

/* Places in one text where terms stand; more is no text of a person. */
#define MOST_PLACES 100000

typedef struct {
  size_t list;
  const char *path;
} finding;

typedef struct {
  const rules *rules;
  cg_call *call;
  cg_json *content;
  finding findings[MOST_FINDINGS];
  size_t listed, count;
  /* Which lists were met. */
  bool *met;
  action strictest;
  folded text;
  match *places;
  size_t place_count, place_room;
} walk;

/* Walks through all texts; NULL when the call has failed. */
walk *walked(cg_call *call, const rules *its, cg_json *content);

#endif
