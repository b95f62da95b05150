/* What the C library asks of a machine, led to the host: the time, waiting, chance, and what is printed.

   The library calls these by the names of an older system interface. The linker leaves out those that nobody needs, so
   a plugin that prints nothing does not ask for the log. */

#include <string.h>

#include "wire.h"

/* Nanoseconds of a millisecond: the finest grain of a clock. */
#define MILLISECOND 1000000

/* Random bytes that the host gives at once. */
#define MOST_RANDOM 65536

/* Bytes of one line that is printed; the host cuts longer ones, too. */
#define LINE 4096

#define SYSTEM(name) int32_t __imported_wasi_snapshot_preview1_##name

IMPORT("log", "write") void system_log(int32_t, const char *, size_t, const cg_text *, size_t);
IMPORT("clock", "now") uint64_t system_now(void);
IMPORT("clock", "elapsed") uint64_t system_elapsed(void);
IMPORT("clock", "sleep") void system_sleep(uint32_t);
IMPORT("random", "bytes") void system_random(uint32_t, cg_text *);

SYSTEM(clock_res_get)(int32_t clock, int32_t to) {
  (void)clock;
  *(uint64_t *)to = MILLISECOND;
  return 0;
}

/* Clock 0 is the time of day; all others measure the call. */
SYSTEM(clock_time_get)(int32_t clock, int64_t precision, int32_t to) {
  (void)precision;
  *(uint64_t *)to = (clock == 0 ? system_now() : system_elapsed()) * MILLISECOND;
  return 0;
}

SYSTEM(random_get)(int32_t to, int32_t length) {
  for (uint32_t done = 0; done < (uint32_t)length;) {
    uint32_t part = (uint32_t)length - done;
    if (part > MOST_RANDOM) part = MOST_RANDOM;
    cg_text bytes;
    system_random(part, &bytes);
    memcpy((char *)to + done, bytes.data, part);
    done += part;
  }
  return 0;
}

/* What is waited for, and that it came. */
typedef struct {
  uint64_t user;
  uint8_t kind;
  _Alignas(8) uint32_t clock;
  uint64_t until;
  uint64_t precision;
  uint16_t absolute;
} subscription;

typedef struct {
  uint64_t user;
  uint16_t error;
  uint8_t kind;
  uint64_t bytes;
  uint16_t flags;
} event;

_Static_assert(sizeof(subscription) == 48 && sizeof(event) == 32, "as the interface lays them out");

/* Sleeping is all that is waited for: one moment of a clock. */
SYSTEM(poll_oneoff)(int32_t from, int32_t to, int32_t count, int32_t came) {
  subscription *wanted = (subscription *)from;
  if (count != 1 || wanted->kind != 0) return 58; /* not supported */
  uint64_t now = 0;
  if (wanted->absolute) now = (wanted->clock == 0 ? system_now() : system_elapsed()) * MILLISECOND;
  if (wanted->until > now) system_sleep((uint32_t)((wanted->until - now + MILLISECOND - 1) / MILLISECOND));
  *(event *)to = (event){.user = wanted->user};
  *(uint32_t *)came = 1;
  return 0;
}

/* Standard streams are a terminal, so that the library writes each line as it ends. */
SYSTEM(fd_fdstat_get)(int32_t file, int32_t to) {
  if (file < 0 || file > 2) return 8; /* no such file */
  memset((void *)to, 0, 24);
  *(uint8_t *)to = 2;
  return 0;
}

/* Lines of the log: what is written at once and does not end with a line ends there. */
SYSTEM(fd_write)(int32_t file, int32_t parts, int32_t count, int32_t written) {
  if (file != 1 && file != 2) return 8; /* no such file */
  static char line[LINE];
  int32_t level = file == 1 ? CG_INFO : CG_WARN;
  size_t length = 0, sum = 0;
  const cg_text *part = (const cg_text *)parts;
  for (int32_t i = 0; i < count; i += 1) {
    for (size_t at = 0; at < part[i].length; at += 1) {
      if (part[i].data[at] == '\n') {
        system_log(level, line, length, NULL, 0);
        length = 0;
      } else if (length < LINE) {
        line[length] = part[i].data[at];
        length += 1;
      }
    }
    sum += part[i].length;
  }
  if (length > 0) system_log(level, line, length, NULL, 0);
  *(uint32_t *)written = (uint32_t)sum;
  return 0;
}
