//! Bounds of one call of a plugin. Layers are combined by taking the minimum, and the layer that decided is
//! kept, so that a person can be told whom to ask.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Who set a bound, from the strongest to the weakest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// What the engine was built for.
    Engine,
    /// The operator's configuration.
    Operator,
    /// The tenant's configuration.
    Tenant,
    /// The manifest of the plugin.
    Manifest,
    /// The node in the flow.
    Node,
    /// Nobody said anything: the default for a stranger's plugin.
    Default,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Engine => "engine",
            Self::Operator => "operator",
            Self::Tenant => "tenant",
            Self::Manifest => "manifest",
            Self::Node => "node",
            Self::Default => "default",
        })
    }
}

macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident: $default:expr, $ceiling:expr, $unit:expr;)*) => {
        /// What one layer asks for. An absent bound says nothing.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Limits {
            $($(#[$doc])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $name: Option<u64>,)*
        }

        /// The bounds of one call after all layers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        pub struct Effective {
            $($(#[$doc])* pub $name: Bound,)*
        }

        /// The limits that exist: name, unit, default for a stranger's plugin, greatest value the engine allows.
        pub const TABLE: &[Row] = &[
            $(Row { name: stringify!($name), unit: $unit, default: $default, ceiling: $ceiling },)*
        ];

        impl Limits {
            /// The bounds of one call: for each the minimum over the layers, or the default when no layer
            /// says anything, never above the engine's ceiling.
            pub fn combine(layers: &[(Layer, Limits)]) -> Effective {
                Effective {
                    $($name: combine_one($default, $ceiling, layers.iter().map(|(l, x)| (*l, x.$name))),)*
                }
            }

            /// The bound called `name`, when this layer sets it.
            pub fn get(&self, name: &str) -> Option<u64> {
                match name { $(stringify!($name) => self.$name,)* _ => None }
            }

            /// Sets the bound called `name`; false when there is none of that name.
            pub fn set(&mut self, name: &str, value: u64) -> bool {
                match name { $(stringify!($name) => { self.$name = Some(value); true })* _ => false }
            }
        }

        impl Effective {
            /// Each bound with its name, in the order of [`TABLE`].
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, Bound)> {
                [$((stringify!($name), self.$name),)*].into_iter()
            }
        }
    };
}

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

limits! {
    /// Instructions, in the engine's unit of fuel. Deterministic.
    fuel: 1_000_000_000, 1_000_000_000_000, Unit::Count;
    /// Wall clock of the whole call with its host calls, in milliseconds.
    time: 10_000, 3_600_000, Unit::Millis;
    /// Sum of all memories and tables of the instance, in bytes.
    memory: 64 * MIB, 4096 * MIB, Unit::Bytes;
    /// Length of the result, in bytes of JSON text.
    output: 4 * MIB, 256 * MIB, Unit::Bytes;
    /// Bytes that one host call may carry in either direction.
    payload: 8 * MIB, 128 * MIB, Unit::Bytes;
    /// Stored bytes of log text; what is beyond is counted and dropped.
    log: 64 * KIB, 16 * MIB, Unit::Bytes;
    /// Calls of host functions, of all kinds.
    host_calls: 10_000, 10_000_000, Unit::Count;
    /// HTTP requests, redirects included.
    http_calls: 100, 100_000, Unit::Count;
    /// Calls of tools of other plugins.
    tool_calls: 1_000, 1_000_000, Unit::Count;
}

/// How a bound is written and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// `50M`, `200k`, `1000`.
    Count,
    /// `64MiB`, `4KiB`.
    Bytes,
    /// `200ms`, `2s`, `1m`.
    Millis,
}

/// One limit of the schema.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The key in `limits:`.
    pub name: &'static str,
    /// How its value is written.
    pub unit: Unit,
    /// Holds when no layer says anything.
    pub default: u64,
    /// No layer can go above it.
    pub ceiling: u64,
}

/// A bound and who decided it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bound {
    /// In the unit of the limit.
    pub value: u64,
    /// The layer with the smallest value.
    pub layer: Layer,
}

