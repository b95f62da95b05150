/* Between the contract's structures and what authors see. */

#include "wire.h"

#include <string.h>

cg_text wire_text(const char *text) { return (cg_text){text, strlen(text)}; }

wire_option wire_optional(const char *text) {
  wire_option none = {0, {NULL, 0}};
  return text == NULL ? none : (wire_option){1, wire_text(text)};
}

/* The host's texts end where their length says; authors may want a NUL there. */
cg_text wire_kept(cg_text text) {
  char *copy = cg_memory(text.length + 1);
  if (text.length > 0) memcpy(copy, text.data, text.length);
  copy[text.length] = 0;
  return (cg_text){copy, text.length};
}

cg_call wire_call(const wire_context *context) {
  cg_call call = {
      .run_id = wire_kept(context->run_id),
      .address = wire_kept(context->address),
      .idempotency_key = wire_kept(context->idempotency_key),
      .binding = wire_kept(context->binding),
      .tenant = wire_kept(context->tenant),
      .attempt = context->attempt,
      .deadline = context->deadline.some ? context->deadline.at : 0,
      .trace_parent = context->trace_parent.some ? wire_kept(context->trace_parent.text) : (cg_text){"", 0},
  };
  return call;
}

cg_json *wire_read(cg_call *call, const char *what, const wire_value *value) {
  if (value->tag == WIRE_MEDIA) return cg_fail(call, CG_INVALID_INPUT, "the %s must be JSON; it is media", what);
  if (value->tag != WIRE_JSON) {
    return cg_fail(call, CG_INVALID_INPUT,
                   "the %s is of a kind that came after this plugin was built; rebuild the plugin", what);
  }
  cg_json *data = cg_parse(value->text);
  return data != NULL ? data : cg_fail(call, CG_INVALID_INPUT, "the %s is no JSON that is nested at most 128 deep", what);
}

cg_json *wire_settings(cg_call *call, const wire_value *config, const char *schema) {
  static const char NOTHING[] = CG_SCHEMA({"type": "object", "properties": {}, "additionalProperties": false});
  cg_json *data = wire_read(call, "configuration", config);
  if (data == NULL || !schema_fits(call, "configuration", data, schema == NULL ? NOTHING : schema)) return NULL;
  return data;
}

wire_value wire_write(const cg_json *value) { return (wire_value){.tag = WIRE_JSON, .text = cg_write(value)}; }

wire_error wire_failure(const cg_call *call) {
  static const char SILENT[] = "the function returned nothing";
  if (!call->failed) return (wire_error){CG_BUG, {SILENT, sizeof SILENT - 1}, 0, {0, {NULL, 0}}};
  wire_error error = {call->failure.code, call->failure.message, call->failure.retryable, {0, {NULL, 0}}};
  if (call->failure.detail != NULL) error.detail = (wire_option){1, cg_write(call->failure.detail)};
  return error;
}

bool wire_refused(cg_call *call, const wire_error *error) {
  cg_json *detail = NULL;
  /* Detail that is no JSON is kept as text: it may be the line that grants. */
  if (error->detail.some) {
    detail = cg_parse(error->detail.text);
    if (detail == NULL) detail = cg_text_value(wire_kept(error->detail.text));
  }
  call->failure = (cg_failure){error->code, wire_kept(error->message), error->retryable != 0, detail};
  call->failed = true;
  return false;
}
