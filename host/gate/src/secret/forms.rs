//! The forms in which a secret comes back: peers echo what they got as their own language writes it.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use cleargate_flow::Value;

/// Bytes of a line of a secret that is looked for by itself: logs print keys line by line.
const MIN_LINE_BYTES: usize = 16;

/// Hex digits of a percent-encoded byte, as most programs write them. Who searches makes no difference between
/// capitals and small letters.
const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// All forms of a secret; each has at least the bytes that the secret has.
pub(super) fn of(value: &str) -> BTreeSet<String> {
    let mut forms = written(value);
    let trimmed = value.trim();
    if trimmed.len() >= super::MIN_SECRET_BYTES {
        forms.extend(written(trimmed));
    }
    // The frame of a key is no secret, and stands around public ones too.
    let telling = |line: &&str| line.len() >= MIN_LINE_BYTES && !line.starts_with("-----");
    if value.contains('\n') {
        value.lines().map(str::trim).filter(telling).for_each(|line| forms.extend(written(line)));
    }
    forms
}

/// As it is, percent-encoded in the ways of URLs, scripts and forms, as JSON text, as HTML, in hex, and inside
/// base64 at each of its three phases.
fn written(value: &str) -> BTreeSet<String> {
    let json = Value::from(value).to_json();
    let json = &json[1..json.len() - 1];
    let html = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let quoted = html.replace('"', "&quot;");
    let mut forms = BTreeSet::from([
        value.to_owned(),
        json.to_owned(),
        json.replace('/', "\\/"),
        ascii_json(json),
        quoted.replace('\'', "&#39;"),
        quoted.replace('\'', "&#x27;"),
        quoted,
        html,
        hex::encode(value),
        // Each byte, as hosts write it that take no chances.
        value.bytes().map(|byte| format!("%{byte:02X}")).collect(),
    ]);
    for (free, space) in
        [(&b"-._~"[..], "%20"), (b"-_.!~*'()", "%20"), (b"-_.*", "+"), (b"-_.~/", "%20")]
    {
        forms.insert(encoded(value, free).replace("%20", space));
    }
    for phase in 0..3 {
        let mut padded = vec![0; phase];
        padded.extend_from_slice(value.as_bytes());
        let text = STANDARD_NO_PAD.encode(&padded);
        // Characters at both ends mix with the neighbours' bits; what is between is the secret's own.
        let start = (phase * 8).div_ceil(6);
        let inner = &text[start..padded.len() * 8 / 6];
        forms.insert(inner.replace('+', "-").replace('/', "_"));
        forms.insert(inner.into());
    }
    forms
}

/// JSON text with everything beyond ASCII escaped.
fn ascii_json(json: &str) -> String {
    let mut out = String::new();
    for c in json.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            let mut units = [0; 2];
            c.encode_utf16(&mut units)
                .iter()
                .for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        }
    }
    out
}

/// Percent-encodes everything but unreserved characters.
pub(crate) fn percent(value: &str) -> String {
    encoded(value, b"-._~")
}

fn encoded(value: &str, free: &[u8]) -> String {
    let mut out = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || free.contains(&byte) {
            out.push(char::from(byte));
        } else {
            let (high, low) = (DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]);
            out.extend(['%', char::from(high), char::from(low)]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_in_every_way_it_is_written() {
        let secret = "Kay/é +\"<&'7";
        let forms = of(secret);
        for form in [
            "Kay/é +\"<&'7",
            "Kay%2F%C3%A9%20%2B%22%3C%26%277",
            "Kay%2F%C3%A9%20%2B%22%3C%26'7",
            "Kay%2F%C3%A9+%2B%22%3C%26%277",
            "Kay/%C3%A9%20%2B%22%3C%26%277",
            "Kay/é +\\\"<&'7",
            "Kay\\/é +\\\"<&'7",
            "Kay/\\u00e9 +\\\"<&'7",
            "Kay/é +&quot;&lt;&amp;&#39;7",
            "4b61792fc3a9202b223c262737",
            "S2F5L8OpICsiPCYnN",
        ] {
            assert!(forms.contains(form), "{form} is not among {forms:?}");
        }
        let key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----\n";
        let forms = of(key);
        assert!(forms.contains("hkiG9w0BAQEFAASC") && forms.contains(key.trim()));
        assert!(!forms.contains("-----BEGIN KEY-----"), "frames stand around public keys too");
        assert!(of("trailing-newline\n").contains("trailing-newline"));
    }
}
