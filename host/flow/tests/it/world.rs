//! The values that expressions of the tests read, and their types.

use cleargate_flow::Value;
use cleargate_flow::diagnostic::Hints;
use cleargate_flow::expr::{Names, TypeNames};
use cleargate_flow::types::Type;

/// What every expression reads.
pub(crate) struct World {
    pub(crate) input: Value,
    ty: Type,
    hints: Hints,
}

impl World {
    pub(crate) fn new() -> Self {
        let text =
            r#"{"n":3,"x":0.5,"s":"ab c","list":[3,1,2,1],"rec":{"a":1},"rows":[{"k":"a","v":1}]}"#;
        let mut fields = Value::from_json(text).expect("JSON").as_map().expect("a record").clone();
        // Large, so that work that is not counted shows.
        fields.insert("big".into(), "01".repeat(1 << 19).into());
        let noise = (0..64 * 1024_u32)
            .map(|i| char::from(b'0' + (i.wrapping_mul(0x9E37_79B9).rotate_left(7) & 1) as u8));
        fields.insert("bits".into(), noise.collect::<String>().into());
        let ty = "record{n: int, x: float, s: string, big: string, bits: string, list: list<int>, rec: record{a: opt<int>}, \
                  rows: list<record{k: string, v: int}>}";
        Self { input: fields.into(), ty: ty.parse().expect("a type"), hints: Hints::default() }
    }
}

impl Names for World {
    fn get(&self, name: &str) -> Option<Value> {
        (name == "input").then(|| self.input.clone())
    }
}

impl TypeNames for World {
    fn get(&self, name: &str) -> Option<&Type> {
        (name == "input").then_some(&self.ty)
    }

    fn all(&self) -> Vec<String> {
        vec!["input".into()]
    }

    fn hints(&self) -> &Hints {
        &self.hints
    }
}
