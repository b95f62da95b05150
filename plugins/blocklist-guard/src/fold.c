/* Folds letters: case, accents, width, styles, letters of other alphabets that look Latin, signs that stand for letters.
 *
 * The tables hold what people use to get around a list of words, and not the whole of Unicode's confusables: the more
 * letters are one, the more innocent words are found.
 */

#include "fold.h"

#include <stdlib.h>
#include <string.h>
#include <uchar.h>
#include <wctype.h>

/* Folds that make two letters of one, at most. */
#define MOST_OF_ONE 2

/* Code points whose letters are remembered. */
#define SEEN 1024

/* Single letters with the same sign between them, `b.a.d`, that are read as one word: fewer may be initials. */
#define LEAST_SPACED 3

/* Latin letters with accents and strokes, by the letter under them; `.` has none. */
static const struct {
  uint32_t first, last;
  const char *letters;
} ACCENTED[] = {
    {0xc0, 0x17f,
     "aaaaaa.ceeeeiiiidnooooo.ouuuuy..aaaaaa.ceeeeiiiidnooooo.ouuuuy.y"
     "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiii..jjkkklllllll"
     "lllnnnnnnnnnoooooo..rrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs"},
    {0x1cd, 0x233,
     "aaiioouuuuuuuuuu.aaaa....ggkkoooo..j...gg..nnaa....aaaaeeeeiiiio"
     "ooorrrruuuusstt..hh......aaeeooooooooyy"},
    {0x1e00, 0x1eff,
     "aabbbbbbccddddddddddeeeeeeeeeeffgghhhhhhhhhhiiiikkkkkkllllllllmm"
     "mmmmnnnnnnnnoooooooopppprrrrrrrrssssssssssttttttttuuuuuuuuuuvvvv"
     "wwwwwwwwwwxxxxyyzzzzzzhtwy.s....aaaaaaaaaaaaaaaaaaaaaaaaeeeeeeee"
     "eeeeeeeeiiiioooooooooooooooooooooooouuuuuuuuuuuuuuyyyyyyyy......"}
};

/* Alphabets in another style, one after the other: full width, circles, squares, those of mathematics. */
static const struct {
  uint32_t first, last;
  char from;
  uint32_t round;
} STYLED[] = {
    {0xff10, 0xff19, '0', 10},   {0xff21, 0xff3a, 'a', 26},   {0xff41, 0xff5a, 'a', 26},   {0x24b6, 0x24e9, 'a', 26},
    {0x249c, 0x24b5, 'a', 26},   {0x1d400, 0x1d6a3, 'a', 26}, {0x1d7ce, 0x1d7ff, '0', 10}, {0x1f110, 0x1f129, 'a', 26},
    {0x1f130, 0x1f149, 'a', 26}, {0x1f150, 0x1f169, 'a', 26}, {0x1f170, 0x1f189, 'a', 26}, {0x1f1e6, 0x1f1ff, 'a', 26},
    {0x2460, 0x2468, '1', 9},    {0x2080, 0x2089, '0', 10},
};

/* Small letters that look like a Latin one, in turns. By the small one alone, so that a word of their own script is the
 * same in both cases: where the cases look like different letters, it is the capital that counts. */
static const char32_t ALIKE[] =
    U"аaвbеeѕsіiјjкkмmнhоoрpсcтtуyхxԁdһhԛqԝwьbӏlёeїiйиѐeгr"
    U"αaβbεeζzηhιiκkμmνnοoρpτtυyχxωwάaέeήhίiόoύyώwϊiϋyΐiΰyςσϲc"
    U"օoսuցgհhոnլl"
    U"ɑaɡgɩiʟlɴnʀrᴀaʙbᴄcᴅdᴇeɢgʜhɪiᴊjᴋkᴍmᴏoᴘpꜱsᴛtᴜuᴠvᴡwʏyᴢzɓbɗdƒf"
    U"ℓlℎhℯeℊgℴoℬbℰeℱfℋhℐiℒlℳmℛrℂcℍhℕnℙpℚqℝrℤzℭcℜrℨzªaºo⁰0¹1²2³3⁴4⁵5⁶6⁷7⁸8⁹9";

