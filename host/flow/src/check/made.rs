//! Nodes of the document that the checker makes: what is written short stands for them.

use crate::diagnostic::Span;
use crate::document::{Data, Entry, Node};
use crate::value::Value;

/// Something is wrong with what was written short, and that was said.
#[derive(Debug)]
pub(super) struct Said;

pub(super) fn written(key: &str, value: Node, key_span: Span) -> Entry {
    Entry { key: key.into(), key_span, value }
}

pub(super) fn text(text: &str, span: Span) -> Node {
    Node { span, data: Data::Scalar(text.into()) }
}

pub(super) fn truth(truth: bool, span: Span) -> Node {
    Node { span, data: Data::Scalar(Value::Bool(truth)) }
}

pub(super) fn null(span: Span) -> Node {
    Node { span, data: Data::Scalar(Value::Null) }
}

pub(super) fn list(items: Vec<Node>, span: Span) -> Node {
    Node { span, data: Data::List(items) }
}

pub(super) fn map(entries: Vec<Entry>, span: Span) -> Node {
    Node { span, data: Data::Map(entries) }
}

/// A value as it would have been written.
pub(super) fn data(value: &Value, span: Span) -> Node {
    match value {
        Value::List(items) => list(items.iter().map(|item| data(item, span)).collect(), span),
        Value::Map(fields) => {
            map(fields.iter().map(|(key, own)| written(key, data(own, span), span)).collect(), span)
        }
        scalar => Node { span, data: Data::Scalar(scalar.clone()) },
    }
}

/// A node that waits for others, beside those that it waits for itself.
pub(super) fn behind(own: &Entry, first: &[Node]) -> Entry {
    let mut own = own.clone();
    let span = own.value.span;
    if let (Data::Map(entries), false) = (&mut own.value.data, first.is_empty()) {
        match entries.iter_mut().find(|entry| &*entry.key == "after") {
            Some(Entry { value: Node { data: Data::List(names), .. }, .. }) => {
                names.extend(first.iter().cloned());
            }
            Some(one) => {
                let both = [one.value.clone()].into_iter().chain(first.iter().cloned());
                one.value = list(both.collect(), span);
            }
            None => entries.push(written("after", list(first.to_vec(), span), span)),
        }
    }
    own
}
