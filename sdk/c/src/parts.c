/* The functions of parts. Authors take and give data in the form in which golden cases write it; here it becomes the
 * types of the contract, and what does not fit them is a defect of the plugin.
 */

#include <string.h>

#include "wire.h"

/* A result of the size of its type, all zero. */
#define MADE(type) memset(cg_memory(sizeof(type)), 0, sizeof(type))

/* Ends a function of a part: the error, when the call has failed. */
#define DONE(call, to, done)                  \
  do {                                        \
    if (!(done) || (call)->failed) {          \
      (to)->failed = 1;                       \
      (to)->error = wire_failure(call);       \
    }                                         \
    return to;                                \
  } while (0)

/* Runs an author's function, when there is one and the configuration fits. */
static cg_json *ran(cg_call *call, const wire_value *config, const char *schema, cg_function function, cg_json *input) {
  cg_json *settings = input == NULL ? NULL : wire_settings(call, config, schema);
  if (settings == NULL) return NULL;
  return function == NULL ? cg_fail(call, CG_BUG, "the plugin leaves this function out") : function(call, input, settings);
}

/* Refuses what an author's function returned; nothing at all is told by `wire_failure`. */
static bool unfit(cg_call *call, const cg_json *output, const char *wanted) {
  if (output != NULL) cg_fail(call, CG_BUG, "the function returned no %s", wanted);
  return false;
}

static bool text_from(cg_call *call, const cg_json *output, cg_text *to) {
  if (output == NULL || cg_type_of(output) != CG_STRING) return unfit(call, output, "text");
  *to = cg_text_of(output);
  return true;
}

static bool count_from(cg_call *call, const cg_json *output, uint64_t *to) {
  int64_t number;
  if (!cg_integer_of(output, &number) || number < 0) return unfit(call, output, "whole number from 0");
  *to = (uint64_t)number;
  return true;
}

static bool array_from(cg_call *call, const cg_json *output) {
  return (output != NULL && cg_type_of(output) == CG_ARRAY) || unfit(call, output, "array");
}

static wire_list list_of(size_t count, size_t size) { return (wire_list){cg_memory(count * size + 1), count}; }

static cg_json *object_of(const char *name, cg_json *value) {
  return value == NULL ? NULL : cg_set(cg_object(), name, value);
}

/* ---- Providers. ---- */

typedef struct {
  wire_context context;
  cg_text model;
  wire_value request, config;
} complete_call;

static bool used(cg_call *call, const cg_json *usage, const char *name, uint64_t *to) {
  const cg_json *number = cg_get(usage, name);
  return number == NULL || count_from(call, number, to);
}

void *cg_serve_provider_complete(const cg_provider *its, void *arguments) {
  complete_call *asked = arguments;
  typedef RESULT(wire_reply) answer;
  answer *to = MADE(answer);
  cg_call call = wire_call(&asked->context);
  cg_json *input = object_of("request", wire_read(&call, "request", &asked->request));
  if (input != NULL) cg_set(input, "model", cg_text_value(wire_kept(asked->model)));
  cg_json *output = ran(&call, &asked->config, its->config, its->complete, input);
  cg_json *message = cg_get(output, "message"), *usage = cg_get(output, "usage");
  bool done = message != NULL || unfit(&call, output, "`message`");
  done = done && used(&call, usage, "input_tokens", &to->value.input_tokens);
  done = done && used(&call, usage, "output_tokens", &to->value.output_tokens);
  done = done && used(&call, usage, "micro_usd", &to->value.micro_usd);
  if (done) to->value.message = wire_write(message);
  DONE(&call, to, done);
}

/* ---- Tokenizers. ---- */

typedef struct {
  wire_context context;
  cg_text text;
  wire_value config;
} text_call;

static cg_json *of_text(cg_call *call, const text_call *asked, const char *schema, cg_function function) {
  return ran(call, &asked->config, schema, function, object_of("text", cg_text_value(wire_kept(asked->text))));
}

void *cg_serve_tokenizer_count(const cg_tokenizer *its, void *arguments) {
  text_call *asked = arguments;
  typedef RESULT(uint64_t) answer;
  answer *to = MADE(answer);
  cg_call call = wire_call(&asked->context);
  cg_json *output = of_text(&call, asked, its->config, its->count == NULL ? its->encode : its->count);
  bool done = its->count == NULL ? array_from(&call, output) : count_from(&call, output, &to->value);
  if (done && its->count == NULL) to->value = cg_length(output);
  DONE(&call, to, done);
}

