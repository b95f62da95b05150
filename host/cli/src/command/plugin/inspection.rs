//! A plugin in plain language: what it is, what it asks for and why, what its calls are limited to.

use cleargate::{Difference, Inspection, Requested};

use super::foreign;
use crate::output::{Talk, escaped};

/// The whole inspection.
pub(super) fn text(plugin: &Inspection, talk: &Talk) -> String {
    let mut out = format!(
        "{} {} ({})\n  {}\n  {}, {} KiB\n",
        talk.paint_data(&plugin.plugin, "1"),
        plugin.version,
        plugin.kinds.join(", "),
        escaped(&plugin.description),
        plugin.digest,
        plugin.size / 1024
    );
    out.push_str(&foreign::tools_text(plugin, talk));
    out.push_str("\nit asks for\n");
    if plugin.requests.is_empty() {
        out.push_str(match plugin.imports.is_empty() {
            true => "  nothing: it cannot reach anything outside its own memory\n",
            false => "  nothing that needs a grant\n",
        });
    }
    for request in &plugin.requests {
        let (glyph, code) = match (request.granted, request.optional) {
            (true, _) => ("✓", "32"),
            (false, true) => ("–", "2"),
            (false, false) => ("?", "33"),
        };
        out.push_str(&format!("  {} {}\n", talk.paint_data(glyph, code), request_text(request)));
    }
    if plugin.requests.iter().any(Requested::open) {
        out.push_str("  (✓ granted, ? not granted)\n");
    }
    if plugin.requests.iter().any(|request| request.optional && !request.granted) {
        out.push_str("  (– it can do without; `plugin install --grant=FILE` grants it)\n");
    }
    out.push_str("\nits component imports\n");
    for import in &plugin.imports {
        let meaning = plugin.meanings.iter().find(|(name, _)| name == import);
        let meaning = meaning.map(|(_, means)| format!(": {means}")).unwrap_or_default();
        out.push_str(&format!("  {import}{meaning}\n"));
    }
    if plugin.imports.is_empty() {
        out.push_str("  nothing\n");
    }
    for unserved in &plugin.unserved {
        out.push_str(&format!("  {} {}\n", talk.paint_data("✗", "31"), escaped(unserved)));
    }
    out.push_str("\none call is limited to\n");
    for limit in &plugin.limits {
        out.push_str(&format!("  {:11} {:8} ({})\n", limit.name, limit.value, limit.layer));
    }
    out
}

/// What an update changes: `+` may do and reach from now on, `-` no more.
pub(super) fn difference_text(plugin: &str, change: &Difference, talk: &Talk) -> String {
    let head = format!("{plugin} {} → {}", change.from, change.to);
    let mut out = format!("{}\n", talk.paint_data(&head, "1"));
    if let Some(moved) = &change.source {
        let (from, to) = (escaped(&moved.from), escaped(&moved.to));
        out.push_str(&format!(
            "  it comes from {to}, and what was approved from {from}: nothing that was granted goes over\n"
        ));
    }
    let (plus, minus) = (talk.paint_data("+", "33"), talk.paint_data("-", "32"));
    for request in &change.added {
        out.push_str(&format!("  {plus} {}\n", request_text(request)));
    }
    for request in &change.dropped {
        out.push_str(&format!("  {minus} no longer asked: {}\n", request_text(request)));
    }
    for import in &change.imports_added {
        out.push_str(&format!("  {plus} it imports {}\n", escaped(import)));
    }
    for import in &change.imports_dropped {
        out.push_str(&format!("  {minus} it imports no more: {}\n", escaped(import)));
    }
    if out.lines().count() == 1 {
        out.push_str("  asks for the same and imports the same\n");
    }
    out
}

fn request_text(request: &Requested) -> String {
    let reason = request.reason.as_deref().map(|r| format!(" — {}", escaped(r)));
    let permission = escaped(&request.permission);
    let only = match request.only.is_empty() {
        true => String::new(),
        false => format!("; granted is ONLY {}", escaped(&request.only.join(", "))),
    };
    format!("{permission}: it {}{only}{}", escaped(&request.meaning), reason.unwrap_or_default())
}
