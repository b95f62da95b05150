/* All terms of a configuration as one automaton: a text is read once, however many terms there are. */
#ifndef TERMS_H
#define TERMS_H

#include "fold.h"

/* Terms of all lists and exceptions: some times what published lists of words hold. */
#define MOST_TERMS 20000

/* Characters of one term: a sentence. Together with MOST_TERMS it bounds the automaton, as does the next one. */
#define LONGEST_TERM 200

/* Letters of all terms: what fits into the memory of the plugin with a text of the greatest length. */
#define MOST_LETTERS 300000

typedef struct term {
  symbol *symbols;
  size_t length;
  /* Which list it stands in; none for an exception. */
  size_t list;
  bool exception;
  /* May begin and end inside of a word. */
  bool anywhere;
  /* Another term of the same class letters. */
  struct term *next;
} term;

typedef struct terms terms;

/* Room for terms of so many bytes. */
terms *terms_new(size_t bytes, fold how);
/* Adds a term; NULL when nothing of it can be compared or there are too many letters, with the reason in `why`. */
term *terms_add(terms *to, cg_text text, const char **why);
/* Call it once, when all are there. */
void terms_ready(terms *to);

/* A place where a term stands: bytes of the text. */
typedef struct {
  const term *found;
  uint32_t start, end;
} match;

/* Calls `take` for each place of each term, in the order of their ends. */
void terms_search(const terms *in, const folded *text, void (*take)(void *its, match place), void *its);

#endif
