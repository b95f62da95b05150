/* Values as they cross the boundary. On this target, C lays out structures as the canonical ABI lays out records: so
 * each type of the contract is a structure here, and reading one is a cast.
 */
#ifndef CLEARGATE_WIRE_H
#define CLEARGATE_WIRE_H

#include "../include/cleargate.h"

typedef struct {
  uint8_t some;
  cg_text text;
} wire_option;

typedef struct {
  cg_text digest, mime;
  uint64_t size;
  wire_option name;
} wire_media;

enum { WIRE_JSON, WIRE_MEDIA, WIRE_OTHER };

typedef struct {
  uint8_t tag;
  union {
    cg_text text;
    wire_media media;
  };
} wire_value;

typedef struct {
  uint8_t code;
  cg_text message;
  uint8_t retryable;
  wire_option detail;
} wire_error;

typedef struct {
  cg_text run_id, address;
  uint32_t attempt;
  struct {
    uint8_t some;
    uint64_t at;
  } deadline;
  cg_text idempotency_key, binding, tenant;
  wire_option trace_parent;
} wire_context;

/* A list of anything. */
typedef struct {
  void *items;
  size_t count;
} wire_list;

_Static_assert(sizeof(void *) == 4, "the layout of the contract is that of 32 bits");
_Static_assert(sizeof(wire_error) == 28 && sizeof(wire_media) == 40 && sizeof(wire_value) == 48, "as the contract");
_Static_assert(sizeof(wire_context) == 80, "as the contract");

/* What a model answered. */
typedef struct {
  wire_value message;
  uint64_t input_tokens, output_tokens, micro_usd;
} wire_reply;

/* A result; a structure of its own for each payload. */
#define RESULT(type)    \
  struct {              \
    uint8_t failed;     \
    union {             \
      type value;       \
      wire_error error; \
    };                  \
  }

#define IMPORT(interface, name) \
  __attribute__((import_module("cleargate:host/" interface "@0.1.0"), import_name(name))) extern

cg_text wire_text(const char *text);
/* A copy of the host's text, with a NUL behind it. */
cg_text wire_kept(cg_text text);
wire_option wire_optional(const char *text);
cg_call wire_call(const wire_context *context);
/* Data of a value; fails the call, naming `what`, when it is none. */
cg_json *wire_read(cg_call *call, const char *what, const wire_value *value);
/* The configuration of a call; fails the call when it does not fit. Without a schema there is nothing to configure. */
cg_json *wire_settings(cg_call *call, const wire_value *config, const char *schema);
wire_value wire_write(const cg_json *value);
wire_error wire_failure(const cg_call *call);
/* Fails the call with what the host refused; returns false. */
bool wire_refused(cg_call *call, const wire_error *error);

/* Fails the call, naming `what` and the place, when data does not fit. */
bool schema_fits(cg_call *call, const char *what, const cg_json *data, const char *schema);

#endif
