/* What an author of a plugin in C or C++ includes: data, failures, services, and one macro for each kind of plugin.
 *
 * All memory comes from one arena that lives as long as the call, so nothing is freed. Functions that can fail return
 * NULL or false and leave the reason in the call: hand it on by returning NULL yourself. A service that is not called is
 * not linked, and what is not linked is not asked for.
 */
#ifndef CLEARGATE_H
#define CLEARGATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Data: the values of JSON. Readers take NULL and values of other types, and answer with nothing. ---- */

typedef enum { CG_NULL, CG_BOOL, CG_NUMBER, CG_STRING, CG_ARRAY, CG_OBJECT } cg_type;

typedef struct cg_json cg_json;

/* Bytes with a length; text is UTF-8, and a NUL follows it that is not counted. */
typedef struct {
  const char *data;
  size_t length;
} cg_text;

cg_type cg_type_of(const cg_json *value);
/* The field of an object; NULL when there is none. */
cg_json *cg_get(const cg_json *object, const char *name);
/* The number of items of an array or fields of an object. */
size_t cg_length(const cg_json *value);
/* The item of an array, or the value of a field by its place. */
cg_json *cg_at(const cg_json *value, size_t place);
/* The name of a field by its place. */
cg_text cg_name_at(const cg_json *object, size_t place);
cg_text cg_text_of(const cg_json *value);
/* As `cg_text_of`, for functions that take a NUL at the end; "" when it is no text. */
const char *cg_string_of(const cg_json *value);
bool cg_bool_of(const cg_json *value);
/* Whether the value is a whole number of 64 bits, which goes to `to`. */
bool cg_integer_of(const cg_json *value, int64_t *to);
double cg_number_of(const cg_json *value);
bool cg_equal(const cg_json *a, const cg_json *b);

cg_json *cg_null(void);
cg_json *cg_bool(bool value);
cg_json *cg_integer(int64_t value);
/* NULL for what JSON cannot write: infinite, or not a number. */
cg_json *cg_number(double value);
cg_json *cg_string(const char *text);
cg_json *cg_text_value(cg_text text);
cg_json *cg_array(void);
cg_json *cg_object(void);
/* Both return what they were given first, so that calls can be chained. */
cg_json *cg_push(cg_json *array, cg_json *item);
cg_json *cg_set(cg_json *object, const char *name, cg_json *value);
cg_json *cg_set_text(cg_json *object, cg_text name, cg_json *value);

/* NULL when the text is no JSON. */
cg_json *cg_parse(cg_text text);
cg_text cg_write(const cg_json *value);

/* Memory that lives as long as the call; a call that uses up its memory ends with `limit`. */
void *cg_memory(size_t size);
/* A formatted text in such memory. */
cg_text cg_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
cg_text cg_text_from(const char *text);

/* ---- Calls and failures. ---- */

typedef enum {
  CG_TRANSIENT,
  CG_PERMANENT,
  CG_TIMEOUT,
  CG_CANCELLED,
  CG_INVALID_INPUT,
  CG_DENIED,
  CG_LIMIT,
  CG_BUDGET,
  CG_UNKNOWN_OUTCOME,
  CG_BUG
} cg_code;

/* Why a call failed. `detail` is data for a program, or NULL. */
typedef struct {
  cg_code code;
  cg_text message;
  bool retryable;
  cg_json *detail;
} cg_failure;

/* Who calls, from where, and until when. */
typedef struct {
  cg_text run_id, address, idempotency_key, binding, tenant;
  uint32_t attempt;
  /* Milliseconds since 1970; 0 when the call has no deadline. */
  uint64_t deadline;
  /* Empty when the run is not traced. */
  cg_text trace_parent;
  bool failed;
  cg_failure failure;
} cg_call;

