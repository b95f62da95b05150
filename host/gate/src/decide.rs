//! The decision: what a request needs, in the words of grants, against what is granted. Pure.

use cleargate_flow::error::ErrorCode;
use cleargate_flow::grant::{FilePattern, Grants, Label, Service};
use cleargate_flow::{NodeError, Value};

use crate::request::{FileAction, Request};
use crate::target::Target;

/// What the gate says to a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Every need is granted.
    Allow,
    /// Something is not granted.
    Deny {
        /// The smallest grant that would allow it.
        missing: Grants,
    },
    /// The request has no clear meaning, so no grant can allow it.
    Invalid(String),
}

/// Compares a request with grants.
pub fn decide(grants: &Grants, request: &Request) -> Decision {
    match needs(request) {
        Err(reason) => Decision::Invalid(reason),
        Ok(needed) => {
            let missing = grants.missing(&needed);
            if missing.is_empty() { Decision::Allow } else { Decision::Deny { missing } }
        }
    }
}

impl Decision {
    /// The refusal as a node sees it, with the line that would grant it.
    ///
    /// # Errors
    /// `denied` or `invalid_input`.
    pub fn into_result(self, summary: &str) -> Result<(), NodeError> {
        match self {
            Self::Allow => Ok(()),
            Self::Invalid(reason) => Err(NodeError::new(ErrorCode::InvalidInput, reason)),
            Self::Deny { missing } => {
                let detail = Value::of(&missing).expect("grants are lists of text");
                // As `[permissions]` and the file of grants have it: a list of texts is the same in JSON and TOML.
                let fields = detail.as_map().into_iter().flatten();
                let lines: Vec<_> = fields.map(|(k, v)| format!("{k} = {}", v.to_json())).collect();
                let line = format!("grant it: {}", lines.join("\n"));
                Err(NodeError::new(ErrorCode::Denied, format!("`{summary}` is not granted"))
                    .with_detail(Value::record([("missing", detail)]))
                    .with_help(line))
            }
        }
    }
}

fn needs(request: &Request) -> Result<Grants, String> {
    let mut needed = Grants::default();
    match request {
        Request::Kv { store, .. } => drop(needed.kv.insert(label(store)?)),
        Request::Model { name, .. } => drop(needed.model.insert(label(name)?)),
        Request::Tool { name, .. } => drop(needed.tools.insert(label(name)?)),
        Request::Secret { label: name } => drop(needed.secrets.insert(label(name)?)),
        Request::Reveal { label: name } => drop(needed.reveal.insert(label(name)?)),
        Request::File(op) => {
            let write = op.action.writes();
            needed.files.insert(file(&op.path, write)?);
            if let FileAction::Rename { to } = &op.action {
                needed.files.insert(file(to, write)?);
            }
        }
        Request::Http(http) | Request::HttpOpen(http) => {
            let target = Target::parse(&http.url).map_err(|e| e.to_string())?;
            crate::door::http::check_form(http)?;
            needed.http.insert(target.pattern());
        }
        Request::Blob(_) => drop(needed.services.insert(Service::Blob)),
        Request::Now => drop(needed.services.insert(Service::Clock)),
        Request::Random { .. } => drop(needed.services.insert(Service::Random)),
        // The body belongs to a request that was decided, and only the pass that opened it can name it.
        Request::HttpNext { .. } => {}
    }
    Ok(needed)
}

/// A path as the grant that it needs.
fn file(path: &str, write: bool) -> Result<FilePattern, String> {
    // Read as a pattern it would lose its `:rw` or its `/`, and mean another file.
    if path.ends_with(":rw") || path.ends_with('/') || path.contains("//") {
        return Err(format!("`{path}` is no plain path of a file"));
    }
    let plain: FilePattern = path.parse().map_err(|e| format!("{e}"))?;
    if plain.path != path {
        return Err(format!("write `{path}` without `./`"));
    }
    Ok(FilePattern { path: plain.path, write })
}

fn label(name: &str) -> Result<Label, String> {
    // A star is a pattern in a grant; in a request it would be a name that looks like one.
    if name.contains('*') {
        return Err(format!("`{name}` is no name: `*` belongs into grants"));
    }
    name.parse().map_err(|e: cleargate_flow::grant::GrantError| e.to_string())
}
