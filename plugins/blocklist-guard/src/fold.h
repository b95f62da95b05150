/* A text as the guard reads it: letters that only look different are the same letter, and what has no width is nothing. */
#ifndef FOLD_H
#define FOLD_H

#include "cleargate.h"

typedef enum { FOLD_EXACT, FOLD_CASE, FOLD_ALIKE } fold;

/* One letter as it is compared, with its place in the text. */
typedef struct {
  /* The class of letters that a sign may stand for: `1` and `l` are in that of `i`. The automaton runs over these. */
  uint32_t class;
  /* The letter itself: in a class, `l` is not `i`. */
  uint32_t letter;
  /* Bytes of the text, with what has no width behind it. */
  uint32_t start, end;
  /* A digit or sign that may stand for a letter of its class. */
  bool stands;
  /* A part of a word. */
  bool word;
} symbol;

typedef struct {
  symbol *symbols;
  size_t count, room;
} folded;

/* Reads a text into `to`, whose memory is used again. */
void fold_text(cg_text text, fold how, folded *to);

#endif
