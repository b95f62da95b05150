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
  if (!cg_blob_get(call, &media, 1, 3, &bytes)) return NULL;
  return cg_push(cg_push(cg_array(), cg_integer((int64_t)media.size)), numbers(bytes));
}

static cg_json *question(void) {
  cg_json *message = cg_set(cg_set(cg_object(), "role", cg_string("user")), "content", cg_string("é"));
  return cg_set(cg_object(), "messages", cg_push(cg_array(), message));
}

static cg_json *model_service(cg_call *call) {
  cg_reply reply;
  if (!cg_model_complete(call, "fast", question(), &reply)) return NULL;
  cg_json *got = cg_push(cg_array(), cg_get(reply.message, "content"));
  cg_push(cg_push(got, cg_integer((int64_t)reply.input_tokens)), cg_integer((int64_t)reply.output_tokens));
  return cg_push(got, cg_integer((int64_t)reply.micro_usd));
}

static cg_json *words_service(cg_call *call) {
  cg_stream stream;
  cg_text all = {"", 0}, piece;
  cg_reply reply;
  if (!cg_model_open(call, "fast", question(), &stream)) return NULL;
  for (;;) {
    if (!cg_model_next(call, stream, &piece)) return NULL;
    if (piece.data == NULL) break;
    all = cg_format("%s%s", all.data, piece.data);
  }
  if (!cg_model_reply(call, stream, &reply)) return NULL;
  cg_model_close(stream);
  return cg_push(cg_push(cg_array(), cg_text_value(all)), cg_get(reply.message, "role"));
}

