//! Whether a text looks issued by a machine: it tells keys from words and placeholders.

/// Bits for each character that a random key of 16 characters or more hardly ever falls below, and that
/// repeated characters (`xxxxxxxx`, `00001111`) do not reach.
const KEY_BITS: f64 = 2.8;
/// The same for a value that nothing but its name makes suspicious. Random hexadecimal digits have 3.5 and
/// more; dates, numbers and most identifiers less.
const VALUE_BITS: f64 = 3.2;
/// Letters of one case and no digit: from this length on, a key would have had a digit or another case.
const MIN_WORDS: usize = 20;
/// What people write in the place of a credential.
const PLACEHOLDERS: [&str; 12] = [
    "example",
    "placeholder",
    "changeme",
    "change_me",
    "change-me",
    "your",
    "xxxx",
    "dummy",
    "redacted",
    "insert",
    "1234567890abcdef",
    "....",
];
/// Passwords that protect nothing, as documentation and local set-ups have them.
const WEAK: [&str; 11] = [
    "password", "secret", "pass", "passwd", "pwd", "root", "admin", "postgres", "guest", "test",
    "none",
];
/// Characters of templates and masks: `${NAME}`, `<name>`, `{{name}}`, `%s`, `***`.
const TEMPLATE: [&str; 8] = ["${", "$(", "<", "{{", "%s", "%(", "***", "\u{2022}"];

/// Shannon entropy, in bits for each byte.
pub(crate) fn bits(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        counts[usize::from(byte)] += 1;
    }
    let total = text.len() as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / total;
            -share * share.log2()
        })
        .sum()
}

/// Whether the part after an issuer's prefix is a key and no placeholder.
pub(crate) fn is_key(text: &str) -> bool {
    bits(text) >= KEY_BITS && !is_words(text) && !is_placeholder(text)
}

/// Whether a value that is assigned to a telling name is random.
pub(crate) fn is_random(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
    digits >= 2 && letters >= 2 && bits(text) >= VALUE_BITS && !is_placeholder(text)
}

/// Whether people write such a text in the place of a credential.
pub(crate) fn is_placeholder(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    WEAK.contains(&lower.as_str())
        || PLACEHOLDERS.iter().any(|word| lower.contains(word))
        || TEMPLATE.iter().any(|mark| lower.contains(mark))
        || text.bytes().all(|byte| Some(byte) == text.bytes().next())
}

fn is_words(text: &str) -> bool {
    let upper = text.bytes().any(|b| b.is_ascii_uppercase());
    let lower = text.bytes().any(|b| b.is_ascii_lowercase());
    let digit = text.bytes().any(|b| b.is_ascii_digit());
    text.len() >= MIN_WORDS && !digit && !(upper && lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_counts_bits() {
        for (text, expected) in
            [("", 0.0), ("aaaa", 0.0), ("abab", 1.0), ("abcd", 2.0), ("abcdefgh", 3.0)]
        {
            assert!((bits(text) - expected).abs() < 1e-9, "{text}");
        }
    }

    #[test]
    fn keys_differ_from_words_and_placeholders() {
        for key in ["Zq3vT8xLm2Np5RwK", "QZKTVMWXBRNJHYPD", "k7Hq-2mX_9vTzL4pRw8s"] {
            assert!(is_key(key), "{key}");
        }
        for word in [
            "xxxxxxxxxxxxxxxx",
            "IOSFODNN7EXAMPLE",
            "goes-here-when-you-have-it",
            "${TOKEN_VALUE_123}",
        ] {
            assert!(!is_key(word), "{word}");
        }
    }

    #[test]
    fn a_random_value_has_digits_letters_and_bits() {
        assert!(is_random("f83kQ0zPx71LmNv2"));
        for value in [
            "request.headers.authorization",
            "2026-11-21T05:30",
            "aaaaaaaabbbb1111",
            "<your-token-1234>",
        ] {
            assert!(!is_random(value), "{value}");
        }
    }
}