/* Signs that stand for a letter. Each belongs to the class of the first of its letters. */
static const char32_t STANDS[] = U"0o1i!i|i¡i3e€e4a@a5s$s§s7t+t8b9g6g2z£l¢c";

/* Letters of one class: a sign may stand for each of them. */
static const char32_t CLASSES[] = U"li";

/* What takes no room, and marks that are written over a letter: first and last in turns. */
static const uint32_t NOTHING[] = {
    0x00ad,  0x00ad,  0x0300,  0x036f,  0x0483,  0x0489,  0x061c,  0x061c,  0x064b,  0x065f,  0x0670,  0x0670,
    0x115f,  0x1160,  0x17b4,  0x17b5,  0x180b,  0x180f,  0x1ab0,  0x1aff,  0x1dc0,  0x1dff,  0x200b,  0x200f,
    0x202a,  0x202e,  0x2060,  0x206f,  0x20d0,  0x20ff,  0x2800,  0x2800,  0x3164,  0x3164,  0xfe00,  0xfe0f,
    0xfe20,  0xfe2f,  0xfeff,  0xfeff,  0xffa0,  0xffa0,  0x1d173, 0x1d17a, 0xe0000, 0xe0fff,
};

/* Scripts without spaces between words: a word of them may stand anywhere. First and last in turns. */
static const uint32_t UNSPACED[] = {
    0x0e00, 0x0eff, 0x1000, 0x109f, 0x1780, 0x17ff, 0x3040, 0x30ff, 0x31f0,  0x31ff,
    0x3400, 0x4dbf, 0x4e00, 0x9fff, 0xf900, 0xfaff, 0xff66, 0xff9f, 0x20000, 0x3ffff,
};

static bool among(uint32_t code, const uint32_t *ranges, size_t count) {
  for (size_t i = 0; i < count; i += 2) {
    if (code >= ranges[i] && code <= ranges[i + 1]) return true;
  }
  return false;
}

/* The partner of a letter in a list of turns; the letter itself when it has none. */
static uint32_t partner(uint32_t code, const char32_t *turns, size_t size) {
  for (size_t i = 0; i + 1 < size; i += 2) {
    if (turns[i] == code) return turns[i + 1];
  }
  return code;
}

#define PARTNER(code, turns) partner(code, turns, sizeof(turns) / sizeof((turns)[0]) - 1)

/* The code point at a place, whose end goes to `next`. The host hands over UTF-8 that is right. */
static uint32_t code_at(cg_text text, size_t at, size_t *next) {
  const unsigned char *from = (const unsigned char *)text.data + at;
  int more = from[0] < 0xc0 ? 0 : from[0] < 0xe0 ? 1 : from[0] < 0xf0 ? 2 : 3;
  uint32_t code = more == 0 ? from[0] : from[0] & (0x3f >> more);
  for (int i = 1; i <= more && at + (size_t)i < text.length; i += 1) code = code << 6 | (from[i] & 0x3f);
  *next = at + (size_t)more + 1 > text.length ? text.length : at + (size_t)more + 1;
  return code;
}

static bool is_word(uint32_t code) { return iswalnum((wint_t)code) && !among(code, UNSPACED, CG_COUNT(UNSPACED)); }

static bool is_space(uint32_t code) {
  return iswspace((wint_t)code) || code == 0xa0 || code == 0x202f || code == '_' || code == '-' ||
         (code >= 0x2010 && code <= 0x2015);
}

static uint32_t plain(uint32_t code) {
  if (code < 0x80) return code >= 'A' && code <= 'Z' ? code + 32 : code;
  for (size_t i = 0; i < CG_COUNT(ACCENTED); i += 1) {
    if (code < ACCENTED[i].first || code > ACCENTED[i].last) continue;
    char letter = ACCENTED[i].letters[code - ACCENTED[i].first];
    if (letter != '.') return (uint32_t)letter;
  }
  for (size_t i = 0; i < CG_COUNT(STYLED); i += 1) {
    if (code < STYLED[i].first || code > STYLED[i].last) continue;
    return (uint32_t)STYLED[i].from + (code - STYLED[i].first) % STYLED[i].round;
  }
  return PARTNER((uint32_t)towlower((wint_t)code), ALIKE);
}

