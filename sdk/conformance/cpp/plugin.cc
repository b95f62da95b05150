// Does what every plugin may do: the conformance suite in C++.

#include <array>
#include <cstring>

#include "cleargate.hpp"

using cleargate::Call, cleargate::Result, cleargate::Value, cleargate::fail, cleargate::view;

static bool begins_letter(char byte) { return (byte & 0xc0) != 0x80; }

static Result<> measure(Call, Value input) {
  std::string_view text = input["text"].text();
  int64_t letters = 0;
  for (char byte : text) letters += begins_letter(byte);
  std::optional<int64_t> most = input["most"].whole();
  if (most && letters > *most) return fail(CG_LIMIT, "more than " + std::to_string(*most) + " letters");
  return Value::object({{"letters", letters}, {"bytes", text.size()}});
}

static Result<> echo(Call, Value input) { return input; }

// ---- Services: each function returns what it got. ----

static Result<> clock_service(Call) {
  cg_sleep(1);
  return Value::array({cg_now(), cg_elapsed()});
}

static Value numbers(std::string_view bytes) {
  Value list = Value::array();
  for (unsigned char byte : bytes) list.push(byte);
  return list;
}

static Result<> random_service(Call) { return numbers(view(cg_random(8))); }

static Result<> log_service(Call) {
  cg_log(CG_INFO, "hello é", "answer", "42", nullptr);
  return "written";
}

static Result<> config_service(Call) { return Value(cg_config()); }

static Value found(std::optional<std::string_view> bytes) { return bytes ? Value(*bytes) : Value::null(); }

static Result<> kv_service(Call call) {
  auto old = cleargate::kv::get(call, "notes", "old"), none = cleargate::kv::get(call, "notes", "none");
  if (!old) return std::unexpected(old.error());
  if (!none) return std::unexpected(none.error());
  auto set = cleargate::kv::set(call, "notes", "new", "1");
  if (!set) return std::unexpected(set.error());
  cg_text one = cg_text_from("1");
  bool first, second;
  if (!cg_kv_swap(call.raw(), "notes", "new", &one, cg_text_from("2"), &first)) return call.failed();
  if (!cg_kv_swap(call.raw(), "notes", "new", &one, cg_text_from("3"), &second)) return call.failed();
  Value keys(cg_kv_list(call.raw(), "notes", "", nullptr, nullptr));
  if (!keys || !cg_kv_delete(call.raw(), "notes", "old")) return call.failed();
  auto gone = cleargate::kv::get(call, "notes", "old");
  if (!gone) return std::unexpected(gone.error());
  return Value::array({found(*old), found(*none), first, second, keys, found(*gone)});
}

static Result<> bytes_service(Call call) {
  auto set = cleargate::kv::set(call, "notes", "bytes", std::string_view("\0\xff\x80\n", 4));
  if (!set) return std::unexpected(set.error());
  auto bytes = cleargate::kv::get(call, "notes", "bytes");
  if (!bytes) return std::unexpected(bytes.error());
  return numbers(bytes->value_or(""));
}

static Result<> http_service(Call call) {
  cg_header headers[] = {{"x-part", "1"}, {"content-type", "application/json"}};
  cg_request request = {};
  request.method = "POST";
  request.url = "https://api.example.com/é?q=1";
  request.headers = headers;
  request.header_count = CG_COUNT(headers);
  request.body = cg_write(Value::object({{"a", "é"}}).raw());
  cg_response response;
  if (!cg_http_send(call.raw(), &request, &response)) return call.failed();
  return Value::array({response.status, cg_header_of(&response, "x-answer"), Value::parse(view(response.body))});
}

static cg_request root() {
  cg_request request = {};
  request.url = "https://api.example.com/";
  return request;
}

static Result<> status_service(Call call) {
  cg_response response;
  cg_request request = root();
  if (!cg_http_send(call.raw(), &request, &response) || !cg_http_ok(call.raw(), &response)) return call.failed();
  return response.status;
}

static Result<> stream_service(Call call) {
  cg_response response;
  cg_request request = root();
  cg_body body;
  std::string all;
  if (!cg_http_open(call.raw(), &request, &response, &body)) return call.failed();
  for (cg_text piece;;) {
    if (!cg_http_next(call.raw(), body, 3, &piece)) return call.failed();
    if (piece.data == nullptr) break;
    all += view(piece);
  }
  cg_http_close(body);
  return Value::array({response.status, all});
}

static Result<> secret_service(Call call) {
  const char *placeholder = cg_secret(call.raw(), "KEY");
  if (placeholder == nullptr) return call.failed();
  return placeholder;
}

static Result<> blob_service(Call call) {
  cg_media media;
  cg_text bytes;
  if (!cg_blob_put(call.raw(), cg_text_from("bytes"), "text/plain", nullptr, &media)) return call.failed();
  if (!cg_blob_get(call.raw(), &media, 1, 3, &bytes)) return call.failed();
  return Value::array({media.size, numbers(view(bytes))});
}

