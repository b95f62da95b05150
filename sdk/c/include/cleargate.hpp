/* What an author of a plugin in C++ includes: the functions of cleargate.h with the types of the standard library.
 *
 * There are no exceptions: what can fail returns a `Result`, and a function of a plugin returns the failure of another.
 * A `Value` is a pointer into the memory of the call, so it is copied freely and nothing is freed. Everything here is
 * inline: what is not called is not in the component.
 */
#ifndef CLEARGATE_HPP
#define CLEARGATE_HPP

#include <concepts>
#include <cstdint>
#include <cstring>
#include <expected>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cleargate.h"

/* Why the library stops, as at a text that is too long, goes to standard error, which is the host's log. Without this
 * every plugin would ask for that service: it traps in silence instead, with the names of the functions. */
__attribute__((weak)) void std::__libcpp_verbose_abort(const char *, ...) noexcept { __builtin_trap(); }

namespace cleargate {

inline std::string_view view(cg_text text) {
  return text.data == nullptr ? std::string_view() : std::string_view(text.data, text.length);
}

/* A text with a NUL behind it, which lives as long as the call. */
inline cg_text kept(std::string_view text) {
  char *bytes = static_cast<char *>(cg_memory(text.size() + 1));
  std::memcpy(bytes, text.data(), text.size());
  bytes[text.size()] = 0;
  return cg_text{bytes, text.size()};
}

/* A value of JSON, or nothing: what readers of a field that is not there get, and what they answer with nothing. */
class Value {
 public:
  Value() = default;
  explicit Value(cg_json *raw) : it(raw) {}
  Value(std::same_as<bool> auto truth) : it(cg_bool(truth)) {}
  Value(std::floating_point auto number) : it(cg_number(static_cast<double>(number))) {}
  template <std::integral Whole>
    requires(!std::same_as<Whole, bool>)
  Value(Whole number) : it(cg_integer(static_cast<int64_t>(number))) {}
  Value(const char *text) : it(cg_string(text)) {}
  Value(const std::string &text) : Value(std::string_view(text)) {}
  Value(std::string_view text) : it(cg_text_value(kept(text))) {}

  static Value null() { return Value(cg_null()); }
  static Value object(std::initializer_list<std::pair<std::string_view, Value>> fields = {}) {
    Value made(cg_object());
    for (const auto &[name, value] : fields) made.set(name, value);
    return made;
  }
  static Value array(std::initializer_list<Value> items = {}) {
    Value made(cg_array());
    for (const Value &item : items) made.push(item);
    return made;
  }
  /* Nothing when the text is no JSON. */
  static Value parse(std::string_view text) { return Value(cg_parse(kept(text))); }

  /* Whether there is a value; null is one. */
  explicit operator bool() const { return it != nullptr; }
  cg_type type() const { return cg_type_of(it); }
  Value operator[](std::string_view name) const { return Value(cg_get(it, kept(name).data)); }
  Value operator[](std::integral auto place) const { return Value(cg_at(it, static_cast<size_t>(place))); }
  size_t size() const { return cg_length(it); }
  std::string_view name(size_t place) const { return view(cg_name_at(it, place)); }
  std::string_view text() const { return view(cg_text_of(it)); }
  bool truth() const { return cg_bool_of(it); }
  double number() const { return cg_number_of(it); }
  std::optional<int64_t> whole() const {
    int64_t number = 0;
    return cg_integer_of(it, &number) ? std::optional(number) : std::nullopt;
  }
  std::string_view write() const { return view(cg_write(it)); }
  bool operator==(const Value &other) const { return cg_equal(it, other.it); }

  Value &set(std::string_view name, Value value) {
    cg_set_text(it, kept(name), value.it);
    return *this;
  }
  Value &push(Value item) {
    cg_push(it, item.it);
    return *this;
  }

  /* The items of an array, or the values of an object. */
  struct Iterator {
    const Value *of;
    size_t place;
    Value operator*() const { return (*of)[place]; }
    Iterator &operator++() {
      place += 1;
      return *this;
    }
    bool operator==(const Iterator &other) const { return place == other.place; }
  };
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, size()}; }

  /* For the functions of cleargate.h. */
  cg_json *raw() const { return it; }

 private:
  cg_json *it = nullptr;
};

/* Why a call failed. */
struct Failure {
  cg_code code;
  std::string message;
  bool retryable = false;
  Value detail = {};
};

template <typename T = Value>
using Result = std::expected<T, Failure>;

/* `return fail(CG_INVALID_INPUT, "the line is empty");` */
inline std::unexpected<Failure> fail(cg_code code, std::string message, Value detail = {}) {
  return std::unexpected(Failure{code, std::move(message), code == CG_TRANSIENT, detail});
}

