//! The host that a URL really leads to. One rule covers the tricks of URLs: the host that is written must be
//! the host that the parser connects to, letter by letter.

use std::fmt;

use cleargate_flow::grant::HostPattern;
use reqwest::Url;

/// Bytes of a URL: servers refuse longer ones.
const MAX_URL_BYTES: usize = 8 * 1024;

/// A URL that may be decided on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// What is connected to.
    pub url: Url,
    /// `http` or `https`.
    pub scheme: String,
    /// Lower-case host name or address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// Why a URL is not even decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Too long.
    #[error("the URL has more than {MAX_URL_BYTES} bytes")]
    Long,
    /// Spaces, control characters, backslashes and letters beyond ASCII are read differently by different parsers.
    #[error(
        "the URL holds a space, a control character, a backslash or a letter beyond ASCII; write it in its encoded form"
    )]
    Character,
    /// Not `http://` or `https://`.
    #[error("the URL must begin with `http://` or `https://`")]
    Scheme,
    /// `user:password@`.
    #[error("the URL must not hold a user name or a password; use a header")]
    User,
    /// The host or port is not in the form that is connected to.
    #[error(
        "the URL must name its host and port in their plain form: no encoding, no other notation of an address, no dot at the end"
    )]
    Host,
}

impl Target {
    /// Reads a URL.
    ///
    /// # Errors
    /// Every form that two parsers could understand differently.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        if text.len() > MAX_URL_BYTES {
            return Err(TargetError::Long);
        }
        if !text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\') {
            return Err(TargetError::Character);
        }
        let (scheme, rest) = text.split_once("://").ok_or(TargetError::Scheme)?;
        let scheme = scheme.to_ascii_lowercase();
        if scheme != "http" && scheme != "https" {
            return Err(TargetError::Scheme);
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let authority = rest[..end].to_ascii_lowercase();
        if authority.contains('@') {
            return Err(TargetError::User);
        }
        let mut url = Url::parse(text).map_err(|_| TargetError::Host)?;
        url.set_fragment(None);
        let host = url.host_str().ok_or(TargetError::Host)?.to_owned();
        let port = url.port_or_known_default().ok_or(TargetError::Host)?;
        let plain = authority == host || authority == format!("{host}:{port}");
        if !plain || host.ends_with('.') || port == 0 {
            return Err(TargetError::Host);
        }
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { url, scheme, host, port })
    }

    /// The permission that reaches this host and no other.
    pub fn pattern(&self) -> HostPattern {
        HostPattern {
            scheme: self.scheme.clone(),
            host: self.host.clone(),
            wildcard: false,
            port: self.port,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pattern().fmt(f)
    }
}
