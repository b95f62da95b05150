/* Does what every plugin may do: the conformance suite in C. */

#include <string.h>

#include "cleargate.h"

static cg_json *measure(cg_call *call, cg_json *input) {
  cg_text text = cg_text_of(cg_get(input, "text"));
  int64_t letters = 0, most;
  for (size_t i = 0; i < text.length; i += 1) letters += (text.data[i] & 0xc0) != 0x80;
  if (cg_integer_of(cg_get(input, "most"), &most) && letters > most) {
    return cg_fail(call, CG_LIMIT, "more than %lld letters", (long long)most);
  }
  cg_json *size = cg_set(cg_object(), "letters", cg_integer(letters));
  return cg_set(size, "bytes", cg_integer((int64_t)text.length));
}

static cg_json *echo(cg_call *call, cg_json *input) {
  (void)call;
  return input;
}

/* ---- Services: each function returns what it got. ---- */

static cg_json *clock_service(cg_call *call) {
  (void)call;
  cg_sleep(1);
  return cg_push(cg_push(cg_array(), cg_integer((int64_t)cg_now())), cg_integer((int64_t)cg_elapsed()));
}

static cg_json *numbers(cg_text bytes) {
  cg_json *list = cg_array();
  for (size_t i = 0; i < bytes.length; i += 1) cg_push(list, cg_integer((unsigned char)bytes.data[i]));
  return list;
}

static cg_json *random_service(cg_call *call) {
  (void)call;
  return numbers(cg_random(8));
}

static cg_json *log_service(cg_call *call) {
  (void)call;
  cg_log(CG_INFO, "hello é", "answer", "42", NULL);
  return cg_string("written");
}

static cg_json *config_service(cg_call *call) {
  (void)call;
  return cg_config();
}

static cg_json *found(cg_text bytes) { return bytes.data == NULL ? cg_null() : cg_text_value(bytes); }

static cg_json *kv_service(cg_call *call) {
  cg_text old, none, one = cg_text_from("1"), gone;
  bool first, second;
  if (!cg_kv_get(call, "notes", "old", &old) || !cg_kv_get(call, "notes", "none", &none)) return NULL;
  if (!cg_kv_set(call, "notes", "new", one)) return NULL;
  if (!cg_kv_swap(call, "notes", "new", &one, cg_text_from("2"), &first)) return NULL;
  if (!cg_kv_swap(call, "notes", "new", &one, cg_text_from("3"), &second)) return NULL;
  cg_json *keys = cg_kv_list(call, "notes", "", NULL, NULL);
  if (keys == NULL || !cg_kv_delete(call, "notes", "old") || !cg_kv_get(call, "notes", "old", &gone)) return NULL;
  cg_json *got = cg_push(cg_push(cg_array(), found(old)), found(none));
  return cg_push(cg_push(cg_push(cg_push(got, cg_bool(first)), cg_bool(second)), keys), found(gone));
}

static cg_json *bytes_service(cg_call *call) {
  cg_text bytes = {"\0\xff\x80\n", 4};
  if (!cg_kv_set(call, "notes", "bytes", bytes) || !cg_kv_get(call, "notes", "bytes", &bytes)) return NULL;
  return numbers(bytes);
}

static cg_json *http_service(cg_call *call) {
  cg_header headers[] = {{"x-part", "1"}, {"content-type", "application/json"}};
  cg_request request = {
      .method = "POST",
      .url = "https://api.example.com/é?q=1",
      .headers = headers,
      .header_count = CG_COUNT(headers),
      .body = cg_write(cg_set(cg_object(), "a", cg_string("é"))),
  };
  cg_response response;
  if (!cg_http_send(call, &request, &response)) return NULL;
  cg_json *got = cg_push(cg_array(), cg_integer(response.status));
  return cg_push(cg_push(got, cg_string(cg_header_of(&response, "x-answer"))), cg_parse(response.body));
}

static const cg_request ROOT = {.url = "https://api.example.com/"};