static Value question() {
  return Value::object({{"messages", Value::array({Value::object({{"role", "user"}, {"content", "é"}})})}});
}

static Result<> model_service(Call call) {
  cg_reply reply;
  if (!cg_model_complete(call.raw(), "fast", question().raw(), &reply)) return call.failed();
  return Value::array({Value(reply.message)["content"], reply.input_tokens, reply.output_tokens, reply.micro_usd});
}

static Result<> words_service(Call call) {
  cg_stream stream;
  cg_reply reply;
  std::string all;
  if (!cg_model_open(call.raw(), "fast", question().raw(), &stream)) return call.failed();
  for (cg_text piece;;) {
    if (!cg_model_next(call.raw(), stream, &piece)) return call.failed();
    if (piece.data == nullptr) break;
    all += view(piece);
  }
  if (!cg_model_reply(call.raw(), stream, &reply)) return call.failed();
  cg_model_close(stream);
  return Value::array({all, Value(reply.message)["role"]});
}

static Result<> tools_service(Call call) {
  Value tools(cg_tools_list(call.raw())), names = Value::array();
  if (!tools) return call.failed();
  for (Value tool : tools) names.push(Value::array({tool["name"], tool["input"]["type"]}));
  Value result(cg_tools_call(call.raw(), "web.search", Value::object({{"q", "é"}}).raw()));
  if (!result) return call.failed();
  return Value::array({names, result});
}

static Result<> context_service(Call call) {
  const cg_call &raw = *call.raw();
  Value deadline = raw.deadline == 0 ? Value::null() : Value(raw.deadline);
  return Value::array({call.run_id(), view(raw.address), raw.attempt, deadline, call.idempotency_key()});
}

static Result<> service(Call call, Value input) {
  struct Service {
    std::string_view name;
    Result<> (*get)(Call);
  };
  static constexpr Service SERVICES[] = {
      {"clock", clock_service},   {"random", random_service}, {"log", log_service},       {"config", config_service},
      {"kv", kv_service},         {"bytes", bytes_service},   {"http", http_service},     {"status", status_service},
      {"stream", stream_service}, {"secret", secret_service}, {"blob", blob_service},     {"context", context_service},
      {"model", model_service},   {"words", words_service},   {"tools", tools_service},
  };
  std::string_view what = input["what"].text();
  for (const Service &one : SERVICES) {
    if (one.name != what) continue;
    Result<> got = one.get(call);
    if (!got) return got;
    return Value::object({{"got", *got}});
  }
  return fail(CG_INVALID_INPUT, "no service " + std::string(what));
}

// The compiler must not see that this never ends.
static int deep(int depth) {
  volatile int here = depth;
  return here < 0 ? 0 : deep(here + 1) + here;
}

static Result<> fail_as_asked(Call, Value input) {
  static constexpr std::array<std::string_view, 10> CODES = {
      "transient", "permanent", "timeout", "cancelled", "invalid_input", "denied", "limit", "budget", "unknown_outcome", "bug"};
  std::string_view how = input["how"].text();
  volatile int forever = 1;
  if (how == "trap") __builtin_trap();
  if (how == "stack") return deep(0);
  if (how == "sleep") cg_sleep(60000);
  while (forever && how == "fuel") continue;
  while (forever && how == "memory") std::memset(cg_memory(1 << 20), 1, 1 << 20);
  for (size_t code = 0; code < CODES.size(); code += 1) {
    if (how == CODES[code]) return fail(static_cast<cg_code>(code), "as asked", Value::object({{"how", how}}));
  }
  return fail(CG_INVALID_INPUT, "no way " + std::string(how));
}

static Result<cg_verdict *> judge(Call, std::string_view stage, Value content, Value config) {
  std::string_view wanted = config["verdict"].text();
  if (wanted == "pass") return cg_pass();
  cg_verdict *verdict = wanted == "reject" ? cg_reject("as configured") : cg_escalate("as configured");
  if (wanted == "modify") verdict = cg_modify(Value::object({{"stage", stage}, {"was", content}}).raw());
  return cg_find(verdict, "seen", "it was seen", "/was");
}

static Result<> before(Call, Value request, Value config) { return request.set("marked", config["word"]); }

static Result<> after(Call, Value response, Value request, Value config) {
  return response.set("marked", Value::array({config["word"], request["marked"]}));
}

static Result<void> on_chunk(Call, cleargate::Chunk &chunk, Value config) {
  chunk.carry = chunk.carry.whole().value_or(0) + 1;
  if (chunk.last) chunk.text += config["word"].text();
  return {};
}

// ---- Parts. ----

