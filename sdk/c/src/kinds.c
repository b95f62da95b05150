/* The exports of the contract, for what the macros of the header were given. */

#include <string.h>

#include "wire.h"

/* A result that holds a value or an error. */
typedef struct {
  uint8_t failed;
  union {
    wire_value value;
    wire_error error;
  };
} answer;

static void *answered(const cg_call *call, const cg_json *output) {
  answer *to = cg_memory(sizeof(answer));
  memset(to, 0, sizeof *to);
  to->failed = call->failed || output == NULL;
  if (to->failed) {
    to->error = wire_failure(call);
  } else {
    to->value = wire_write(output);
  }
  return to;
}

/* A call of a function by name. */
typedef struct {
  cg_text name;
  wire_context context;
  wire_value input;
} named_call;

static bool is(cg_text name, const char *word) {
  return name.length == strlen(word) && memcmp(name.data, word, name.length) == 0;
}

static cg_json *ran(cg_call *call, const wire_value *input, const char *schema, cg_json *(*run)(cg_call *, cg_json *)) {
  cg_json *data = wire_read(call, "input", input);
  if (data == NULL || !schema_fits(call, "input", data, schema)) return NULL;
  return run(call, data);
}

/* ---- Tools. ---- */

typedef struct {
  cg_text name, description, input;
  wire_option output;
  wire_option title;
  uint8_t read_only, destructive, idempotent, open_world;
} wire_tool;

static wire_list *listed(void *items, size_t count) {
  wire_list *list = cg_memory(sizeof(wire_list));
  *list = (wire_list){items, count};
  return list;
}

void *cg_serve_tools(const cg_tool *tools, size_t count) {
  wire_tool *to = cg_memory(count * sizeof(wire_tool));
  for (size_t i = 0; i < count; i += 1) {
    const cg_tool *tool = &tools[i];
    to[i] = (wire_tool){
        .name = wire_text(tool->name),
        .description = wire_text(tool->description),
        .input = wire_text(tool->input),
        .output = wire_optional(tool->output),
        .title = wire_optional(tool->title),
        .read_only = tool->read_only,
        .destructive = tool->destructive,
        .idempotent = tool->idempotent,
        .open_world = tool->open_world,
    };
  }
  return listed(to, count);
}

void *cg_serve_tool_call(const cg_tool *tools, size_t count, void *arguments) {
  named_call *asked = arguments;
  cg_call call = wire_call(&asked->context);
  for (size_t i = 0; i < count; i += 1) {
    if (is(asked->name, tools[i].name)) return answered(&call, ran(&call, &asked->input, tools[i].input, tools[i].run));
  }
  cg_fail(&call, CG_INVALID_INPUT, "there is no tool `%.*s`", (int)asked->name.length, asked->name.data);
  return answered(&call, NULL);
}

/* ---- Nodes. ---- */

typedef struct {
  cg_text id, summary, input, output;
  struct {
    uint8_t tag;
    cg_text other;
  } effect;
} wire_node;

static uint8_t effect_of(const char *word) {
  static const char *const EFFECTS[] = {"pure", "read", "idempotent", "once", "compensable"};
  for (uint8_t i = 0; i < CG_COUNT(EFFECTS); i += 1) {
    if (strcmp(word, EFFECTS[i]) == 0) return i;
  }
  /* A word that is none: never repeated is the safe reading. */
  return 3;
}

void *cg_serve_nodes(const cg_node *nodes, size_t count) {
  wire_node *to = cg_memory(count * sizeof(wire_node));
  for (size_t i = 0; i < count; i += 1) {
    const cg_node *node = &nodes[i];
    to[i] = (wire_node){
        .id = wire_text(node->id),
        .summary = wire_text(node->summary),
        .input = wire_text(node->input),
        .output = wire_text(node->output),
        .effect = {effect_of(node->effect == NULL ? "once" : node->effect), {NULL, 0}},
    };
  }
  return listed(to, count);
}

void *cg_serve_node_run(const cg_node *nodes, size_t count, void *arguments) {
  named_call *asked = arguments;
  cg_call call = wire_call(&asked->context);
  for (size_t i = 0; i < count; i += 1) {
    if (is(asked->name, nodes[i].id)) return answered(&call, ran(&call, &asked->input, nodes[i].input, nodes[i].run));
  }
  cg_fail(&call, CG_INVALID_INPUT, "there is no node `%.*s`", (int)asked->name.length, asked->name.data);
  return answered(&call, NULL);
}

/* ---- What has one definition in a component. ---- */

static const char NOTHING[] = CG_SCHEMA({"type": "object", "properties": {}, "additionalProperties": false});

typedef struct {
  cg_text id, summary, config;
} wire_one;

static void *described(const char *id, const char *summary, const char *config) {
  wire_one *to = cg_memory(sizeof(wire_one));
  *to = (wire_one){wire_text(id), wire_text(summary), wire_text(config == NULL ? NOTHING : config)};
  return to;
}

/* ---- Guardrails. ---- */

typedef struct {
  cg_text label, message, path;
} wire_finding;

enum { PASS, MODIFY, REJECT, ESCALATE };

struct cg_verdict {
  uint8_t tag;
  cg_text reason;
  cg_json *content;
  wire_finding *findings;
  size_t count, room;
};

static cg_verdict *decided(uint8_t tag, const char *reason, cg_json *content) {
  cg_verdict *verdict = cg_memory(sizeof(cg_verdict));
  *verdict = (cg_verdict){.tag = tag, .reason = cg_text_from(reason), .content = content};
  return verdict;
}

