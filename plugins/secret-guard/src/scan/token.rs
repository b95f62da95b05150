//! Tokens with a prefix of their issuer.
//!
//! Sources are the issuers' own descriptions of their formats. Lengths are a little wider than what is
//! issued today where issuers reserve the right to change them.

use super::{Kind, Match, is_word, run, starts_word};
use crate::entropy;

struct Rule {
    kind: Kind,
    prefix: &'static str,
    alphabet: fn(u8) -> bool,
    /// Characters after the prefix: at least, at most.
    length: (usize, usize),
}

const fn rule(
    kind: Kind,
    prefix: &'static str,
    alphabet: fn(u8) -> bool,
    length: (usize, usize),
) -> Rule {
    Rule { kind, prefix, alphabet, length }
}

/// Longer than any token that is issued; the text after it belongs to it anyway.
const LONG: usize = 4096;

const AWS: Kind = Kind { label: "aws_access_key", what: "an AWS access key" };
const GCP: Kind = Kind { label: "gcp_api_key", what: "a Google API key" };
const GCP_OAUTH: Kind = Kind { label: "gcp_oauth", what: "a Google OAuth credential" };
const GITHUB: Kind = Kind { label: "github_token", what: "a GitHub token" };
const GITLAB: Kind = Kind { label: "gitlab_token", what: "a GitLab token" };
const SLACK: Kind = Kind { label: "slack_token", what: "a Slack token" };
const SLACK_HOOK: Kind = Kind { label: "slack_webhook", what: "the address of a Slack webhook" };
const STRIPE: Kind = Kind { label: "stripe_key", what: "a Stripe key" };
const ANTHROPIC: Kind = Kind { label: "anthropic_key", what: "an Anthropic API key" };
const OPENAI: Kind = Kind { label: "openai_key", what: "an OpenAI API key" };
const NPM: Kind = Kind { label: "npm_token", what: "an npm token" };
const PYPI: Kind = Kind { label: "pypi_token", what: "a PyPI token" };
const HUGGING_FACE: Kind = Kind { label: "huggingface_token", what: "a Hugging Face token" };
const SENDGRID: Kind = Kind { label: "sendgrid_key", what: "a SendGrid key" };

/// The first rule that fits counts: exact prefixes stand before general ones.
const RULES: &[Rule] = &[
    rule(AWS, "AKIA", base32, (16, 16)),
    rule(AWS, "ASIA", base32, (16, 16)),
    rule(AWS, "ABIA", base32, (16, 16)),
    rule(AWS, "ACCA", base32, (16, 16)),
    rule(GCP, "AIza", url_safe, (35, 35)),
    rule(GCP_OAUTH, "GOCSPX-", url_safe, (24, 40)),
    rule(GCP_OAUTH, "ya29.", url_safe, (20, LONG)),
    rule(GITHUB, "ghp_", alphanumeric, (36, 255)),
    rule(GITHUB, "gho_", alphanumeric, (36, 255)),
    rule(GITHUB, "ghu_", alphanumeric, (36, 255)),
    rule(GITHUB, "ghs_", alphanumeric, (36, 255)),
    rule(GITHUB, "ghr_", alphanumeric, (36, 255)),
    rule(GITHUB, "github_pat_", is_word, (59, 255)),
    rule(GITLAB, "glpat-", dotted, (20, 255)),
    rule(GITLAB, "gldt-", dotted, (20, 255)),
    rule(GITLAB, "glrt-", dotted, (20, 255)),
    rule(GITLAB, "glcbt-", dotted, (20, 255)),
    rule(GITLAB, "glptt-", dotted, (20, 255)),
    rule(GITLAB, "glft-", dotted, (20, 255)),
    rule(GITLAB, "glsoat-", dotted, (20, 255)),
    rule(GITLAB, "gloas-", dotted, (20, 255)),
    rule(SLACK, "xoxa-", url_safe, (20, 255)),
    rule(SLACK, "xoxb-", url_safe, (20, 255)),
    rule(SLACK, "xoxe-", url_safe, (20, 255)),
    rule(SLACK, "xoxe.", dotted, (20, 255)),
    rule(SLACK, "xoxp-", url_safe, (20, 255)),
    rule(SLACK, "xoxr-", url_safe, (20, 255)),
    rule(SLACK, "xoxs-", url_safe, (20, 255)),
    rule(SLACK, "xapp-", url_safe, (20, 255)),
    rule(SLACK_HOOK, "hooks.slack.com/services/", path, (35, 120)),
    rule(STRIPE, "sk_live_", alphanumeric, (16, 255)),
    rule(STRIPE, "rk_live_", alphanumeric, (16, 255)),
    rule(STRIPE, "sk_test_", alphanumeric, (16, 255)),
    rule(STRIPE, "rk_test_", alphanumeric, (16, 255)),
    rule(STRIPE, "whsec_", alphanumeric, (24, 255)),
    rule(ANTHROPIC, "sk-ant-", url_safe, (24, 255)),
    rule(OPENAI, "sk-proj-", url_safe, (24, 255)),
    rule(OPENAI, "sk-svcacct-", url_safe, (24, 255)),
    rule(OPENAI, "sk-admin-", url_safe, (24, 255)),
    rule(OPENAI, "sk-", alphanumeric, (32, 64)),
    rule(NPM, "npm_", alphanumeric, (36, 36)),
    rule(PYPI, "pypi-AgEIcHlwaS5vcmc", url_safe, (50, LONG)),
    rule(HUGGING_FACE, "hf_", alphanumeric, (34, 40)),
    rule(SENDGRID, "SG.", dotted, (66, 66)),
];

fn base32(b: u8) -> bool {
    b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b)
}

fn alphanumeric(b: u8) -> bool {
    b.is_ascii_alphanumeric()
}

fn url_safe(b: u8) -> bool {
    is_word(b) || b == b'-'
}

fn dotted(b: u8) -> bool {
    url_safe(b) || b == b'.'
}

fn path(b: u8) -> bool {
    alphanumeric(b) || b == b'/'
}

pub(super) fn find(text: &str, found: &mut Vec<Match>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let hit = if starts_word(bytes, at) { token(text, at) } else { None };
        match hit {
            Some(hit) => {
                at = hit.span.end;
                found.push(hit);
            }
            None => at += 1,
        }
    }
}

fn token(text: &str, at: usize) -> Option<Match> {
    let bytes = text.as_bytes();
    RULES.iter().find_map(|rule| {
        let prefix = rule.prefix.as_bytes();
        if bytes[at] != prefix[0] || !bytes[at..].starts_with(prefix) {
            return None;
        }
        let start = at + prefix.len();
        let mut length = run(bytes, start, rule.length.1 + 2, rule.alphabet);
        // A full stop ends a sentence more often than a token.
        while length > 0 && bytes[start + length - 1] == b'.' {
            length -= 1;
        }
        let end = start + length;
        let whole = bytes.get(end).is_none_or(|b| !is_word(*b));
        let fits = (rule.length.0..=rule.length.1).contains(&length);
        let key = fits && whole && entropy::is_key(&text[start..end]);
        key.then_some(Match { kind: rule.kind, span: at..end })
    })
}
