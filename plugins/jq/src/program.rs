//! Compiles a program and takes its outputs.

use std::collections::BTreeMap;

use cleargate::{Error, Value};
use jaq_core::data::JustLut;
use jaq_core::load::{Arena, File, Loader, import};
use jaq_core::native::{Fun, bome, run as native};
use jaq_core::{Compiler, Ctx, Vars, unwrap_valr};
use jaq_json::Val;

use crate::{mistake, written};

/// Functions that reach outside of a program, or end it. They are there, so that the refusal can say why.
const OUTSIDE: &[&str] = &["env", "now", "localtime", "strflocaltime", "halt"];
/// Bytes of all outputs as JSON: what the host takes as one answer.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Characters of a program's own error that are repeated: it may hold all of its input.
const MAX_SAID: usize = 500;

type Data = JustLut<Val>;

/// The outputs, and whether there are more than `max`.
pub(crate) fn run(
    code: &str,
    input: &Value,
    variables: &BTreeMap<String, Value>,
    max: usize,
) -> Result<(Vec<Value>, bool), Error> {
    let names: Vec<String> = variables.keys().map(|name| format!("${name}")).collect();
    let arena = Arena::default();
    let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let modules = Loader::new(defs)
        .load(&arena, File { code, path: () })
        .map_err(|errors| mistake::of_loading(code, &errors))?;
    // Data of modules is asked for apart from their code, and never given either.
    import(&modules, |_| Err(String::new()))
        .map_err(|errors| mistake::of_loading(code, &errors))?;
    let filter = Compiler::default()
        .with_funs(functions())
        .with_global_vars(names.iter().map(String::as_str))
        .compile(modules)
        .map_err(|errors| mistake::of_compiling(code, &errors))?;
    let values = variables.values().map(read).collect::<Result<Vec<_>, _>>()?;
    let context = Ctx::<Data>::new(&filter.lut, Vars::new(values));
    let mut results = filter.id.run((context, read(input)?)).map(unwrap_valr);
    let (mut outputs, mut bytes) = (Vec::new(), 0);
    while outputs.len() < max {
        let place = outputs.len();
        match results.next() {
            None => return Ok((outputs, false)),
            Some(Err(error)) => return Err(failed(place, &error)),
            Some(Ok(value)) => {
                let (value, size) = written::json(&value, place)?;
                bytes += size;
                outputs.push(value);
            }
        }
        if bytes > MAX_BYTES {
            let message = format!(
                "the outputs have more than {MAX_BYTES} bytes after {} of them; select less, or lower `max`",
                outputs.len()
            );
            return Err(Error::new(cleargate::Code::Limit, message));
        }
    }
    // What comes behind the last output may be an error, or never end: so it is not asked for when one was wanted.
    Ok((outputs, max > 1 && results.next().is_some()))
}

fn read(value: &Value) -> Result<Val, Error> {
    let text = serde_json::to_vec(value)?;
    jaq_json::read::parse_single(&text)
        .map_err(|e| Error::bug(format!("JSON that jq does not read: {e}")))
}

/// All functions of the language, with refusals in the place of those that reach outside.
fn functions() -> impl Iterator<Item = Fun<Data>> {
    let all = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    all.map(|(name, arguments, function)| {
        if OUTSIDE.contains(&name) {
            native((name, arguments, |_| {
                bome(Err(jaq_core::Error::str(
                    "`env`, `$ENV`, `now`, `localtime`, `strflocaltime` and `halt` are not there: a program sees its input and its variables",
                )))
            }))
        } else {
            (name, arguments, function)
        }
    })
}

/// A failure of the program itself: `error`, or a value that is not what an operation needs.
fn failed(place: usize, error: &jaq_core::Error<Val>) -> Error {
    let said = error.to_string();
    let end = said.char_indices().nth(MAX_SAID).map_or(said.len(), |(end, _)| end);
    let more = if end < said.len() { "…" } else { "" };
    let after = match place {
        0 => String::new(),
        1 => " after 1 output".into(),
        n => format!(" after {n} outputs"),
    };
    Error::invalid_input(format!("the program failed{after}: {}{more}", &said[..end]))
}