static cg_json *status_service(cg_call *call) {
  cg_response response;
  if (!cg_http_send(call, &ROOT, &response) || !cg_http_ok(call, &response)) return NULL;
  return cg_integer(response.status);
}

static cg_json *stream_service(cg_call *call) {
  cg_response response;
  cg_body body;
  cg_text all = {"", 0}, piece;
  if (!cg_http_open(call, &ROOT, &response, &body)) return NULL;
  for (;;) {
    if (!cg_http_next(call, body, 3, &piece)) return NULL;
    if (piece.data == NULL) break;
    all = cg_format("%s%s", all.data, piece.data);
  }
  cg_http_close(body);
  return cg_push(cg_push(cg_array(), cg_integer(response.status)), cg_text_value(all));
}

static cg_json *secret_service(cg_call *call) {
  const char *placeholder = cg_secret(call, "KEY");
  return placeholder == NULL ? NULL : cg_string(placeholder);
}

static cg_json *blob_service(cg_call *call) {
  cg_media media;
  if (!cg_blob_put(call, cg_text_from("bytes"), "text/plain", NULL, &media)) return NULL;
  cg_text bytes;
  return cg_blob_get(call, &media, 0, 5, &bytes) ? cg_integer((int64_t)media.size) : NULL;
}

static cg_json *context_service(cg_call *call) {
  cg_json *got = cg_push(cg_push(cg_array(), cg_text_value(call->run_id)), cg_text_value(call->address));
  cg_push(got, cg_integer(call->attempt));
  cg_push(got, call->deadline == 0 ? cg_null() : cg_integer((int64_t)call->deadline));
  return cg_push(got, cg_text_value(call->idempotency_key));
}

static cg_json *service(cg_call *call, cg_json *input) {
  static const struct {
    const char *name;
    cg_json *(*get)(cg_call *);
  } SERVICES[] = {
      {"clock", clock_service},   {"random", random_service}, {"log", log_service},       {"config", config_service},
      {"kv", kv_service},         {"bytes", bytes_service},   {"http", http_service},     {"status", status_service},
      {"stream", stream_service}, {"secret", secret_service}, {"blob", blob_service},     {"context", context_service},
  };
  const char *what = cg_string_of(cg_get(input, "what"));
  for (size_t i = 0; i < CG_COUNT(SERVICES); i += 1) {
    if (strcmp(what, SERVICES[i].name) != 0) continue;
    cg_json *got = SERVICES[i].get(call);
    return got == NULL ? NULL : cg_set(cg_object(), "got", got);
  }
  return cg_fail(call, CG_INVALID_INPUT, "no service %s", what);
}

/* The compiler must not see that this never ends. */
static int deep(volatile int depth) { return depth < 0 ? 0 : deep(depth + 1) + depth; }

static cg_json *fail(cg_call *call, cg_json *input) {
  static const char *const CODES[] = {"transient", "permanent", "timeout", "cancelled",       "invalid_input",
                                      "denied",    "limit",     "budget",  "unknown_outcome", "bug"};
  const char *how = cg_string_of(cg_get(input, "how"));
  volatile int forever = 1;
  if (strcmp(how, "trap") == 0) __builtin_trap();
  if (strcmp(how, "stack") == 0) return cg_integer(deep(0));
  if (strcmp(how, "sleep") == 0) cg_sleep(60000);
  while (forever && strcmp(how, "fuel") == 0) continue;
  while (forever && strcmp(how, "memory") == 0) memset(cg_memory(1 << 20), 1, 1 << 20);
  for (int code = CG_TRANSIENT; code <= CG_BUG; code += 1) {
    if (strcmp(how, CODES[code]) != 0) continue;
    cg_fail(call, (cg_code)code, "as asked");
    call->failure.detail = cg_set(cg_object(), "how", cg_string(how));
    return NULL;
  }
  return cg_fail(call, CG_INVALID_INPUT, "no way %s", how);
}

