/* The configuration as it is applied. */
#ifndef RULES_H
#define RULES_H

#include "terms.h"

/* The strictest first: it decides when terms of several lists are found. */
typedef enum { REJECT, ESCALATE, REDACT, REPORT } action;

typedef struct {
  const char *label;
  /* The label as it stands in a redacted text. */
  const char *shown;
  const char *message;
  /* JSON Pointer of the part that is read; empty for all. */
  cg_text at;
  action action;
} list;

typedef struct {
  list *lists;
  size_t count;
  terms *terms;
  fold fold;
} rules;

/* NULL, with the place in the message, when a list could not do what it says. */
rules *rules_read(cg_call *call, const cg_json *config);

#endif
