//! FL-07: flows, expressions, texts, types and data: what the model reads, and what follows on reading.

use cleargate_flow::Value;
use cleargate_flow::expr::{Expr, Prose, Template};
use cleargate_flow::types::{Type, from_json_schema, to_json_schema, validate};

use crate::sample::checked;
use crate::world::World;

thread_local! {
    static WORLD: World = World::new();
}

/// A flow is checked, and what is sound stays sound when it is written down.
pub(crate) fn flow(text: &str) {
    if let Some(graph) = checked(text).graph {
        serde_json::to_string(&graph).expect("a graph is data");
    }
}

/// An expression of CEL is evaluated, and its type inferred.
pub(crate) fn expression(text: &str) {
    if let Ok(expr) = Expr::parse(text) {
        WORLD.with(|world| drop((expr.eval(world), expr.infer(world), expr.references())));
    }
}

/// A text with expressions in it reads back what it writes.
pub(crate) fn template(text: &str) {
    if let Ok(template) = Template::parse(text) {
        WORLD.with(|world| drop(template.eval(world)));
        let json = serde_json::to_value(&template).expect("a template is data");
        let again = json.as_str().map(Template::parse);
        assert!(again.is_none_or(|again| again.is_ok()), "reads back what it writes");
    }
}

/// The text of a `template` node, with its tags.
pub(crate) fn prose(text: &str) {
    if let Ok(prose) = Prose::parse(text) {
        WORLD.with(|world| drop((prose.eval(world), prose.problems(world))));
    }
}

/// A type reads back what it prints, and is compared with a value and with JSON Schema.
pub(crate) fn ty(text: &str) {
    if let Ok(ty) = text.parse::<Type>() {
        assert_eq!(ty.to_string().parse(), Ok(ty.clone()), "reads back what it prints");
        WORLD.with(|world| drop(validate(&world.input, &ty)));
        drop(from_json_schema(&to_json_schema(&ty)));
    }
}

/// JSON is a value that reads back what it writes, and perhaps a schema of itself.
pub(crate) fn data(text: &str) {
    if let Ok(value) = Value::from_json(text) {
        assert_eq!(
            Value::from_json(&value.to_json()).as_ref(),
            Ok(&value),
            "reads back what it writes"
        );
        if let Ok(ty) = from_json_schema(&value.to_serde()) {
            let _ = (validate(&value, &ty), to_json_schema(&ty));
        }
    }
}
