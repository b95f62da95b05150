//! What fits where: the one table of assignability.
//!
//! | to | takes |
//! |---|---|
//! | `any` | everything; checked when the node runs |
//! | `json` | everything (each value is JSON) |
//! | `float` | `float`, `int` |
//! | `string` | `string`, `enum`, `bytes`, `datetime`, `duration`, `ref`: all of them are text |
//! | `enum(…)` | an `enum` with no other cases |
//! | `bytes`, `datetime`, `duration`, `ref<m>` | the same; `ref<image/*>` takes `ref<image/png>` |
//! | `list<T>` | `list<U>` when `U` fits `T` |
//! | `map<T>` | `map<U>` when `U` fits `T`; a record whose fields all fit `T` |
//! | `opt<T>` | what fits `T`; `opt<U>` when `U` fits `T` |
//! | `record{…}` | a record that has each field that must be there, and whose fields fit; more is welcome |
//! | `message` | `message`, `string` |
//! | `stream<T>` | `stream<U>` or `U` when `U` fits `T` |
//!
//! A value of type `any` or `json` fits everywhere, because only the run can tell: the executor validates it at the
//! port. A `stream<T>` is read as its whole, `T`. The label `secret` enters only a port whose type names it.

use std::collections::HashSet;

use super::{Kind, Type};
use crate::diagnostic::short;

/// The label that does not travel on its own: a port must name it.
pub const GUARDED_LABEL: &str = "secret";

/// Why a type does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// The shapes differ.
    #[error("{path}`{from}` does not fit `{to}`")]
    Shape {
        /// `field a: `, when the misfit is inside.
        path: String,
        /// What is there: the beginning of a long type.
        from: String,
        /// What is asked for: as above.
        to: String,
    },
    /// A field that must be there is not.
    #[error("{path}the field `{field}` is missing")]
    Missing {
        /// As above.
        path: String,
        /// The field.
        field: String,
    },
    /// A guarded label would leave where it may be.
    #[error("a value labelled `@{0}` may not flow here: the port's type does not name the label")]
    Label(String),
}

/// Whether a value of type `from` may be bound where `to` is asked for.
///
/// # Errors
/// The innermost part that does not fit.
pub fn fits(from: &Type, to: &Type) -> Result<(), Misfit> {
    if from.labels.contains(GUARDED_LABEL) && !to.labels.contains(GUARDED_LABEL) {
        return Err(Misfit::Label(GUARDED_LABEL.into()));
    }
    shape(from, to, "")
}

fn shape(from: &Type, to: &Type, path: &str) -> Result<(), Misfit> {
    use Kind::{Any, Bytes, Datetime, Duration, Enum, Float, Int, Json, List, Map, Message, Opt};
    use Kind::{Record, Ref, Stream, String as Text};
    let fine = match (&from.kind, &to.kind) {
        (Any | Json, _) | (_, Any | Json) => true,
        (Opt(a), Opt(b)) | (List(a), List(b)) | (Map(a), Map(b)) => return fits_at(a, b, path),
        (_, Opt(b)) => return fits_at(from, b, path),
        (Stream(a), Stream(b)) => return fits_at(a, b, path),
        (Stream(a), _) => return fits_at(a, to, path),
        (_, Stream(b)) => return fits_at(from, b, path),
        (Int, Float) => true,
        (Enum(_) | Bytes | Datetime | Duration | Ref(_), Text) | (Text, Message) => true,
        (Enum(a), Enum(b)) => {
            let known: HashSet<&String> = b.iter().collect();
            a.iter().all(|case| known.contains(case))
        }
        (Ref(a), Ref(b)) => media_fits(a, b),
        (Record(fields), Map(of)) => {
            for (name, field) in fields {
                fits_at(&field.ty, of, &format!("{path}field `{name}`: "))?;
            }
            true
        }
        (Record(have), Record(want)) => {
            for (name, field) in want {
                match have.get(name) {
                    Some(there) => {
                        fits_at(&there.ty, &field.ty, &format!("{path}field `{name}`: "))?;
                    }
                    None if field.may_be_absent() => {}
                    None => {
                        return Err(Misfit::Missing { path: path.into(), field: name.clone() });
                    }
                }
            }
            true
        }
        (a, b) => a == b,
    };
    if fine {
        Ok(())
    } else {
        Err(Misfit::Shape { path: path.into(), from: short(from), to: short(to) })
    }
}

fn fits_at(from: &Type, to: &Type, path: &str) -> Result<(), Misfit> {
    if from.labels.contains(GUARDED_LABEL) && !to.labels.contains(GUARDED_LABEL) {
        return Err(Misfit::Label(GUARDED_LABEL.into()));
    }
    shape(from, to, path)
}

fn media_fits(from: &str, to: &str) -> bool {
    match to.strip_suffix('*') {
        Some(stem) => from.starts_with(stem),
        None => from == to,
    }
}