/* Fails the call, and returns NULL for the caller to return. `CG_TRANSIENT` may be tried again. */
void *cg_fail(cg_call *call, cg_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ---- Services of the host. Each returns false, or NULL, when the call has failed. ---- */

typedef enum { CG_TRACE, CG_DEBUG, CG_INFO, CG_WARN, CG_ERROR } cg_level;

/* Fields are names and texts by turns, ended by NULL. */
void cg_log(cg_level level, const char *message, ...);

/* The configuration of this binding. */
cg_json *cg_config(void);

/* Finds the bytes of a key; `found->data` is NULL when there is none. */
bool cg_kv_get(cg_call *call, const char *store, const char *key, cg_text *found);
bool cg_kv_set(cg_call *call, const char *store, const char *key, cg_text value);
bool cg_kv_delete(cg_call *call, const char *store, const char *key);
/* Sets the value only when the present one equals `expected`, which is NULL for none; says whether it did. */
bool cg_kv_swap(cg_call *call, const char *store, const char *key, const cg_text *expected, cg_text value, bool *done);
/* An array of at most 1,000 keys that start with `prefix`; `*next` is for the next call, and NULL at the end. */
cg_json *cg_kv_list(cg_call *call, const char *store, const char *prefix, const char *after, const char **next);

typedef struct {
  const char *name, *value;
} cg_header;

typedef struct {
  /* GET when NULL. */
  const char *method;
  const char *url;
  const cg_header *headers;
  size_t header_count;
  /* No body when `body.data` is NULL. */
  cg_text body;
  /* 0 for no bound but the call's own. */
  uint32_t timeout_ms;
} cg_request;

typedef struct {
  uint16_t status;
  cg_header *headers;
  size_t header_count;
  cg_text body;
} cg_response;

/* A body that is read piece by piece. */
typedef int32_t cg_body;

/* Sends a request and reads the whole answer. A status is no error. */
bool cg_http_send(cg_call *call, const cg_request *request, cg_response *response);
/* Sends a request; the answer's body is read with `cg_http_next`, until `piece->data` is NULL, and closed. */
bool cg_http_open(cg_call *call, const cg_request *request, cg_response *response, cg_body *body);
bool cg_http_next(cg_call *call, cg_body body, uint32_t most, cg_text *piece);
void cg_http_close(cg_body body);
/* Fails the call when the status is 400 or above; 408, 429 and 5xx may be tried again. */
bool cg_http_ok(cg_call *call, const cg_response *response);
/* The first header of a name, in any case; NULL when there is none. */
const char *cg_header_of(const cg_response *response, const char *name);

/* A placeholder for header values, query values and bodies of requests; the host puts the secret in. */
const char *cg_secret(cg_call *call, const char *label);

/* A handle to bytes that stay with the host; `name` is empty when there is none. */
typedef struct {
  cg_text digest, mime;
  uint64_t size;
  cg_text name;
} cg_media;

bool cg_blob_put(cg_call *call, cg_text bytes, const char *mime, const char *name, cg_media *media);
bool cg_blob_get(cg_call *call, const cg_media *media, uint64_t offset, uint32_t length, cg_text *bytes);

/* What a model answered: a message has `role`, `content` and, when there are any, `tool_calls`. Money is in millionths of
 * a US dollar. */
typedef struct {
  cg_json *message;
  uint64_t input_tokens, output_tokens, micro_usd;
} cg_reply;

/* An answer as it is made. */
typedef int32_t cg_stream;

/* Asks a model of the flow. A request has `messages`, and maybe `tools`, `schema`, `max_tokens` and `temperature`. */
bool cg_model_complete(cg_call *call, const char *model, const cg_json *request, cg_reply *reply);
/* The same, piece by piece: with `cg_model_next` until `piece->data` is NULL, then the whole, then closed. */
bool cg_model_open(cg_call *call, const char *model, const cg_json *request, cg_stream *stream);
bool cg_model_next(cg_call *call, cg_stream stream, cg_text *piece);
bool cg_model_reply(cg_call *call, cg_stream stream, cg_reply *reply);
void cg_model_close(cg_stream stream);

/* The tools of other plugins that may be called: an array of objects with `name`, `description` and `input`, a schema. */
cg_json *cg_tools_list(cg_call *call);
/* Calls one, and returns what it gives. */
cg_json *cg_tools_call(cg_call *call, const char *name, const cg_json *arguments);

/* Milliseconds since 1970; milliseconds since the call began; a wait. */
uint64_t cg_now(void);
uint64_t cg_elapsed(void);
void cg_sleep(uint32_t ms);

/* At most 65,536 bytes of chance. */
cg_text cg_random(uint32_t length);

/* ---- Kinds. ---- */

/* JSON as it is written: CG_SCHEMA({ "type": "object" }). */
#define CG_SCHEMA(...) #__VA_ARGS__

typedef struct {
  const char *name, *description, *title;
  bool read_only, destructive, idempotent, open_world;
  /* JSON Schemas; a tool without `output` says nothing of its result. */
  const char *input, *output;
  cg_json *(*run)(cg_call *call, cg_json *input);
} cg_tool;

typedef struct {
  /* `effect` is pure, read, idempotent, once or compensable; NULL is once, which is never repeated. */
  const char *id, *summary, *effect;
  const char *input, *output;
  cg_json *(*run)(cg_call *call, cg_json *input);
} cg_node;

typedef struct cg_verdict cg_verdict;

cg_verdict *cg_pass(void);
cg_verdict *cg_modify(cg_json *content);
cg_verdict *cg_reject(const char *reason);
cg_verdict *cg_escalate(const char *reason);
/* Adds what was found, never the thing itself; `path` is a JSON Pointer. Returns the verdict. */
cg_verdict *cg_find(cg_verdict *verdict, const char *label, const char *message, const char *path);

typedef struct {
  const char *id, *summary, *config;
  /* The stage is input, output, tool_call or tool_result. */
  cg_verdict *(*check)(cg_call *call, const char *stage, cg_json *content, cg_json *config);
} cg_guardrail;

typedef struct {
  cg_text text;
  cg_json *carry;
  bool last;
} cg_chunk;

/* Hooks that are left out pass everything on. `on_chunk` changes text and carry of the chunk. */
typedef struct {
  const char *id, *summary, *config;
  cg_json *(*before)(cg_call *call, cg_json *request, cg_json *config);
  cg_json *(*after)(cg_call *call, cg_json *response, cg_json *request, cg_json *config);
  bool (*on_chunk)(cg_call *call, cg_chunk *chunk, cg_json *config);
} cg_filter;

/* ---- Parts, which others use by their functions. A part describes nothing. ---- */

/* A function takes its parameters as an object and its configuration, and returns what the comment behind it says. */
typedef cg_json *(*cg_function)(cg_call *call, cg_json *input, cg_json *config);

/* In each part, `config` is the JSON Schema of its configuration; NULL when there is nothing to configure. */
typedef struct {
  const char *config;
  /* { model, request } to { message, usage: { input_tokens, output_tokens, micro_usd } }; usage may be left out */
  cg_function complete;
} cg_provider;

typedef struct {
  const char *config;
  /* { text } to an array of tokens; { tokens } to a text */
  cg_function encode, decode;
  /* { text } to a number; the length of `encode` when it is NULL */
  cg_function count;
} cg_tokenizer;

typedef struct {
  const char *config;
  /* { texts } to an array with an array of numbers for each text, all of one length */
  cg_function embed;
} cg_embedder;

typedef struct {
  const char *config;
  /* { query, limit } to an array of { id, text, score, metadata }, the best first; metadata may be left out */
  cg_function search;
} cg_retriever;

typedef struct {
  const char *config;
  /* { text, max_tokens } to a text */
  cg_function summarize;
} cg_summarizer;

typedef struct {
  const char *config;
  /* { key } to what was kept and still holds, or `cg_null()` */
  cg_function get;
  /* { key, entry, ttl_ms } to anything; `ttl_ms` is absent for ever */
  cg_function put;
} cg_cache;

typedef struct {
  const char *config;
  /* { cursor, limit } to { events: [{ id, input }], cursor }; one run is started for an `id` */
  cg_function poll;
  /* { id, output } to anything; NULL for a trigger without a way back */
  cg_function reply;
} cg_trigger;

/* What the macros below call; authors do not. */
void *cg_serve_tools(const cg_tool *tools, size_t count);
void *cg_serve_tool_call(const cg_tool *tools, size_t count, void *arguments);
void *cg_serve_nodes(const cg_node *nodes, size_t count);
void *cg_serve_node_run(const cg_node *nodes, size_t count, void *arguments);
void *cg_serve_guardrail(const cg_guardrail *guardrail);
void *cg_serve_guardrail_check(const cg_guardrail *guardrail, void *arguments);
void *cg_serve_filter(const cg_filter *filter);
void *cg_serve_filter_before(const cg_filter *filter, void *arguments);
void *cg_serve_filter_after(const cg_filter *filter, void *arguments);
void *cg_serve_filter_on_chunk(const cg_filter *filter, void *arguments);
void *cg_serve_provider_complete(const cg_provider *provider, void *arguments);
void *cg_serve_tokenizer_count(const cg_tokenizer *tokenizer, void *arguments);
void *cg_serve_tokenizer_encode(const cg_tokenizer *tokenizer, void *arguments);
void *cg_serve_tokenizer_decode(const cg_tokenizer *tokenizer, void *arguments);
void *cg_serve_embedder_embed(const cg_embedder *embedder, void *arguments);
void *cg_serve_retriever_search(const cg_retriever *retriever, void *arguments);
void *cg_serve_summarizer_summarize(const cg_summarizer *summarizer, void *arguments);
void *cg_serve_cache_get(const cg_cache *cache, void *arguments);
void *cg_serve_cache_put(const cg_cache *cache, void *arguments);
void *cg_serve_trigger_poll(const cg_trigger *trigger, void *arguments);
void *cg_serve_trigger_reply(const cg_trigger *trigger, void *arguments);

#ifdef __cplusplus
}
#define CG_C extern "C"
#else
#define CG_C
#endif

