//! The rules of a site for programs, as RFC 9309 has them.

use cleargate::{Code, Error, json};

use crate::{refused, request};

/// Bytes of the rules that are read: as many as the standard asks of everybody.
const MAX_RULES: usize = 500 * 1024;
/// The name that rules call this plugin by.
const NAME: &str = "cleargate-web-fetch";

/// Asks for the rules of an address's site, and refuses what they do not allow.
pub(crate) fn ask(url: &str) -> Result<(), Error> {
    let (site, path) = split(url);
    if path == "/robots.txt" {
        return Ok(());
    }
    let answer = request(&format!("{site}/robots.txt")).open()?;
    match answer.status {
        200..=299 => {}
        // No rules are no refusal; a site that cannot say its rules is left alone.
        400..=499 => return Ok(()),
        status => return Err(refused(status, "`robots.txt` of the host")),
    }
    let mut rules = Vec::new();
    for piece in answer.body {
        rules.extend(piece?);
        if rules.len() > MAX_RULES {
            rules.truncate(MAX_RULES);
            break;
        }
    }
    match forbids(&String::from_utf8_lossy(&rules), path) {
        None => Ok(()),
        Some(rule) => {
            let message = format!(
                "`robots.txt` of the host forbids it to programs (`Disallow: {rule}`); `robots: false` is for pages of your own"
            );
            Err(Error::new(Code::Denied, message).with_detail(json!({ "rule": rule })))
        }
    }
}

/// An address as its site, and its path with what follows but the fragment.
fn split(url: &str) -> (&str, &str) {
    let url = url.split('#').next().unwrap_or(url);
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find(['/', '?']).map_or(url.len(), |at| start + at);
    (&url[..end], if url[end..].starts_with('/') { &url[end..] } else { "/" })
}

/// The rule that forbids a path: the longest that fits counts, and of two as long the one that allows.
pub(crate) fn forbids(text: &str, path: &str) -> Option<String> {
    let mut best: Option<(usize, bool, &str)> = None;
    for (allows, rule) in rules(text) {
        let longer =
            best.is_none_or(|(length, allowed, _)| (rule.len(), allows) > (length, allowed));
        if !rule.is_empty() && fits(rule, path) && longer {
            best = Some((rule.len(), allows, rule));
        }
    }
    best.filter(|(_, allows, _)| !allows).map(|(_, _, rule)| rule.chars().take(200).collect())
}

/// The rules of the groups for this plugin, or else of those for all.
fn rules(text: &str) -> Vec<(bool, &str)> {
    let (mut mine, mut all) = (Vec::new(), Vec::new());
    let (mut named, mut star, mut met, mut open) = (false, false, false, false);
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or("");
        let Some((key, value)) = line.split_once(':') else { continue };
        let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
        match key.as_str() {
            "user-agent" => {
                // Names one below the other share the rules behind them.
                if !open {
                    (named, star) = (false, false);
                }
                open = true;
                named |= value.eq_ignore_ascii_case(NAME);
                star |= value == "*";
                met |= named;
            }
            "allow" | "disallow" => {
                open = false;
                if named {
                    mine.push((key == "allow", value));
                }
                if star {
                    all.push((key == "allow", value));
                }
            }
            _ => {}
        }
    }
    if met { mine } else { all }
}

/// Whether a path begins as a rule says; `*` is anything, `$` the end.
fn fits(rule: &str, path: &str) -> bool {
    let (rule, to_end) = rule.strip_suffix('$').map_or((rule, false), |rule| (rule, true));
    let mut parts = rule.split('*');
    let Some(mut rest) = parts.next().and_then(|first| path.strip_prefix(first)) else {
        return false;
    };
    let mut last = None;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        last = Some(part);
    }
    // The last part may stand again further on, at the end.
    !to_end || rest.is_empty() || last.is_some_and(|part| rest.ends_with(part))
}
