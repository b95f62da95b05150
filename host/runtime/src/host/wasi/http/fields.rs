//! `fields` of `wasi:http/types`: headers, which a guest makes and reads.

use wasmtime::component::{Linker, Resource};

use super::super::{Context, resource, serve};
use super::shape::HeaderError;
use crate::fault::Fault;
use crate::instance::Call;
use crate::meter::carries;
use crate::world::Header;

/// Bytes of all fields of one message: four times what servers take.
const MAX_BYTES: usize = 64 * 1024;

/// Fields of the connection and not of the message: the gate's own.
const FORBIDDEN: [&str; 8] = [
    "connection",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Names and values in order.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Fields {
    list: Vec<(String, Vec<u8>)>,
    /// Those of a message that is under way, or came back.
    fixed: bool,
}

type Own = Resource<Fields>;
type Changed = wasmtime::Result<(Result<(), HeaderError>,)>;

impl Fields {
    /// Those of an answer.
    pub(in super::super) fn of(headers: Vec<Header>) -> Self {
        let list = headers.into_iter().map(|header| (header.name, header.value.into_bytes()));
        Self { list: list.collect(), fixed: true }
    }

    /// The same, and not to be changed any more.
    pub(in super::super) fn fixed(&self) -> Self {
        Self { list: self.list.clone(), fixed: true }
    }

    /// As the gate takes them: it sets the length of a body by itself. Nothing, when one is no text.
    pub(super) fn headers(&self) -> Option<Vec<Header>> {
        let own = |name: &String| name.eq_ignore_ascii_case("content-length");
        let kept = self.list.iter().filter(|(name, _)| !own(name));
        kept.map(|(name, value)| {
            let value = String::from_utf8(value.clone()).ok()?;
            Some(Header { name: name.clone(), value })
        })
        .collect()
    }

    fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Vec<u8>> {
        let same = move |own: &str| own.eq_ignore_ascii_case(name);
        self.list.iter().filter(move |(own, _)| same(own)).map(|(_, value)| value)
    }

    fn remove(&mut self, name: &str) {
        self.list.retain(|(own, _)| !own.eq_ignore_ascii_case(name));
    }

    fn bytes(&self) -> usize {
        self.list.iter().map(|(name, value)| name.len() + value.len()).sum()
    }

    /// Refuses what would be more than a message may have.
    fn room_for(&self, more: usize) -> Result<(), Fault> {
        let sum = self.bytes() + more;
        if sum > MAX_BYTES {
            let message = format!("{sum} bytes of fields; a message has {MAX_BYTES}");
            return Err(Fault::limit("payload", message));
        }
        Ok(())
    }

    fn add(&mut self, name: String, value: Vec<u8>) -> Result<(), Fault> {
        self.room_for(name.len() + value.len())?;
        self.list.push((name, value));
        Ok(())
    }
}

/// Whether a field may be sent at all.
fn check(name: &str, values: &[Vec<u8>]) -> Result<(), HeaderError> {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let plain = |b: &u8| *b == b'\t' || (*b >= b' ' && *b != 0x7f);
    if name.is_empty() || !name.bytes().all(token) || !values.iter().flatten().all(plain) {
        return Err(HeaderError::InvalidSyntax);
    }
    match FORBIDDEN.iter().any(|own| own.eq_ignore_ascii_case(name)) {
        true => Err(HeaderError::Forbidden),
        false => Ok(()),
    }
}

pub(super) fn link(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    resource::<Fields>(linker, name, "fields")?;
    serve!(linker, name, {
        "[constructor]fields" => empty,
        "[static]fields.from-list" => from_list,
        "[method]fields.get" => get,
        "[method]fields.has" => has,
        "[method]fields.set" => set,
        "[method]fields.delete" => delete,
        "[method]fields.append" => append,
        "[method]fields.entries" => entries,
        "[method]fields.clone" => copy,
    })
}

pub(in super::super) async fn empty(store: &mut Context<'_>, (): ()) -> wasmtime::Result<(Own,)> {
    Ok((store.data_mut().table.push(Fields::default())?,))
}

pub(in super::super) async fn from_list(
    store: &mut Context<'_>,
    (list,): (Vec<(String, Vec<u8>)>,),
) -> wasmtime::Result<(Result<Own, HeaderError>,)> {
    let mut fields = Fields::default();
    for (name, value) in list {
        if let Err(refused) = check(&name, std::slice::from_ref(&value)) {
            return Ok((Err(refused),));
        }
        fields.add(name, value)?;
    }
    Ok((Ok(store.data_mut().table.push(fields)?),))
}

pub(in super::super) async fn get(
    store: &mut Context<'_>,
    (own, name): (Own, String),
) -> wasmtime::Result<(Vec<Vec<u8>>,)> {
    Ok((store.data().table.get(&own)?.named(&name).cloned().collect(),))
}

pub(in super::super) async fn has(
    store: &mut Context<'_>,
    (own, name): (Own, String),
) -> wasmtime::Result<(bool,)> {
    Ok((store.data().table.get(&own)?.named(&name).next().is_some(),))
}

/// Changes fields, unless they are fixed or the field may not be sent.
fn change(
    store: &mut Context<'_>,
    own: &Own,
    (name, values): (String, Vec<Vec<u8>>),
    replace: bool,
) -> Changed {
    carries(store.data(), name.len() + values.iter().map(Vec::len).sum::<usize>())?;
    if let Err(refused) = check(&name, &values) {
        return Ok((Err(refused),));
    }
    let fields = store.data_mut().table.get_mut(own)?;
    if fields.fixed {
        return Ok((Err(HeaderError::Immutable),));
    }
    if replace {
        fields.remove(&name);
    }
    for value in values {
        fields.add(name.clone(), value)?;
    }
    Ok((Ok(()),))
}

pub(in super::super) async fn set(
    store: &mut Context<'_>,
    (own, name, values): (Own, String, Vec<Vec<u8>>),
) -> Changed {
    change(store, &own, (name, values), true)
}

pub(in super::super) async fn delete(
    store: &mut Context<'_>,
    (own, name): (Own, String),
) -> Changed {
    change(store, &own, (name, Vec::new()), true)
}

pub(in super::super) async fn append(
    store: &mut Context<'_>,
    (own, name, value): (Own, String, Vec<u8>),
) -> Changed {
    change(store, &own, (name, vec![value]), false)
}

pub(in super::super) async fn entries(
    store: &mut Context<'_>,
    (own,): (Own,),
) -> wasmtime::Result<(Vec<(String, Vec<u8>)>,)> {
    Ok((store.data().table.get(&own)?.list.clone(),))
}

pub(in super::super) async fn copy(
    store: &mut Context<'_>,
    (own,): (Own,),
) -> wasmtime::Result<(Own,)> {
    let list = store.data().table.get(&own)?.list.clone();
    Ok((store.data_mut().table.push(Fields { list, fixed: false })?,))
}