static Result<> complete(Call, Value input, Value config) {
  Value usage = Value::object({{"input_tokens", 1}, {"output_tokens", 2}, {"micro_usd", (1ll << 53) - 1}});
  return Value::object({{"message", input.set("word", config["word"])}, {"usage", usage}});
}

// How many bytes a letter has that begins with a byte, and what of the letter is in that byte.
static std::pair<size_t, uint32_t> letter(unsigned char first) {
  size_t bytes = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  return {bytes, bytes == 1 ? first : first & (0x7fu >> bytes)};
}

static Result<> encode(Call, Value input, Value) {
  std::string_view text = input["text"].text();
  Value tokens = Value::array();
  for (size_t i = 0; i < text.size();) {
    auto [bytes, token] = letter(static_cast<unsigned char>(text[i]));
    for (size_t end = i + bytes; ++i < end;) token = token << 6 | (text[i] & 0x3f);
    tokens.push(token);
  }
  return tokens;
}

static Result<> decode(Call, Value input, Value) {
  std::string text;
  for (Value one : input["tokens"]) {
    long long token = one.whole().value_or(0);
    // The reader of JSON knows how a letter is written: as two halves beyond 16 bits.
    cg_text escaped = token < 0x10000
                          ? cg_format("\"\\u%04llx\"", token)
                          : cg_format("\"\\u%04llx\\u%04llx\"", 0xd7c0 + (token >> 10), 0xdc00 + (token & 0x3ff));
    text += Value::parse(view(escaped)).text();
  }
  return text;
}

static Result<> embed(Call, Value input, Value) {
  Value vectors = Value::array();
  for (Value text : input["texts"]) {
    int64_t letters = 0;
    for (char byte : text.text()) letters += begins_letter(byte);
    vectors.push(Value::array({letters, 0.5}));
  }
  return vectors;
}

static Result<> search(Call, Value input, Value config) {
  Value found = Value::array(), limit = input["limit"];
  if (limit.number() == 0) return found;
  Value metadata = Value::object({{"limit", limit}});
  return found.push(
      Value::object({{"id", input["query"]}, {"text", config["word"]}, {"score", 0.25}, {"metadata", metadata}}));
}

static Result<> summarize(Call, Value input, Value) {
  std::string_view text = input["text"].text();
  if (text == "wrong") return Value(7);
  size_t end = 0;
  for (double left = input["max_tokens"].number(); left > 0 && end < text.size(); left -= 1) {
    end += letter(static_cast<unsigned char>(text[end])).first;
  }
  return text.substr(0, end);
}

static Result<> get(Call, Value input, Value) { return input["key"].text() == "none" ? Value::null() : input; }

static Result<> put(Call call, Value input, Value) {
  Value ttl = input["ttl_ms"] ? input["ttl_ms"] : Value::null();
  auto done = cleargate::kv::set(call, "notes", input["key"].text(), Value::array({input["entry"], ttl}).write());
  if (!done) return std::unexpected(done.error());
  return Value::null();
}

static Result<> poll(Call, Value input, Value) {
  if (input["cursor"]) return Value::object({{"events", Value::array()}});
  Value first = Value::object({{"id", "first"}, {"input", Value::object({{"limit", input["limit"]}})}});
  Value second = Value::object({{"id", "é"}, {"input", Value::object()}});
  return Value::object({{"events", Value::array({first, second})}, {"cursor", "next"}});
}

static Result<> reply(Call call, Value input, Value) {
  std::string_view id = input["id"].text();
  if (id == "fail") return fail(CG_TRANSIENT, "as asked");
  auto done = cleargate::kv::set(call, "notes", id, input["output"].write());
  if (!done) return std::unexpected(done.error());
  return Value::null();
}

#define WORD CG_SCHEMA({"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"], "additionalProperties": false})

CG_PROVIDER({.config = WORD, .complete = cleargate::part<complete>})
CG_TOKENIZER({.encode = cleargate::part<encode>, .decode = cleargate::part<decode>})
CG_EMBEDDER({.embed = cleargate::part<embed>})
CG_RETRIEVER({.config = WORD, .search = cleargate::part<search>})
CG_SUMMARIZER({.summarize = cleargate::part<summarize>})
CG_CACHE({.get = cleargate::part<get>, .put = cleargate::part<put>})
CG_TRIGGER({.poll = cleargate::part<poll>, .reply = cleargate::part<reply>})

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
    .run = cleargate::run<measure>,
})

CG_TOOLS(
    {
        .name = "echo",
        .description = "Gives back what it was given.",
        .read_only = true,
        .input = VALUE,
        .output = VALUE,
        .run = cleargate::run<echo>,
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
        .run = cleargate::run<service>,
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
        .run = cleargate::run<fail_as_asked>,
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
    .check = cleargate::check<judge>,
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
    .before = cleargate::part<before>,
    .after = cleargate::after<after>,
    .on_chunk = cleargate::chunk<on_chunk>,
})
