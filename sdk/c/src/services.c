/* Services of the host. The linker leaves out those that nobody calls, and their imports with them. */

#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "wire.h"

#define TEXT(text) text, strlen(text)

/* ---- Log, configuration, time, chance. ---- */

IMPORT("log", "write") void log_write(int32_t, const char *, size_t, const cg_text *, size_t);

void cg_log(cg_level level, const char *message, ...) {
  va_list list;
  size_t count = 0;
  va_start(list, message);
  while (va_arg(list, const char *) != NULL) count += 1;
  va_end(list);
  cg_text *fields = cg_memory((count + 1) * sizeof(cg_text));
  va_start(list, message);
  for (size_t i = 0; i < count; i += 1) fields[i] = wire_text(va_arg(list, const char *));
  va_end(list);
  log_write(level, TEXT(message), fields, count / 2);
}

IMPORT("config", "get") void config_get(cg_text *);

cg_json *cg_config(void) {
  cg_text text;
  config_get(&text);
  return cg_parse(text);
}

IMPORT("clock", "now") uint64_t clock_now(void);
IMPORT("clock", "elapsed") uint64_t clock_elapsed(void);
IMPORT("clock", "sleep") void clock_sleep(uint32_t);

uint64_t cg_now(void) { return clock_now(); }
uint64_t cg_elapsed(void) { return clock_elapsed(); }
void cg_sleep(uint32_t ms) { clock_sleep(ms); }

IMPORT("random", "bytes") void random_bytes(uint32_t, cg_text *);

cg_text cg_random(uint32_t length) {
  cg_text bytes;
  random_bytes(length, &bytes);
  return bytes;
}

/* ---- Stores. ---- */

IMPORT("kv", "get") void kv_get(const char *, size_t, const char *, size_t, void *);
IMPORT("kv", "set") void kv_set(const char *, size_t, const char *, size_t, const char *, size_t, void *);
IMPORT("kv", "delete") void kv_delete(const char *, size_t, const char *, size_t, void *);
IMPORT("kv", "swap")
void kv_swap(const char *, size_t, const char *, size_t, int32_t, const char *, size_t, const char *, size_t, void *);
IMPORT("kv", "list") void kv_list(const char *, size_t, const char *, size_t, int32_t, const char *, size_t, void *);

bool cg_kv_get(cg_call *call, const char *store, const char *key, cg_text *found) {
  RESULT(wire_option) result;
  kv_get(TEXT(store), TEXT(key), &result);
  if (result.failed) return wire_refused(call, &result.error);
  *found = result.value.some ? wire_kept(result.value.text) : (cg_text){NULL, 0};
  return true;
}

bool cg_kv_set(cg_call *call, const char *store, const char *key, cg_text value) {
  RESULT(uint8_t) result;
  kv_set(TEXT(store), TEXT(key), value.data, value.length, &result);
  return !result.failed || wire_refused(call, &result.error);
}

bool cg_kv_delete(cg_call *call, const char *store, const char *key) {
  RESULT(uint8_t) result;
  kv_delete(TEXT(store), TEXT(key), &result);
  return !result.failed || wire_refused(call, &result.error);
}

bool cg_kv_swap(cg_call *call, const char *store, const char *key, const cg_text *expected, cg_text value, bool *done) {
  RESULT(uint8_t) result;
  cg_text old = expected == NULL ? (cg_text){NULL, 0} : *expected;
  kv_swap(TEXT(store), TEXT(key), expected != NULL, old.data, old.length, value.data, value.length, &result);
  if (result.failed) return wire_refused(call, &result.error);
  *done = result.value != 0;
  return true;
}

typedef struct {
  wire_list keys;
  wire_option next;
} wire_page;

cg_json *cg_kv_list(cg_call *call, const char *store, const char *prefix, const char *after, const char **next) {
  RESULT(wire_page) result;
  kv_list(TEXT(store), TEXT(prefix), after != NULL, TEXT(after == NULL ? "" : after), &result);
  if (result.failed) return wire_refused(call, &result.error), NULL;
  cg_json *keys = cg_array();
  for (size_t i = 0; i < result.value.keys.count; i += 1) {
    cg_push(keys, cg_text_value(wire_kept(((cg_text *)result.value.keys.items)[i])));
  }
  if (next != NULL) *next = result.value.next.some ? wire_kept(result.value.next.text).data : NULL;
  return keys;
}

/* ---- Requests. ---- */

typedef struct {
  cg_text name, value;
} wire_header;