#define CG_EXPORT(name) CG_C __attribute__((export_name(name)))
#define CG_COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* The tools of a component: CG_TOOLS({ .name = "..", .run = .. }, { .. }) */
#define CG_TOOLS(...)                                                                   \
  static const cg_tool cg_its_tools[] = {__VA_ARGS__};                                  \
  CG_EXPORT("cleargate:tool/tool@0.1.0#list-tools") void *cg_export_list_tools(void) {  \
    return cg_serve_tools(cg_its_tools, CG_COUNT(cg_its_tools));                        \
  }                                                                                     \
  CG_EXPORT("cleargate:tool/tool@0.1.0#call") void *cg_export_call(void *arguments) {   \
    return cg_serve_tool_call(cg_its_tools, CG_COUNT(cg_its_tools), arguments);         \
  }

/* The nodes of a component. */
#define CG_NODES(...)                                                                   \
  static const cg_node cg_its_nodes[] = {__VA_ARGS__};                                  \
  CG_EXPORT("cleargate:node/node@0.1.0#describe") void *cg_export_describe(void) {      \
    return cg_serve_nodes(cg_its_nodes, CG_COUNT(cg_its_nodes));                        \
  }                                                                                     \
  CG_EXPORT("cleargate:node/node@0.1.0#run") void *cg_export_run(void *arguments) {     \
    return cg_serve_node_run(cg_its_nodes, CG_COUNT(cg_its_nodes), arguments);          \
  }

