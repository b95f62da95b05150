//! Keys of other tools: who writes one means something, and is told what it is called here.

/// Keys as written elsewhere; a key that must be possible in the place; what to write.
const ROWS: &[(&[&str], &str, &str)] = &[
    (
        &["depends_on", "dependsOn", "needs", "requires"],
        "after",
        "a reference such as `${a.text}` orders two nodes; without one write `after: [a]`",
    ),
    (
        &["foreach", "for_each", "forEach", "items", "with_items"],
        "type",
        "a node per item is written `map: ${list}` with `do:` and `out:`",
    ),
    (
        &["if", "when", "condition", "unless"],
        "type",
        "a condition stands in a `switch` before the node: `switch: [ { when: …, to: this_node } ]`",
    ),
    (&["inputs", "input", "args", "arguments", "params", "parameters"], "with", "write `with:`"),
    (
        &["uses", "run", "action", "kind", "tool", "plugin"],
        "type",
        "write `type:` with a node type",
    ),
    (
        &["on", "sleep", "delay", "pause", "receive"],
        "type",
        "write `wait: { event: name }` or `wait: { for: 10m }`",
    ),
    (&["human", "approval", "manual"], "type", "write `type: human` with `form:`"),
    (&["retries", "max_retries"], "retry", "write `retry: { transient: { max: 3 } }`"),
    (&["name", "id"], "flow", "write `flow:` with an id such as `my_flow`"),
    (&["steps", "jobs", "tasks"], "nodes", "write `nodes:` with a map of ids to nodes"),
    (&["import", "imports", "plugins", "packages"], "use", "write `use:`"),
    (&["body", "steps", "nodes"], "do", "write `do:`"),
    (&["item", "var", "variable"], "as", "write `as:`"),
    (&["if", "case", "condition"], "when", "write `when:`"),
    (&["then", "goto", "next", "target"], "to", "write `to:`"),
    (&["default", "otherwise"], "else", "write `else:`"),
];

/// What to write instead of `key` where the keys `known` are possible.
pub(super) fn ours(key: &str, known: &[&str]) -> Option<String> {
    let row = ROWS.iter().find(|(keys, place, _)| keys.contains(&key) && known.contains(place));
    row.map(|(_, _, help)| (*help).to_owned())
}