cg_verdict *cg_pass(void) { return decided(PASS, "", NULL); }
cg_verdict *cg_modify(cg_json *content) { return decided(MODIFY, "", content); }
cg_verdict *cg_reject(const char *reason) { return decided(REJECT, reason, NULL); }
cg_verdict *cg_escalate(const char *reason) { return decided(ESCALATE, reason, NULL); }

cg_verdict *cg_find(cg_verdict *verdict, const char *label, const char *message, const char *path) {
  if (verdict->count == verdict->room) {
    size_t room = verdict->room == 0 ? 4 : verdict->room * 2;
    wire_finding *findings = cg_memory(room * sizeof(wire_finding));
    if (verdict->count > 0) memcpy(findings, verdict->findings, verdict->count * sizeof(wire_finding));
    verdict->findings = findings;
    verdict->room = room;
  }
  verdict->findings[verdict->count] = (wire_finding){cg_text_from(label), cg_text_from(message), cg_text_from(path)};
  verdict->count += 1;
  return verdict;
}

typedef struct {
  wire_context context;
  struct {
    uint8_t tag;
    cg_text other;
  } stage;
  wire_value content, config;
} check_call;

typedef struct {
  uint8_t failed;
  union {
    wire_error error;
    struct {
      uint8_t tag;
      union {
        struct {
          wire_value content;
          wire_list findings;
        } modified;
        struct {
          cg_text reason;
          wire_list findings;
        } objected;
      };
    } verdict __attribute__((aligned(8)));
  };
} check_answer;

void *cg_serve_guardrail(const cg_guardrail *its) { return described(its->id, its->summary, its->config); }

static cg_verdict *checked(const cg_guardrail *its, cg_call *call, const check_call *asked) {
  static const char *const STAGES[] = {"input", "output", "tool_call", "tool_result"};
  cg_json *config = wire_settings(call, &asked->config, its->config);
  cg_json *content = config == NULL ? NULL : wire_read(call, "content", &asked->content);
  if (content == NULL) return NULL;
  bool known = asked->stage.tag < CG_COUNT(STAGES);
  const char *stage = known ? STAGES[asked->stage.tag] : cg_format("%.*s", (int)asked->stage.other.length, asked->stage.other.data).data;
  return its->check(call, stage, content, config);
}

void *cg_serve_guardrail_check(const cg_guardrail *its, void *arguments) {
  check_call *asked = arguments;
  cg_call call = wire_call(&asked->context);
  cg_verdict *verdict = checked(its, &call, asked);
  check_answer *to = cg_memory(sizeof(check_answer));
  memset(to, 0, sizeof *to);
  to->failed = call.failed || verdict == NULL;
  if (to->failed) {
    to->error = wire_failure(&call);
    return to;
  }
  to->verdict.tag = verdict->tag;
  wire_list findings = {verdict->findings, verdict->count};
  if (verdict->tag == MODIFY) {
    to->verdict.modified.content = wire_write(verdict->content);
    to->verdict.modified.findings = findings;
  } else if (verdict->tag != PASS) {
    to->verdict.objected.reason = verdict->reason;
    to->verdict.objected.findings = findings;
  }
  return to;
}

/* ---- Filters. ---- */

typedef struct {
  wire_context context;
  wire_value request, config;
} before_call;

typedef struct {
  wire_context context;
  wire_value request, response, config;
} after_call;

typedef struct {
  wire_context context;
  struct {
    cg_text text;
    wire_value carry;
    uint8_t last;
  } piece;
  wire_value config;
} chunk_call;

typedef struct {
  uint8_t failed;
  union {
    wire_error error;
    struct {
      cg_text text;
      wire_value carry;
    } filtered;
  };
} chunk_answer;

void *cg_serve_filter(const cg_filter *its) { return described(its->id, its->summary, its->config); }

void *cg_serve_filter_before(const cg_filter *its, void *arguments) {
  before_call *asked = arguments;
  cg_call call = wire_call(&asked->context);
  cg_json *config = wire_settings(&call, &asked->config, its->config);
  cg_json *request = config == NULL ? NULL : wire_read(&call, "request", &asked->request);
  if (request != NULL && its->before != NULL) request = its->before(&call, request, config);
  return answered(&call, request);
}

void *cg_serve_filter_after(const cg_filter *its, void *arguments) {
  after_call *asked = arguments;
  cg_call call = wire_call(&asked->context);
  cg_json *config = wire_settings(&call, &asked->config, its->config);
  cg_json *request = config == NULL ? NULL : wire_read(&call, "request", &asked->request);
  cg_json *response = request == NULL ? NULL : wire_read(&call, "response", &asked->response);
  if (response != NULL && its->after != NULL) response = its->after(&call, response, request, config);
  return answered(&call, response);
}

void *cg_serve_filter_on_chunk(const cg_filter *its, void *arguments) {
  chunk_call *asked = arguments;
  cg_call call = wire_call(&asked->context);
  cg_json *config = wire_settings(&call, &asked->config, its->config);
  cg_json *carry = config == NULL ? NULL : wire_read(&call, "carry", &asked->piece.carry);
  chunk_answer *to = cg_memory(sizeof(chunk_answer));
  memset(to, 0, sizeof *to);
  cg_chunk chunk = {asked->piece.text, carry, asked->piece.last != 0};
  bool done = carry != NULL && (its->on_chunk == NULL || its->on_chunk(&call, &chunk, config));
  to->failed = call.failed || !done;
  if (to->failed) {
    to->error = wire_failure(&call);
  } else {
    to->filtered.text = chunk.text;
    to->filtered.carry = wire_write(chunk.carry);
  }
  return to;
}
