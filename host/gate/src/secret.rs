//! Secrets: a node handles a token, the gate puts the value in as a request leaves and takes it out of
//! whatever comes back.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, PoisonError};

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use cleargate_flow::grant::HostPattern;
use cleargate_flow::{NodeError, Value};
use zeroize::Zeroizing;

mod forms;

pub(crate) use forms::percent;

/// What stands where a secret was.
pub(crate) const MASK: &str = "***";

/// Bytes that a secret must have: a shorter one would be found, and masked, in innocent text.
const MIN_SECRET_BYTES: usize = 8;

/// Bytes that a secret may have: chains of certificates are shorter. It is searched for in dozens of forms, in all
/// that comes back.
const MAX_SECRET_BYTES: usize = 64 * 1024;

/// A secret and where it may go.
#[derive(Clone)]
pub struct SecretEntry {
    value: Zeroizing<String>,
    hosts: Vec<HostPattern>,
}

/// A text is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Too short to be told from other text.
    #[error("a secret needs at least {MIN_SECRET_BYTES} bytes, so that it can be found and masked")]
    Short,
    /// Too long to be searched for.
    #[error(
        "a secret has at most {MAX_SECRET_BYTES} bytes, because it is searched for in all that comes back"
    )]
    Long,
}

impl SecretEntry {
    /// A secret that may be sent to `hosts`; to none when the list is empty.
    ///
    /// # Errors
    /// See [`SecretError`].
    pub fn new(value: impl Into<String>, hosts: Vec<HostPattern>) -> Result<Self, SecretError> {
        let value = Zeroizing::new(value.into());
        match value.len() {
            ..MIN_SECRET_BYTES => Err(SecretError::Short),
            MIN_SECRET_BYTES..=MAX_SECRET_BYTES => Ok(Self { value, hosts }),
            _ => Err(SecretError::Long),
        }
    }

    pub(crate) fn value(&self) -> &str {
        &self.value
    }

    pub(crate) fn may_go_to(&self, scheme: &str, host: &str, port: u16) -> bool {
        self.hosts.iter().any(|pattern| pattern.covers(scheme, host, port))
    }
}

impl fmt::Debug for SecretEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretEntry").field("value", &MASK).field("hosts", &self.hosts).finish()
    }
}

/// Where secrets come from.
pub trait SecretSource: Send + Sync {
    /// The secret of this name, when the tenant has one.
    fn find(&self, tenant: &str, label: &str) -> Option<SecretEntry>;

    /// Every secret that is known before anybody asks: they are masked from the start, so that one which an earlier
    /// process handed out does not come back through a store or a file. None, when a source cannot list.
    fn all(&self) -> Vec<SecretEntry> {
        Vec::new()
    }
}

/// Secrets in memory, the same for each tenant.
#[derive(Debug, Default)]
pub struct MemorySecrets(BTreeMap<String, SecretEntry>);

impl FromIterator<(String, SecretEntry)> for MemorySecrets {
    fn from_iter<T: IntoIterator<Item = (String, SecretEntry)>>(entries: T) -> Self {
        Self(entries.into_iter().collect())
    }
}

impl SecretSource for MemorySecrets {
    fn find(&self, _tenant: &str, label: &str) -> Option<SecretEntry> {
        self.0.get(label).cloned()
    }

    fn all(&self) -> Vec<SecretEntry> {
        self.0.values().cloned().collect()
    }
}

/// Finds every secret that the process has handed out, in the forms in which peers echo them, in small letters and in
/// capitals: a name of a host or of a header loses the difference on its way.
#[derive(Default)]
pub(crate) struct Scrubber(Mutex<Known>);

#[derive(Default)]
struct Known {
    forms: BTreeSet<String>,
    finder: Option<AhoCorasick>,
    longest: usize,
}

impl Scrubber {
    /// Masks `value` from now on.
    pub(crate) fn learn(&self, value: &str) {
        self.learn_all(std::iter::once(value));
    }