static cg_verdict *judge(cg_call *call, const char *stage, cg_json *content, cg_json *config) {
  (void)call;
  const char *wanted = cg_string_of(cg_get(config, "verdict"));
  cg_verdict *verdict = cg_escalate("as configured");
  if (strcmp(wanted, "pass") == 0) return cg_pass();
  if (strcmp(wanted, "reject") == 0) verdict = cg_reject("as configured");
  if (strcmp(wanted, "modify") == 0) {
    verdict = cg_modify(cg_set(cg_set(cg_object(), "stage", cg_string(stage)), "was", content));
  }
  return cg_find(verdict, "seen", "it was seen", "/was");
}

static cg_json *before(cg_call *call, cg_json *request, cg_json *config) {
  (void)call;
  return cg_set(request, "marked", cg_get(config, "word"));
}

static cg_json *after(cg_call *call, cg_json *response, cg_json *request, cg_json *config) {
  (void)call;
  cg_json *marks = cg_push(cg_push(cg_array(), cg_get(config, "word")), cg_get(request, "marked"));
  return cg_set(response, "marked", marks);
}

static bool on_chunk(cg_call *call, cg_chunk *chunk, cg_json *config) {
  (void)call;
  int64_t count = 0;
  cg_integer_of(chunk->carry, &count);
  chunk->carry = cg_integer(count + 1);
  const char *end = chunk->last ? cg_string_of(cg_get(config, "word")) : "";
  chunk->text = cg_format("%.*s%s", (int)chunk->text.length, chunk->text.data, end);
  return true;
}

#define VALUE CG_SCHEMA({"type": "object", "properties": {"value": {}}, "required": ["value"], "additionalProperties": false})

CG_NODES({
    .id = "measure",
    .summary = "Counts letters and bytes.",
    .effect = "pure",
    .input = CG_SCHEMA({
      "type": "object",
      "properties": {
        "text": {"type": "string", "description": "The text that is measured."},
        "most": {"type": "integer", "description": "Most letters that it may have."}
      },
      "required": ["text"],
      "additionalProperties": false
    }),
    .output = CG_SCHEMA({
      "type": "object",
      "properties": {"letters": {"type": "integer"}, "bytes": {"type": "integer"}},
      "required": ["letters", "bytes"],
      "additionalProperties": false
    }),
    .run = measure,
})

CG_TOOLS(
    {
        .name = "echo",
        .description = "Gives back what it was given.",
        .read_only = true,
        .input = VALUE,
        .output = VALUE,
        .run = echo,
    },
    {
        .name = "service",
        .description = "Uses a service of the host.",
        .input = CG_SCHEMA({
          "type": "object",
          "properties": {"what": {"type": "string", "description": "The service."}},
          "required": ["what"],
          "additionalProperties": false
        }),
        .output = CG_SCHEMA({
          "type": "object", "properties": {"got": {}}, "required": ["got"], "additionalProperties": false
        }),
        .run = service,
    },
    {
        .name = "fail",
        .description = "Fails as it is asked.",
        .input = CG_SCHEMA({
          "type": "object",
          "properties": {"how": {"type": "string", "description": "The code, or the way."}},
          "required": ["how"],
          "additionalProperties": false
        }),
        .output = VALUE,
        .run = fail,
    })

CG_GUARDRAIL({
    .id = "judge",
    .summary = "Decides as it is configured.",
    .config = CG_SCHEMA({
      "type": "object",
      "properties": {"verdict": {"type": "string"}},
      "required": ["verdict"],
      "additionalProperties": false
    }),
    .check = judge,
})

CG_FILTER({
    .id = "mark",
    .summary = "Marks what passes.",
    .config = CG_SCHEMA({
      "type": "object",
      "properties": {"word": {"type": "string"}},
      "required": ["word"],
      "additionalProperties": false
    }),
    .before = before,
    .after = after,
    .on_chunk = on_chunk,
})