/* The guardrail of a component. */
#define CG_GUARDRAIL(...)                                                                                   \
  static const cg_guardrail cg_its_guardrail = __VA_ARGS__;                                                 \
  CG_EXPORT("cleargate:guardrail/guardrail@0.1.0#describe") void *cg_export_guardrail(void) {               \
    return cg_serve_guardrail(&cg_its_guardrail);                                                           \
  }                                                                                                         \
  CG_EXPORT("cleargate:guardrail/guardrail@0.1.0#check") void *cg_export_check(void *arguments) {           \
    return cg_serve_guardrail_check(&cg_its_guardrail, arguments);                                          \
  }

/* The filter of a component. */
#define CG_FILTER(...)                                                                                      \
  static const cg_filter cg_its_filter = __VA_ARGS__;                                                       \
  CG_EXPORT("cleargate:filter/filter@0.1.0#describe") void *cg_export_filter(void) {                        \
    return cg_serve_filter(&cg_its_filter);                                                                 \
  }                                                                                                         \
  CG_EXPORT("cleargate:filter/filter@0.1.0#before") void *cg_export_before(void *arguments) {               \
    return cg_serve_filter_before(&cg_its_filter, arguments);                                               \
  }                                                                                                         \
  CG_EXPORT("cleargate:filter/filter@0.1.0#after") void *cg_export_after(void *arguments) {                 \
    return cg_serve_filter_after(&cg_its_filter, arguments);                                                \
  }                                                                                                         \
  CG_EXPORT("cleargate:filter/filter@0.1.0#on-chunk") void *cg_export_on_chunk(void *arguments) {           \
    return cg_serve_filter_on_chunk(&cg_its_filter, arguments);                                             \
  }

/* One function of a part. */
#define CG_PART(kind, function)                                                                        \
  CG_EXPORT("cleargate:" #kind "/" #kind "@0.1.0#" #function)                                          \
  void *cg_export_##kind##_##function(void *arguments) {                                               \
    return cg_serve_##kind##_##function(&cg_its_##kind, arguments);                                    \
  }

/* The parts of a component, at most one of each: CG_EMBEDDER({ .embed = .. }) */
#define CG_PROVIDER(...)                                  \
  static const cg_provider cg_its_provider = __VA_ARGS__; \
  CG_PART(provider, complete)
#define CG_TOKENIZER(...)                                   \
  static const cg_tokenizer cg_its_tokenizer = __VA_ARGS__; \
  CG_PART(tokenizer, count)                                 \
  CG_PART(tokenizer, encode)                                \
  CG_PART(tokenizer, decode)
#define CG_EMBEDDER(...)                                  \
  static const cg_embedder cg_its_embedder = __VA_ARGS__; \
  CG_PART(embedder, embed)
#define CG_RETRIEVER(...)                                   \
  static const cg_retriever cg_its_retriever = __VA_ARGS__; \
  CG_PART(retriever, search)
#define CG_SUMMARIZER(...)                                    \
  static const cg_summarizer cg_its_summarizer = __VA_ARGS__; \
  CG_PART(summarizer, summarize)
#define CG_CACHE(...)                               \
  static const cg_cache cg_its_cache = __VA_ARGS__; \
  CG_PART(cache, get)                               \
  CG_PART(cache, put)
#define CG_TRIGGER(...)                                 \
  static const cg_trigger cg_its_trigger = __VA_ARGS__; \
  CG_PART(trigger, poll)                                \
  CG_PART(trigger, reply)

#endif
