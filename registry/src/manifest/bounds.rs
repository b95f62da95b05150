//! Limits as a manifest writes them: `memory = "32MiB"`, `fuel = "50M"`, `time = "2s"`.

use std::collections::BTreeMap;

use cleargate_flow::limits::{Limits, TABLE};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub(super) fn is_empty(limits: &Limits) -> bool {
    *limits == Limits::default()
}

pub(super) fn serialize<S: Serializer>(limits: &Limits, s: S) -> Result<S::Ok, S::Error> {
    let written: BTreeMap<&str, String> = TABLE
        .iter()
        .filter_map(|row| limits.get(row.name).map(|value| (row.name, row.unit.print(value))))
        .collect();
    written.serialize(s)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Limits, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(u64),
        Text(String),
    }
    let mut limits = Limits::default();
    for (name, written) in BTreeMap::<String, Written>::deserialize(d)? {
        let Some(row) = TABLE.iter().find(|row| row.name == name) else {
            let names: Vec<String> = TABLE.iter().map(|row| format!("`{}`", row.name)).collect();
            let known = names.join(", ");
            return Err(de::Error::custom(format!(
                "unknown field `{name}`, expected one of {known}"
            )));
        };
        let text = match written {
            Written::Number(number) => number.to_string(),
            Written::Text(text) => text,
        };
        let value = row.unit.parse(&text).map_err(|e| de::Error::custom(format!("{name}: {e}")))?;
        limits.set(row.name, value);
    }
    Ok(limits)
}