#define REQUEST_PARAMETERS                                                                                     \
  const char *, size_t, const char *, size_t, const wire_header *, size_t, int32_t, const char *, size_t, int32_t, \
      uint32_t, void *

IMPORT("http", "send") void http_send(REQUEST_PARAMETERS);
IMPORT("http", "open") void http_open(REQUEST_PARAMETERS);
IMPORT("http", "[method]body.next") void http_next(cg_body, uint32_t, void *);
IMPORT("http", "[resource-drop]body") void http_drop(cg_body);

static void ask(void (*how)(REQUEST_PARAMETERS), const cg_request *request, void *result) {
  wire_header *headers = cg_memory((request->header_count + 1) * sizeof(wire_header));
  for (size_t i = 0; i < request->header_count; i += 1) {
    headers[i] = (wire_header){wire_text(request->headers[i].name), wire_text(request->headers[i].value)};
  }
  const char *method = request->method == NULL ? "GET" : request->method;
  how(TEXT(method), TEXT(request->url), headers, request->header_count, request->body.data != NULL,
      request->body.data, request->body.length, request->timeout_ms != 0, request->timeout_ms, result);
}

static cg_response answer(uint16_t status, wire_list headers) {
  cg_response response = {status, cg_memory((headers.count + 1) * sizeof(cg_header)), headers.count, {"", 0}};
  for (size_t i = 0; i < headers.count; i += 1) {
    const wire_header *header = &((wire_header *)headers.items)[i];
    response.headers[i] = (cg_header){wire_kept(header->name).data, wire_kept(header->value).data};
  }
  return response;
}

typedef struct {
  uint16_t status;
  wire_list headers;
  cg_text body;
} wire_response;

bool cg_http_send(cg_call *call, const cg_request *request, cg_response *response) {
  RESULT(wire_response) result;
  ask(http_send, request, &result);
  if (result.failed) return wire_refused(call, &result.error);
  *response = answer(result.value.status, result.value.headers);
  response->body = wire_kept(result.value.body);
  return true;
}

typedef struct {
  uint16_t status;
  wire_list headers;
  cg_body body;
} wire_streamed;

bool cg_http_open(cg_call *call, const cg_request *request, cg_response *response, cg_body *body) {
  RESULT(wire_streamed) result;
  ask(http_open, request, &result);
  if (result.failed) return wire_refused(call, &result.error);
  *response = answer(result.value.status, result.value.headers);
  *body = result.value.body;
  return true;
}

bool cg_http_next(cg_call *call, cg_body body, uint32_t most, cg_text *piece) {
  RESULT(wire_option) result;
  http_next(body, most, &result);
  if (result.failed) return wire_refused(call, &result.error);
  *piece = result.value.some ? wire_kept(result.value.text) : (cg_text){NULL, 0};
  return true;
}

void cg_http_close(cg_body body) { http_drop(body); }

bool cg_http_ok(cg_call *call, const cg_response *response) {
  int status = response->status;
  if (status < 400) return true;
  bool again = status == 408 || status == 429 || status >= 500;
  cg_fail(call, again ? CG_TRANSIENT : CG_PERMANENT, "the peer answered %d", status);
  call->failure.detail = cg_set(cg_object(), "status", cg_integer(status));
  return false;
}

const char *cg_header_of(const cg_response *response, const char *name) {
  for (size_t i = 0; i < response->header_count; i += 1) {
    if (strcasecmp(response->headers[i].name, name) == 0) return response->headers[i].value;
  }
  return NULL;
}

/* ---- Secrets and media. ---- */

IMPORT("secret", "placeholder") void secret_placeholder(const char *, size_t, void *);

const char *cg_secret(cg_call *call, const char *label) {
  RESULT(cg_text) result;
  secret_placeholder(TEXT(label), &result);
  if (result.failed) return wire_refused(call, &result.error), NULL;
  return wire_kept(result.value).data;
}

IMPORT("blob", "put") void blob_put(const char *, size_t, const char *, size_t, int32_t, const char *, size_t, void *);
IMPORT("blob", "get")
void blob_get(const char *, size_t, const char *, size_t, uint64_t, int32_t, const char *, size_t, uint64_t, uint32_t, void *);