fn combine_one(
    default: u64,
    ceiling: u64,
    layers: impl Iterator<Item = (Layer, Option<u64>)>,
) -> Bound {
    let asked = layers
        .filter_map(|(layer, value)| value.map(|value| Bound { value, layer }))
        .min_by_key(|bound| (bound.value, bound.layer));
    let bound = asked.unwrap_or(Bound { value: default, layer: Layer::Default });
    if bound.value > ceiling { Bound { value: ceiling, layer: Layer::Engine } } else { bound }
}

impl Unit {
    /// Reads a bound as people write it.
    ///
    /// # Errors
    /// A sentence with examples of the unit.
    pub fn parse(self, text: &str) -> Result<u64, String> {
        let text = text.trim();
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (digits, suffix) = text.split_at(split);
        let factor = match (self, suffix) {
            (Self::Count | Self::Bytes, "") => 1,
            (Self::Count, "k") => 1_000,
            (Self::Count, "M") => 1_000_000,
            (Self::Count, "G") => 1_000_000_000,
            (Self::Bytes, "KiB") => KIB,
            (Self::Bytes, "MiB") => MIB,
            (Self::Bytes, "GiB") => KIB * MIB,
            (Self::Millis, "ms") => 1,
            (Self::Millis, "s") => 1_000,
            (Self::Millis, "m") => 60_000,
            (Self::Millis, "h") => 3_600_000,
            (Self::Millis, "d") => 86_400_000,
            _ => return Err(self.usage(text)),
        };
        let number: u64 = digits.parse().map_err(|_| self.usage(text))?;
        number.checked_mul(factor).ok_or_else(|| self.usage(text))
    }

    fn usage(self, text: &str) -> String {
        let examples = match self {
            Self::Count => "`1000`, `200k`, `50M` or `1G`",
            Self::Bytes => "`4096`, `64KiB`, `32MiB` or `1GiB`",
            Self::Millis => "`200ms`, `30s`, `10m`, `2h` or `7d`",
        };
        format!("`{text}` is not in the form {examples}")
    }

    /// Writes a bound so that [`Unit::parse`] reads the same number, in the largest unit that is exact.
    pub fn print(self, value: u64) -> String {
        let units: &[(u64, &str)] = match self {
            Self::Count => &[(1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k"), (1, "")],
            Self::Bytes => &[(KIB * MIB, "GiB"), (MIB, "MiB"), (KIB, "KiB"), (1, "")],
            Self::Millis => {
                &[(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")]
            }
        };
        let (factor, suffix) = units
            .iter()
            .find(|(factor, _)| value >= *factor && value.is_multiple_of(*factor))
            .unwrap_or(units.last().expect("a unit has a smallest form"));
        format!("{}{suffix}", value / factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minimum_over_the_layers_holds_and_names_its_layer() {
        let operator = Limits { fuel: Some(500), ..Limits::default() };
        let manifest = Limits { fuel: Some(200), memory: Some(u64::MAX), ..Limits::default() };
        let node = Limits { fuel: Some(900), ..Limits::default() };
        let layers =
            [(Layer::Operator, operator), (Layer::Manifest, manifest), (Layer::Node, node)];
        let effective = Limits::combine(&layers);
        assert_eq!(effective.fuel, Bound { value: 200, layer: Layer::Manifest });
        assert_eq!(effective.memory, Bound { value: 4096 * MIB, layer: Layer::Engine });
        assert_eq!(effective.time, Bound { value: 10_000, layer: Layer::Default });
    }

    #[test]
    fn bounds_read_back_what_they_print() {
        for (unit, text, value) in [
            (Unit::Count, "50M", 50_000_000),
            (Unit::Count, "1500", 1500),
            (Unit::Bytes, "32MiB", 32 * MIB),
            (Unit::Bytes, "0", 0),
            (Unit::Millis, "2s", 2000),
            (Unit::Millis, "1500ms", 1500),
        ] {
            assert_eq!(unit.parse(text), Ok(value));
            assert_eq!(unit.parse(&unit.print(value)), Ok(value));
        }
        for (unit, bad) in [
            (Unit::Count, "-1"),
            (Unit::Bytes, "1MB"),
            (Unit::Millis, "10"),
            (Unit::Millis, "99999999999999999999d"),
            (Unit::Bytes, "99999999999999GiB"),
        ] {
            assert!(unit.parse(bad).is_err(), "{bad} was accepted");
        }
    }
}