void *cg_serve_tokenizer_encode(const cg_tokenizer *its, void *arguments) {
  text_call *asked = arguments;
  typedef RESULT(wire_list) answer;
  answer *to = MADE(answer);
  cg_call call = wire_call(&asked->context);
  cg_json *output = of_text(&call, asked, its->config, its->encode);
  bool done = array_from(&call, output);
  if (done) to->value = list_of(cg_length(output), sizeof(uint32_t));
  for (size_t i = 0; done && i < to->value.count; i += 1) {
    uint64_t token = 0;
    done = count_from(&call, cg_at(output, i), &token);
    done = done && (token <= UINT32_MAX || unfit(&call, output, "tokens of 32 bits"));
    ((uint32_t *)to->value.items)[i] = (uint32_t)token;
  }
  DONE(&call, to, done);
}

typedef struct {
  wire_context context;
  wire_list list;
  wire_value config;
} list_call;

void *cg_serve_tokenizer_decode(const cg_tokenizer *its, void *arguments) {
  list_call *asked = arguments;
  typedef RESULT(cg_text) answer;
  answer *to = MADE(answer);
  cg_call call = wire_call(&asked->context);
  cg_json *tokens = cg_array();
  for (size_t i = 0; i < asked->list.count; i += 1) cg_push(tokens, cg_integer(((uint32_t *)asked->list.items)[i]));
  cg_json *output = ran(&call, &asked->config, its->config, its->decode, object_of("tokens", tokens));
  DONE(&call, to, text_from(&call, output, &to->value));
}

/* ---- Embedders. ---- */

static bool vector_from(cg_call *call, const cg_json *output, wire_list *to) {
  if (!array_from(call, output)) return false;
  *to = list_of(cg_length(output), sizeof(float));
  for (size_t i = 0; i < to->count; i += 1) {
    const cg_json *number = cg_at(output, i);
    if (cg_type_of(number) != CG_NUMBER) return unfit(call, number, "vector of numbers");
    ((float *)to->items)[i] = (float)cg_number_of(number);
  }
  return true;
}

void *cg_serve_embedder_embed(const cg_embedder *its, void *arguments) {
  list_call *asked = arguments;
  typedef RESULT(wire_list) answer;
  answer *to = MADE(answer);
  cg_call call = wire_call(&asked->context);
  cg_json *texts = cg_array();
  for (size_t i = 0; i < asked->list.count; i += 1) {
    cg_push(texts, cg_text_value(wire_kept(((cg_text *)asked->list.items)[i])));
  }
  cg_json *output = ran(&call, &asked->config, its->config, its->embed, object_of("texts", texts));
  bool done = array_from(&call, output);
  if (done) to->value = list_of(cg_length(output), sizeof(wire_list));
  for (size_t i = 0; done && i < to->value.count; i += 1) {
    done = vector_from(&call, cg_at(output, i), &((wire_list *)to->value.items)[i]);
  }
  DONE(&call, to, done);
}

/* ---- Retrievers. ---- */

typedef struct {
  wire_context context;
  cg_text text;
  uint32_t number;
  wire_value config;
} bounded_call;

static cg_json *bounded(const bounded_call *asked, const char *text, const char *number) {
  cg_json *input = object_of(text, cg_text_value(wire_kept(asked->text)));
  return cg_set(input, number, cg_integer(asked->number));
}

typedef struct {
  cg_text id, text;
  double score;
  wire_value metadata;
} wire_passage;

static bool passage_from(cg_call *call, const cg_json *output, wire_passage *to) {
  if (!text_from(call, cg_get(output, "id"), &to->id) || !text_from(call, cg_get(output, "text"), &to->text)) {
    return unfit(call, output, "`id` and `text` in a passage");
  }
  const cg_json *score = cg_get(output, "score"), *metadata = cg_get(output, "metadata");
  if (cg_type_of(score) != CG_NUMBER) return unfit(call, output, "`score` in a passage");
  to->score = cg_number_of(score);
  to->metadata = wire_write(metadata == NULL ? cg_object() : metadata);
  return true;
}

void *cg_serve_retriever_search(const cg_retriever *its, void *arguments) {
  bounded_call *asked = arguments;
  typedef RESULT(wire_list) answer;
  answer *to = MADE(answer);
  cg_call call = wire_call(&asked->context);
  cg_json *output = ran(&call, &asked->config, its->config, its->search, bounded(asked, "query", "limit"));
  bool done = array_from(&call, output);
  if (done) to->value = list_of(cg_length(output), sizeof(wire_passage));
  for (size_t i = 0; done && i < to->value.count; i += 1) {
    done = passage_from(&call, cg_at(output, i), &((wire_passage *)to->value.items)[i]);
  }
  DONE(&call, to, done);
}

/* ---- Summarizers. ---- */

