/* Aho and Corasick's automaton over classes of letters; what it finds is then compared letter by letter.
 *
 * Its edges lie in one table of hashes: an alphabet of a million letters has few edges in each state.
 */

#include "terms.h"

#include <string.h>

typedef struct {
  /* Where to go on when no edge fits: the longest end of what was read that begins a term. */
  uint32_t fall;
  /* The nearest state on the way down that ends a term; 0 for none. */
  uint32_t shorter;
  term *ends;
} state;

typedef struct {
  /* The state in the upper half and the class in the lower; 0 is empty, as no class is 0. */
  uint64_t key;
  uint32_t to;
} edge;

struct terms {
  fold how;
  state *states;
  uint32_t count, room;
  edge *edges;
  uint32_t mask;
  /* Edges in the order that they were made: from a state to a later one. */
  uint64_t *made;
  folded buffer;
};

terms *terms_new(size_t bytes, fold how) {
  terms *to = cg_memory(sizeof(terms));
  memset(to, 0, sizeof *to);
  to->how = how;
  /* No letter has less than a byte; one state more is that before all letters. */
  to->room = (uint32_t)(bytes < MOST_LETTERS ? bytes : MOST_LETTERS) + 1;
  to->count = 1;
  to->states = cg_memory(to->room * sizeof(state));
  memset(to->states, 0, to->room * sizeof(state));
  to->made = cg_memory(to->room * sizeof(uint64_t));
  uint32_t places = 16;
  while (places < to->room * 2) places *= 2;
  to->mask = places - 1;
  to->edges = cg_memory(places * sizeof(edge));
  memset(to->edges, 0, places * sizeof(edge));
  return to;
}

/* The edge of a state, or the empty place where it belongs. */
static edge *edge_of(const terms *in, uint32_t from, uint32_t class) {
  uint64_t key = (uint64_t)from << 32 | class;
  uint32_t place = (uint32_t)((key * 0x9e3779b97f4a7c15u) >> 32) & in->mask;
  while (in->edges[place].key != 0 && in->edges[place].key != key) place = (place + 1) & in->mask;
  return &in->edges[place];
}

/* A text may hold U+0000, and no class is 0. */
static uint32_t class_of(const symbol *one) { return one->class + 1; }

term *terms_add(terms *to, cg_text text, const char **why) {
  fold_text(text, to->how, &to->buffer);
  size_t first = 0, last = to->buffer.count;
  symbol *all = to->buffer.symbols;
  while (first < last && all[first].letter == ' ') first += 1;
  while (first < last && all[last - 1].letter == ' ') last -= 1;
  if (first == last) {
    *why = "the term holds nothing that can be found; write letters";
    return NULL;
  }
  if (to->count + (last - first) > to->room) {
    *why = cg_format("all terms together have more than %d letters; use several guards", MOST_LETTERS).data;
    return NULL;
  }
  uint32_t at = 0;
  for (size_t i = first; i < last; i += 1) {
    edge *next = edge_of(to, at, class_of(&all[i]));
    if (next->key == 0) {
      next->key = (uint64_t)at << 32 | class_of(&all[i]);
      next->to = to->count;
      to->made[to->count] = next->key;
      to->count += 1;
    }
    at = next->to;
  }
  term *one = cg_memory(sizeof(term));
  memset(one, 0, sizeof *one);
  one->length = last - first;
  one->symbols = cg_memory(one->length * sizeof(symbol));
  memcpy(one->symbols, all + first, one->length * sizeof(symbol));
  one->next = to->states[at].ends;
  to->states[at].ends = one;
  return one;
}

static uint32_t step(const terms *in, uint32_t at, uint32_t class) {
  for (;;) {
    const edge *next = edge_of(in, at, class);
    if (next->key != 0) return next->to;
    if (at == 0) return 0;
    at = in->states[at].fall;
  }
}

/* A state falls to a shorter one, so states are done by their depth: those of one depth, then those of the next. */
void terms_ready(terms *to) {
  uint32_t *depth = cg_memory(to->count * sizeof(uint32_t)), deepest = 0;
  depth[0] = 0;
  for (uint32_t i = 1; i < to->count; i += 1) {
    depth[i] = depth[to->made[i] >> 32] + 1;
    if (depth[i] > deepest) deepest = depth[i];
  }
  /* Sorted by counting. */
  uint32_t *starts = cg_memory((deepest + 2) * sizeof(uint32_t)), *order = cg_memory(to->count * sizeof(uint32_t));
  memset(starts, 0, (deepest + 2) * sizeof(uint32_t));
  for (uint32_t i = 0; i < to->count; i += 1) starts[depth[i] + 1] += 1;
  for (uint32_t i = 1; i <= deepest; i += 1) starts[i] += starts[i - 1];
  for (uint32_t i = 0; i < to->count; i += 1) order[starts[depth[i]]++] = i;
  for (uint32_t i = 1; i < to->count; i += 1) {
    state *one = &to->states[order[i]];
    uint32_t parent = (uint32_t)(to->made[order[i]] >> 32);
    one->fall = parent == 0 ? 0 : step(to, to->states[parent].fall, (uint32_t)to->made[order[i]]);
    const state *below = &to->states[one->fall];
    one->shorter = below->ends != NULL ? one->fall : below->shorter;
  }
}

/* Whether the letters before `end` are those of the term. Signs may stand for letters, but not for all of them: `10` is
 * a number. An exception is taken as it is written. */
static bool spelled(const term *its, const symbol *from) {
  bool written = false;
  for (size_t i = 0; i < its->length; i += 1) {
    bool same = from[i].letter == its->symbols[i].letter;
    if (!same && (its->exception || !from[i].stands || its->symbols[i].stands)) return false;
    written = written || same;
  }
  return written;
}

/* Whether a place of the text continues a word: as a letter, or as a sign that stands for one. */
static bool in_word(const symbol *text, const symbol *its) { return text->word || text->letter != its->letter; }

static bool bound(const term *its, const folded *text, size_t start) {
  if (its->anywhere) return true;
  const symbol *all = text->symbols, *first = its->symbols, *last = &its->symbols[its->length - 1];
  size_t end = start + its->length;
  if (start > 0 && all[start - 1].word && in_word(&all[start], first)) return false;
  return !(end < text->count && all[end].word && in_word(&all[end - 1], last));
}

void terms_search(const terms *in, const folded *text, void (*take)(void *its, match place), void *its) {
  uint32_t at = 0;
  for (size_t i = 0; i < text->count; i += 1) {
    at = step(in, at, class_of(&text->symbols[i]));
    for (uint32_t found = in->states[at].ends != NULL ? at : in->states[at].shorter; found != 0;
         found = in->states[found].shorter) {
      for (const term *one = in->states[found].ends; one != NULL; one = one->next) {
        size_t start = i + 1 - one->length;
        if (!spelled(one, text->symbols + start) || !bound(one, text, start)) continue;
        take(its, (match){one, text->symbols[start].start, text->symbols[i].end});
      }
    }
  }
}
