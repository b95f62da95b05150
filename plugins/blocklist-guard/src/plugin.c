/* A guardrail by lists of words: what must not stand in a text, however it is written, and what may all the same.
 *
 * Nothing that leaves the check holds what was found: not a message, not a path.
 */


#include "rules.h"
#include "walk.h"

static const char *said(const walk *seen, const rules *its) {
  const char *labels = "";
  for (size_t i = 0; i < its->count; i += 1) {
    if (!seen->met[i]) continue;
    labels = cg_format("%s%s%s", labels, *labels == 0 ? "" : ", ", its->lists[i].label).data;
  }
  return cg_format("%zu %s not keep the configured lists (%s)", seen->count, seen->count == 1 ? "place does" : "places do", labels).data;
}

static cg_verdict *decided(const walk *seen, const rules *its) {
  if (seen->count == 0) return cg_pass();
  switch (seen->strictest) {
    case REJECT:
      return cg_reject(said(seen, its));
    case ESCALATE:
      return cg_escalate(said(seen, its));
    default:
      return cg_modify(seen->content);
  }
}

static cg_verdict *check(cg_call *call, const char *stage, cg_json *content, cg_json *config) {
  (void)stage; /* a word that must not be said is as wrong in a prompt as in an answer */
  rules *its = rules_read(call, config);
  walk *seen = its == NULL ? NULL : walked(call, its, content);
  if (seen == NULL) return NULL;
  cg_verdict *verdict = decided(seen, its);
  for (size_t i = 0; i < seen->listed; i += 1) {
    const list *one = &its->lists[seen->findings[i].list];
    cg_find(verdict, one->label, one->message, seen->findings[i].path);
  }
  return verdict;
}

CG_GUARDRAIL({
    .id = "blocklist_guard",
    .summary = "Refuses, redacts or reports terms of configured lists, also when they are disguised.",
    .config = CG_SCHEMA({
      "type": "object",
      "additionalProperties": false,
      "required": ["lists"],
      "properties": {
        "lists": {
          "type": "array",
          "minItems": 1,
          "maxItems": 100,
          "description": "What must not stand in a text.",
          "items": {
            "type": "object",
            "additionalProperties": false,
            "required": ["label", "terms"],
            "properties": {
              "label": {"type": "string", "minLength": 1, "maxLength": 64, "description": "The name of what is found: a-z, 0-9 and _."},
              "terms": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "string"},
                "description": "Words and phrases, at most 200 characters each."
              },
              "within": {
                "enum": ["words", "text"],
                "description": "`words` finds whole words and phrases; `text` finds terms inside of words, too. `words` when absent."
              },
              "at": {"type": "string", "description": "JSON Pointer of the part that is read; all of the content when absent."},
              "action": {"enum": ["reject", "escalate", "redact", "report"], "description": "In the place of the one for all."},
              "message": {"type": "string", "maxLength": 200, "description": "What a person reads."}
            }
          }
        },
        "allow": {
          "type": "array",
          "items": {"type": "string"},
          "description": "What may stand all the same: a term inside of one of these passes."
        },
        "action": {
          "enum": ["reject", "escalate", "redact", "report"],
          "description": "What happens when a term of a list without an action of its own is found; `reject` when absent."
        },
        "fold": {
          "enum": ["alike", "case", "exact"],
          "description": "Which letters are the same: those that look alike, those of both cases, none. `alike` when absent."
        }
      }
    }),
    .check = check,
})