void *cg_serve_summarizer_summarize(const cg_summarizer *its, void *arguments) {
  bounded_call *asked = arguments;
  typedef RESULT(cg_text) answer;
  answer *to = MADE(answer);
  cg_call call = wire_call(&asked->context);
  cg_json *output = ran(&call, &asked->config, its->config, its->summarize, bounded(asked, "text", "max_tokens"));
  DONE(&call, to, text_from(&call, output, &to->value));
}

/* ---- Caches. ---- */

typedef struct {
  uint8_t some;
  wire_value value;
} wire_kept_value;

void *cg_serve_cache_get(const cg_cache *its, void *arguments) {
  text_call *asked = arguments;
  typedef RESULT(wire_kept_value) answer;
  answer *to = MADE(answer);
  cg_call call = wire_call(&asked->context);
  cg_json *input = object_of("key", cg_text_value(wire_kept(asked->text)));
  cg_json *output = ran(&call, &asked->config, its->config, its->get, input);
  if (output != NULL && cg_type_of(output) != CG_NULL) to->value = (wire_kept_value){1, wire_write(output)};
  DONE(&call, to, output != NULL);
}

typedef struct {
  wire_context context;
  cg_text key;
  wire_value entry;
  struct {
    uint8_t some;
    uint64_t ms;
  } ttl;
  wire_value config;
} put_call;

void *cg_serve_cache_put(const cg_cache *its, void *arguments) {
  put_call *asked = arguments;
  typedef RESULT(uint8_t) answer;
  answer *to = MADE(answer);
  cg_call call = wire_call(&asked->context);
  cg_json *input = object_of("entry", wire_read(&call, "entry", &asked->entry));
  if (input != NULL) cg_set(input, "key", cg_text_value(wire_kept(asked->key)));
  uint64_t ms = asked->ttl.ms > INT64_MAX ? INT64_MAX : asked->ttl.ms;
  if (input != NULL && asked->ttl.some) cg_set(input, "ttl_ms", cg_integer((int64_t)ms));
  DONE(&call, to, ran(&call, &asked->config, its->config, its->put, input) != NULL);
}

/* ---- Triggers. ---- */

typedef struct {
  wire_context context;
  wire_option cursor;
  uint32_t limit;
  wire_value config;
} poll_call;

typedef struct {
  cg_text id;
  wire_value input;
} wire_event;

typedef struct {
  wire_list events;
  wire_option cursor;
} wire_batch;

static bool event_from(cg_call *call, const cg_json *output, wire_event *to) {
  const cg_json *input = cg_get(output, "input");
  if (input == NULL || !text_from(call, cg_get(output, "id"), &to->id)) {
    return unfit(call, output, "`id` and `input` in an event");
  }
  to->input = wire_write(input);
  return true;
}

void *cg_serve_trigger_poll(const cg_trigger *its, void *arguments) {
  poll_call *asked = arguments;
  typedef RESULT(wire_batch) answer;
  answer *to = MADE(answer);
  cg_call call = wire_call(&asked->context);
  cg_json *input = object_of("limit", cg_integer(asked->limit));
  if (asked->cursor.some) cg_set(input, "cursor", cg_text_value(wire_kept(asked->cursor.text)));
  cg_json *output = ran(&call, &asked->config, its->config, its->poll, input);
  cg_json *events = cg_get(output, "events"), *cursor = cg_get(output, "cursor");
  bool done = (events != NULL && cg_type_of(events) == CG_ARRAY) || unfit(&call, output, "array `events`");
  if (done) to->value.events = list_of(cg_length(events), sizeof(wire_event));
  for (size_t i = 0; done && i < to->value.events.count; i += 1) {
    done = event_from(&call, cg_at(events, i), &((wire_event *)to->value.events.items)[i]);
  }
  if (done && cg_type_of(cursor) == CG_STRING) to->value.cursor = (wire_option){1, cg_text_of(cursor)};
  DONE(&call, to, done);
}

typedef struct {
  wire_context context;
  cg_text id;
  wire_value output, config;
} reply_call;

static cg_json *unread(cg_call *call, cg_json *input, cg_json *config) {
  (void)call, (void)input, (void)config;
  return cg_null();
}

void *cg_serve_trigger_reply(const cg_trigger *its, void *arguments) {
  reply_call *asked = arguments;
  typedef RESULT(uint8_t) answer;
  answer *to = MADE(answer);
  cg_call call = wire_call(&asked->context);
  cg_json *input = object_of("output", wire_read(&call, "output", &asked->output));
  if (input != NULL) cg_set(input, "id", cg_text_value(wire_kept(asked->id)));
  cg_function reply = its->reply == NULL ? unread : its->reply;
  DONE(&call, to, ran(&call, &asked->config, its->config, reply, input) != NULL);
}