    /// Builds the search once, however many there are.
    pub(crate) fn learn_all<'a>(&self, values: impl Iterator<Item = &'a str>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.forms.len();
        for value in values {
            if !known.forms.contains(value) {
                known.forms.extend(forms::of(value));
            }
        }
        if known.forms.len() == before {
            return;
        }
        known.longest = known.forms.iter().map(String::len).max().unwrap_or(0);
        known.finder =
            Some(build(AhoCorasick::builder().ascii_case_insensitive(true), &known.forms));
    }

    /// Whether there is anything to mask.
    pub(crate) fn is_idle(&self) -> bool {
        self.finder().0.is_none()
    }

    /// Bytes of the longest form of a secret: so far around a range lies what may belong to one in it.
    pub(crate) fn longest(&self) -> usize {
        self.finder().1
    }

    fn finder(&self) -> (Option<AhoCorasick>, usize) {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (known.finder.clone(), known.longest)
    }

    pub(crate) fn text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.bytes(text.as_bytes().to_vec())).into_owned()
    }

    pub(crate) fn bytes(&self, bytes: Vec<u8>) -> Vec<u8> {
        let mut held = bytes;
        self.flush(&mut held, true)
    }

    /// Masks without a change of length: offsets into stored bytes stay what they were.
    pub(crate) fn blank(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        let (Some(finder), _) = self.finder() else { return bytes };
        let found: Vec<_> = finder.find_iter(bytes.as_slice()).map(|m| m.range()).collect();
        for range in found {
            bytes[range].fill(b'*');
        }
        bytes
    }

    /// Takes out of `held` what can be said for sure: all at the end of a body, before it all but the bytes in
    /// which a secret may have begun.
    pub(crate) fn flush(&self, held: &mut Vec<u8>, end: bool) -> Vec<u8> {
        let (Some(finder), longest) = self.finder() else { return std::mem::take(held) };
        let sure = if end { held.len() } else { held.len().saturating_sub(longest - 1) };
        let (mut out, mut at) = (Vec::with_capacity(sure), 0);
        for found in finder.find_iter(held.as_slice()).take_while(|m| m.start() < sure) {
            out.extend_from_slice(&held[at..found.start()]);
            out.extend_from_slice(MASK.as_bytes());
            at = found.end();
        }
        out.extend_from_slice(&held[at.min(sure)..sure]);
        if at > sure {
            held.drain(..at);
        } else {
            held.drain(..sure);
        }
        out
    }

    pub(crate) fn error(&self, error: NodeError) -> NodeError {
        NodeError {
            code: error.code,
            message: self.text(&error.message),
            detail: self.value(&error.detail),
            help: error.help.map(|help| self.text(&help)),
        }
    }

    /// The value without secrets: the same one, shared, when there is none in it.
    pub(crate) fn value(&self, value: &Value) -> Value {
        match self.finder().0 {
            Some(finder) if occurs(&finder, value) => self.masked(value),
            _ => value.clone(),
        }
    }

    fn masked(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.text(text).into(),
            Value::List(items) => Value::list(items.iter().map(|item| self.masked(item))),
            Value::Map(fields) => Value::record(
                fields.iter().map(|(name, value)| (self.text(name), self.masked(value))),
            ),
            other => other.clone(),
        }
    }
}

/// Searches for all of `texts` at once.
pub(crate) fn finder<T: AsRef<[u8]>>(texts: impl IntoIterator<Item = T>) -> AhoCorasick {
    build(&mut AhoCorasick::builder(), texts)
}

fn build<T: AsRef<[u8]>>(
    builder: &mut AhoCorasickBuilder,
    texts: impl IntoIterator<Item = T>,
) -> AhoCorasick {
    let built = builder.match_kind(MatchKind::LeftmostLongest).build(texts);
    // A search that is not there would let everything pass.
    built.expect("secrets are bounded in length, and their placeholders are short")
}

fn occurs(finder: &AhoCorasick, value: &Value) -> bool {
    match value {
        Value::String(text) => finder.is_match(&**text),
        Value::List(items) => items.iter().any(|item| occurs(finder, item)),
        Value::Map(fields) => {
            fields.iter().any(|(name, value)| finder.is_match(&**name) || occurs(finder, value))
        }
        _ => false,
    }
}