/* The letters of a code point; none for what takes no room. */
static size_t look_up(uint32_t code, fold how, uint32_t letters[MOST_OF_ONE]) {
  static const char32_t PAIRS[] = U"ßssẞssæaeÆaeœoeŒoeﬁfiﬂflﬀffĳijĲijþthÞth";
  letters[0] = how == FOLD_EXACT ? code : (uint32_t)towlower((wint_t)code);
  if (how != FOLD_ALIKE) return 1;
  if (code >= 0x80 && among(code, NOTHING, CG_COUNT(NOTHING))) return 0;
  for (size_t i = 0; code >= 0x80 && PAIRS[i] != 0; i += 3) {
    if (PAIRS[i] != code) continue;
    letters[0] = PAIRS[i + 1];
    letters[1] = PAIRS[i + 2];
    return 2;
  }
  letters[0] = is_space(code) ? ' ' : plain(code);
  return 1;
}

/* The symbols of a code point, without their place. */
typedef struct {
  uint32_t code;
  size_t count;
  symbol symbols[MOST_OF_ONE];
} reading;

static reading read_code(uint32_t code, fold how) {
  uint32_t letters[MOST_OF_ONE];
  reading one = {.code = code, .count = look_up(code, how, letters)};
  for (size_t i = 0; i < one.count; i += 1) {
    uint32_t stood = how == FOLD_ALIKE ? PARTNER(letters[i], STANDS) : letters[i];
    uint32_t class = how == FOLD_ALIKE ? PARTNER(stood, CLASSES) : stood;
    one.symbols[i] = (symbol){class, letters[i], 0, 0, stood != letters[i], is_word(code)};
  }
  return one;
}

/* As `read_code`, which goes through tables: a text has few letters, many times. A call folds in one way. */
static const reading *reading_of(uint32_t code, fold how) {
  static reading seen[SEEN];
  static bool filled[SEEN];
  size_t place = code % SEEN;
  if (!filled[place] || seen[place].code != code) {
    seen[place] = read_code(code, how);
    filled[place] = true;
  }
  return &seen[place];
}

static void make_room(folded *to, size_t most) {
  if (most <= to->room) return;
  free(to->symbols);
  to->room = most;
  to->symbols = malloc(most * sizeof(symbol));
  /* The host sees that the memory is used up, and says so. */
  if (to->symbols == NULL) __builtin_trap();
}

/* Takes the signs out of `b.a.d` and `b a d`: single letters with the same sign between them, and no letter beside. */
static void join_spaced(folded *to) {
  symbol *all = to->symbols;
  size_t kept = 0;
  for (size_t i = 0; i < to->count;) {
    size_t last = i;
    bool alone = all[i].word && (i == 0 || !all[i - 1].word) && i + 1 < to->count && !all[i + 1].word;
    while (alone && last + 2 < to->count && all[last + 1].letter == all[i + 1].letter && all[last + 2].word &&
           (last + 3 == to->count || !all[last + 3].word)) {
      last += 2;
    }
    bool spaced = (last - i) / 2 + 1 >= LEAST_SPACED;
    for (size_t at = i; at <= last; at += spaced ? 2 : 1) all[kept++] = all[at];
    i = last + 1;
  }
  to->count = kept;
}

void fold_text(cg_text text, fold how, folded *to) {
  to->count = 0;
  /* No code point makes more symbols than it has bytes. */
  make_room(to, text.length);
  for (size_t at = 0, next; at < text.length; at = next) {
    uint32_t code = code_at(text, at, &next);
    const reading *one = reading_of(code, how);
    symbol *before = to->count == 0 ? NULL : &to->symbols[to->count - 1];
    bool more_space = how == FOLD_ALIKE && one->count == 1 && one->symbols[0].letter == ' ' && before != NULL && before->letter == ' ';
    if (before != NULL && (one->count == 0 || more_space)) before->end = (uint32_t)next;
    if (more_space) continue;
    for (size_t i = 0; i < one->count; i += 1) {
      symbol *made = &to->symbols[to->count++];
      *made = one->symbols[i];
      made->start = (uint32_t)at;
      made->end = (uint32_t)next;
    }
  }
  if (how == FOLD_ALIKE) join_spaced(to);
}