/* Who calls, from where, and until when. */
class Call {
 public:
  explicit Call(cg_call *raw) : it(raw) {}
  std::string_view tenant() const { return view(it->tenant); }
  std::string_view binding() const { return view(it->binding); }
  std::string_view run_id() const { return view(it->run_id); }
  std::string_view idempotency_key() const { return view(it->idempotency_key); }

  /* For the functions of cleargate.h; what they left behind when they returned false or NULL is taken with `failed`. */
  cg_call *raw() const { return it; }
  std::unexpected<Failure> failed() const {
    it->failed = false;
    const cg_failure &why = it->failure;
    return std::unexpected(Failure{why.code, std::string(view(why.message)), why.retryable, Value(why.detail)});
  }

 private:
  cg_call *it;
};

/* ---- Services; those that are not here are called as in C, with `call.raw()`. ---- */

namespace kv {

/* The bytes of a key, if there is one. */
inline Result<std::optional<std::string_view>> get(Call call, std::string_view store, std::string_view key) {
  cg_text found;
  if (!cg_kv_get(call.raw(), kept(store).data, kept(key).data, &found)) return call.failed();
  return found.data == nullptr ? std::nullopt : std::optional(view(found));
}

inline Result<void> set(Call call, std::string_view store, std::string_view key, std::string_view bytes) {
  if (!cg_kv_set(call.raw(), kept(store).data, kept(key).data, kept(bytes))) return call.failed();
  return {};
}

}  // namespace kv

namespace http {

/* Sends a request and reads the whole answer; a status of 400 or above fails. */
inline Result<std::string_view> send(Call call, const cg_request &request) {
  cg_response response;
  if (!cg_http_send(call.raw(), &request, &response) || !cg_http_ok(call.raw(), &response)) return call.failed();
  return view(response.body);
}

/* Sends JSON, and reads JSON. */
inline Result<> post(Call call, std::string_view url, Value body) {
  cg_header type = {"content-type", "application/json"};
  cg_request request = {};
  request.method = "POST";
  request.url = kept(url).data;
  request.headers = &type;
  request.header_count = 1;
  request.body = cg_write(body.raw());
  Result<std::string_view> answer = send(call, request);
  if (!answer) return std::unexpected(answer.error());
  Value read = Value::parse(*answer);
  if (!read) return fail(CG_INVALID_INPUT, "the server answered with no JSON");
  return read;
}

}  // namespace http

/* ---- Functions of a plugin, as the macros of cleargate.h take them: `.run = cleargate::run<add>`. ---- */

inline void tell(cg_call *call, const Failure &failure) {
  cg_fail(call, failure.code, "%s", failure.message.c_str());
  call->failure.retryable = failure.retryable;
  call->failure.detail = failure.detail.raw();
}

inline cg_json *given(cg_call *call, const Result<> &result) {
  if (result) return result->raw() == nullptr ? cg_null() : result->raw();
  tell(call, result.error());
  return nullptr;
}

/* Result<> (Call, Value input), of a tool or node. */
template <auto function>
cg_json *run(cg_call *call, cg_json *input) {
  return given(call, function(Call(call), Value(input)));
}

/* Result<> (Call, Value input, Value config), of a part; `before` of a filter with the request. */
template <auto function>
cg_json *part(cg_call *call, cg_json *input, cg_json *config) {
  return given(call, function(Call(call), Value(input), Value(config)));
}

/* Result<> (Call, Value response, Value request, Value config), of a filter. */
template <auto function>
cg_json *after(cg_call *call, cg_json *response, cg_json *request, cg_json *config) {
  return given(call, function(Call(call), Value(response), Value(request), Value(config)));
}

struct Chunk {
  std::string text;
  Value carry;
  bool last;
};

/* Result<void> (Call, Chunk &, Value config), of a filter. */
template <auto function>
bool chunk(cg_call *call, cg_chunk *chunk, cg_json *config) {
  Chunk own{std::string(view(chunk->text)), Value(chunk->carry), chunk->last};
  Result<void> done = function(Call(call), own, Value(config));
  if (!done) {
    tell(call, done.error());
    return false;
  }
  chunk->text = kept(own.text);
  chunk->carry = own.carry.raw();
  return true;
}

/* Result<cg_verdict *> (Call, std::string_view stage, Value content, Value config), of a guardrail. */
template <auto function>
cg_verdict *check(cg_call *call, const char *stage, cg_json *content, cg_json *config) {
  Result<cg_verdict *> verdict = function(Call(call), std::string_view(stage), Value(content), Value(config));
  if (verdict) return *verdict;
  tell(call, verdict.error());
  return nullptr;
}

}  // namespace cleargate

#endif