bool cg_blob_put(cg_call *call, cg_text bytes, const char *mime, const char *name, cg_media *media) {
  RESULT(wire_media) result;
  blob_put(bytes.data, bytes.length, TEXT(mime), name != NULL, TEXT(name == NULL ? "" : name), &result);
  if (result.failed) return wire_refused(call, &result.error);
  const wire_media *made = &result.value;
  cg_text none = {"", 0};
  *media = (cg_media){wire_kept(made->digest), wire_kept(made->mime), made->size, made->name.some ? wire_kept(made->name.text) : none};
  return true;
}

bool cg_blob_get(cg_call *call, const cg_media *media, uint64_t offset, uint32_t length, cg_text *bytes) {
  RESULT(cg_text) result;
  blob_get(media->digest.data, media->digest.length, media->mime.data, media->mime.length, media->size,
           media->name.length > 0, media->name.data, media->name.length, offset, length, &result);
  if (result.failed) return wire_refused(call, &result.error);
  *bytes = wire_kept(result.value);
  return true;
}

/* ---- Models and other plugins' tools. ---- */

/* A value as parameters: its three forms lie in the same places, and of JSON only the text is there. */
#define VALUE_PARAMETERS int32_t, const char *, size_t, uint32_t, uint32_t, uint64_t, uint32_t, uint32_t, uint32_t
#define VALUE(text) WIRE_JSON, (text).data, (text).length, 0, 0, 0, 0, 0, 0

IMPORT("model", "complete") void model_complete(const char *, size_t, VALUE_PARAMETERS, void *);
IMPORT("model", "open") void model_open(const char *, size_t, VALUE_PARAMETERS, void *);
IMPORT("model", "[method]reply-stream.next") void model_next(cg_stream, void *);
IMPORT("model", "[method]reply-stream.reply") void model_reply(cg_stream, void *);
IMPORT("model", "[resource-drop]reply-stream") void model_drop(cg_stream);

typedef RESULT(wire_reply) reply_result;

static bool replied(cg_call *call, const reply_result *result, cg_reply *reply) {
  if (result->failed) return wire_refused(call, &result->error);
  const wire_reply *made = &result->value;
  cg_json *message = wire_read(call, "reply", &made->message);
  *reply = (cg_reply){message, made->input_tokens, made->output_tokens, made->micro_usd};
  return message != NULL;
}

bool cg_model_complete(cg_call *call, const char *model, const cg_json *request, cg_reply *reply) {
  reply_result result;
  cg_text text = cg_write(request);
  model_complete(TEXT(model), VALUE(text), &result);
  return replied(call, &result, reply);
}

bool cg_model_open(cg_call *call, const char *model, const cg_json *request, cg_stream *stream) {
  RESULT(cg_stream) result;
  cg_text text = cg_write(request);
  model_open(TEXT(model), VALUE(text), &result);
  if (result.failed) return wire_refused(call, &result.error);
  *stream = result.value;
  return true;
}

bool cg_model_next(cg_call *call, cg_stream stream, cg_text *piece) {
  RESULT(wire_option) result;
  model_next(stream, &result);
  if (result.failed) return wire_refused(call, &result.error);
  *piece = result.value.some ? wire_kept(result.value.text) : (cg_text){NULL, 0};
  return true;
}

bool cg_model_reply(cg_call *call, cg_stream stream, cg_reply *reply) {
  reply_result result;
  model_reply(stream, &result);
  return replied(call, &result, reply);
}

void cg_model_close(cg_stream stream) { model_drop(stream); }

IMPORT("tools", "list") void tools_list(void *);
IMPORT("tools", "call") void tools_call(const char *, size_t, VALUE_PARAMETERS, void *);

typedef struct {
  cg_text name, description, input;
} wire_callable;

cg_json *cg_tools_list(cg_call *call) {
  RESULT(wire_list) result;
  tools_list(&result);
  if (result.failed) return wire_refused(call, &result.error), NULL;
  cg_json *tools = cg_array();
  for (size_t i = 0; i < result.value.count; i += 1) {
    const wire_callable *tool = &((wire_callable *)result.value.items)[i];
    cg_json *one = cg_set(cg_object(), "name", cg_text_value(wire_kept(tool->name)));
    cg_set(one, "description", cg_text_value(wire_kept(tool->description)));
    cg_push(tools, cg_set(one, "input", cg_parse(tool->input)));
  }
  return tools;
}

cg_json *cg_tools_call(cg_call *call, const char *name, const cg_json *arguments) {
  RESULT(wire_value) result;
  cg_text text = cg_write(arguments);
  tools_call(TEXT(name), VALUE(text), &result);
  if (result.failed) return wire_refused(call, &result.error), NULL;
  return wire_read(call, "result", &result.value);
}