static cg_json *tools_service(cg_call *call) {
  cg_json *tools = cg_tools_list(call), *names = cg_array();
  for (size_t i = 0; i < cg_length(tools); i += 1) {
    const cg_json *tool = cg_at(tools, i);
    cg_json *one = cg_push(cg_array(), cg_get(tool, "name"));
    cg_push(names, cg_push(one, cg_get(cg_get(tool, "input"), "type")));
  }
  cg_json *result = cg_tools_call(call, "web.search", cg_set(cg_object(), "q", cg_string("é")));
  return result == NULL ? NULL : cg_push(cg_push(cg_array(), names), result);
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
      {"model", model_service},   {"words", words_service},   {"tools", tools_service},
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

/* ---- Parts. ---- */

static cg_json *complete(cg_call *call, cg_json *input, cg_json *config) {
  (void)call;
  cg_json *usage = cg_set(cg_set(cg_object(), "input_tokens", cg_integer(1)), "output_tokens", cg_integer(2));
  cg_set(usage, "micro_usd", cg_integer((1ll << 53) - 1));
  return cg_set(cg_set(cg_object(), "message", cg_set(input, "word", cg_get(config, "word"))), "usage", usage);
}

/* How many bytes a letter has that begins with a byte, and what of the letter is in that byte. */
static size_t letter(unsigned char first, uint32_t *token) {
  size_t bytes = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  *token = bytes == 1 ? first : first & (0x7fu >> bytes);
  return bytes;
}

static cg_json *encode(cg_call *call, cg_json *input, cg_json *config) {
  (void)call, (void)config;
  cg_text text = cg_text_of(cg_get(input, "text"));
  cg_json *tokens = cg_array();
  for (size_t i = 0; i < text.length;) {
    uint32_t token;
    size_t end = i + letter((unsigned char)text.data[i], &token);
    for (i += 1; i < end; i += 1) token = token << 6 | (text.data[i] & 0x3f);
    cg_push(tokens, cg_integer(token));
  }
  return tokens;
}

static cg_json *decode(cg_call *call, cg_json *input, cg_json *config) {
  (void)call, (void)config;
  cg_json *tokens = cg_get(input, "tokens");
  cg_text text = {"", 0};
  for (size_t i = 0; i < cg_length(tokens); i += 1) {
    int64_t token = 0;
    cg_integer_of(cg_at(tokens, i), &token);
    /* The reader of JSON knows how a letter is written: as two halves beyond 16 bits. */
    const char *escaped = token < 0x10000 ? cg_format("\"\\u%04llx\"", (long long)token).data
                                          : cg_format("\"\\u%04llx\\u%04llx\"", 0xd7c0 + (token >> 10),
                                                      0xdc00 + (token & 0x3ff)).data;
    text = cg_format("%s%s", text.data, cg_string_of(cg_parse(cg_text_from(escaped))));
  }
  return cg_text_value(text);
}

static cg_json *embed(cg_call *call, cg_json *input, cg_json *config) {
  cg_json *texts = cg_get(input, "texts"), *vectors = cg_array();
  for (size_t i = 0; i < cg_length(texts); i += 1) {
    cg_json *letters = encode(call, cg_set(cg_object(), "text", cg_at(texts, i)), config);
    cg_json *vector = cg_push(cg_array(), cg_integer((int64_t)cg_length(letters)));
    cg_push(vectors, cg_push(vector, cg_number(0.5)));
  }
  return vectors;
}

static cg_json *search(cg_call *call, cg_json *input, cg_json *config) {
  (void)call;
  cg_json *limit = cg_get(input, "limit"), *found = cg_array();
  if (cg_number_of(limit) == 0) return found;
  cg_json *passage = cg_set(cg_set(cg_object(), "id", cg_get(input, "query")), "text", cg_get(config, "word"));
  cg_set(passage, "score", cg_number(0.25));
  return cg_push(found, cg_set(passage, "metadata", cg_set(cg_object(), "limit", limit)));
}

static cg_json *summarize(cg_call *call, cg_json *input, cg_json *config) {
  (void)call, (void)config;
  cg_text text = cg_text_of(cg_get(input, "text"));
  if (strcmp(text.data, "wrong") == 0) return cg_integer(7);
  size_t end = 0;
  uint32_t unused;
  for (double left = cg_number_of(cg_get(input, "max_tokens")); left > 0 && end < text.length; left -= 1) {
    end += letter((unsigned char)text.data[end], &unused);
  }
  return cg_text_value((cg_text){text.data, end});
}

static cg_json *get(cg_call *call, cg_json *input, cg_json *config) {
  (void)call, (void)config;
  return strcmp(cg_string_of(cg_get(input, "key")), "none") == 0 ? cg_null() : input;
}

static cg_json *put(cg_call *call, cg_json *input, cg_json *config) {
  (void)config;
  cg_json *ttl = cg_get(input, "ttl_ms");
  cg_json *kept = cg_push(cg_push(cg_array(), cg_get(input, "entry")), ttl == NULL ? cg_null() : ttl);
  return cg_kv_set(call, "notes", cg_string_of(cg_get(input, "key")), cg_write(kept)) ? cg_null() : NULL;
}

static cg_json *event(const char *id, cg_json *input) {
  return cg_set(cg_set(cg_object(), "id", cg_string(id)), "input", input);
}

static cg_json *poll(cg_call *call, cg_json *input, cg_json *config) {
  (void)call, (void)config;
  cg_json *events = cg_array(), *batch = cg_set(cg_object(), "events", events);
  if (cg_get(input, "cursor") != NULL) return batch;
  cg_push(events, event("first", cg_set(cg_object(), "limit", cg_get(input, "limit"))));
  cg_push(events, event("é", cg_object()));
  return cg_set(batch, "cursor", cg_string("next"));
}

static cg_json *reply(cg_call *call, cg_json *input, cg_json *config) {
  (void)config;
  const char *id = cg_string_of(cg_get(input, "id"));
  if (strcmp(id, "fail") == 0) return cg_fail(call, CG_TRANSIENT, "as asked");
  return cg_kv_set(call, "notes", id, cg_write(cg_get(input, "output"))) ? cg_null() : NULL;
}

#define WORD CG_SCHEMA({"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"], "additionalProperties": false})

CG_PROVIDER({.config = WORD, .complete = complete})
CG_TOKENIZER({.encode = encode, .decode = decode})
CG_EMBEDDER({.embed = embed})
CG_RETRIEVER({.config = WORD, .search = search})
CG_SUMMARIZER({.summarize = summarize})
CG_CACHE({.get = get, .put = put})
CG_TRIGGER({.poll = poll, .reply = reply})

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
