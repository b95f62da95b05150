//! Passwords in URLs: `postgres://user:password@host/`, and tokens in the place of a user.

use super::{Kind, Match};
use crate::entropy;

const URL_PASSWORD: Kind = Kind { label: "url_password", what: "a URL with a password" };
const MARK: &str = "://";
/// Bytes of a user that may be a token: people have shorter names.
const MIN_TOKEN: usize = 16;
/// Bytes before the `@`; longer ones are not URLs that anything connects to.
const MAX_USER_INFO: usize = 1024;

pub(super) fn find(text: &str, found: &mut Vec<Match>) {
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(mark) = text[from..].find(MARK).map(|i| from + i) {
        from = mark + MARK.len();
        if !bytes[..mark].last().is_some_and(u8::is_ascii_alphanumeric) {
            continue;
        }
        // The last `@` before the path ends the password: passwords hold `@` more often than they should.
        let ends = |b: &u8| b.is_ascii_whitespace() || b"/?#\"'`<>\\|,;)]".contains(b);
        let limit = bytes.len().min(from + MAX_USER_INFO);
        let authority = from..from + bytes[from..limit].iter().take_while(|b| !ends(b)).count();
        let Some(at) = text.as_bytes()[authority.clone()].iter().rposition(|b| *b == b'@') else {
            continue;
        };
        let user_info = &bytes[authority.start..authority.start + at];
        // `https://token@host/`, and `https://token:@host/` or `https://token:x-oauth-basic@host/`.
        let colon = user_info.iter().position(|b| *b == b':').unwrap_or(user_info.len());
        let user = authority.start..authority.start + colon;
        if user.len() >= MIN_TOKEN && entropy::is_random(&text[user.clone()]) {
            from = user.end;
            found.push(Match { kind: URL_PASSWORD, span: user });
            continue;
        }
        let span = (user.end + 1).min(authority.start + at)..authority.start + at;
        let (user, password) = (&text[user], &text[span.clone()]);
        if !is_harmless(user, password) {
            found.push(Match { kind: URL_PASSWORD, span: span.clone() });
        }
        from = span.end;
    }
}

fn is_harmless(user: &str, password: &str) -> bool {
    password.is_empty()
        || password == user
        || password.starts_with(['$', '{', '%', ':'])
        || entropy::is_placeholder(password)
}
