//! `code`: runs a program that nobody has read, in the interpreter of its language.
//!
//! The interpreter is a plugin, and its call an ordinary one: limits, journal and gate hold it as they hold any other. What
//! the program may use beyond its input is what the node lists: tools of the flow, hosts, a folder of its own.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use cleargate_executor::{CallScope, Failure, Node, NodeContext, Output};
use cleargate_flow::error::ErrorCode;
use cleargate_flow::grant::{Grants, HostPattern, Label, Service};
use cleargate_flow::signature::{Effect, Signature};
use cleargate_flow::types::{Type, from_json_schema, validate};
use cleargate_flow::{NodeError, Value};

/// Tools that one execution may call when the flow does not say: a program that calls more is a loop gone wrong.
pub const TOOL_CALLS: u64 = 50;

/// What a node says of its program.
#[derive(Clone, Debug)]
pub struct Program {
    lang: String,
    /// The text, when no input gives it.
    source: Option<String>,
    /// What the node gives, when it is the result and not the report.
    out: Option<Type>,
    tools: Vec<Label>,
    network: Vec<HostPattern>,
    packages: Value,
    /// Whether what it defines stays for the next one.
    keep: bool,
}

impl Program {
    /// What flows write after `type:`.
    pub const NAME: &str = "code";

    /// What the checker knows.
    pub fn signature() -> Signature {
        let config = [
            ("lang", "enum(python, js)", "The language of the program."),
            ("file", "opt<string>", "Name of a file beside the flow that holds the program."),
            ("tools", "opt<list<string>>", "Tools that the program may call, as `alias.tool`."),
            ("network", "any", "Hosts that it may ask; `none` when absent."),
            ("session", "opt<string>", "Programs of one name find what those before them left."),
            (
                "packages",
                "opt<list<string>>",
                "Packages that it may import, of those that there are.",
            ),
        ];
        let input = [
            ("source", "opt<string>", "The program."),
            ("input", "any", "What it sees as `input`."),
            ("files", "any", "Its folder at the start: texts and media by name."),
        ];
        let error = "record{type: string, message: string, line: opt<int>, traceback: string}";
        let report = format!(
            "record{{ok: bool, result: any, stdout: string, stderr: string, truncated: bool, error: opt<{error}>, \
             files: list<any>}}"
        );
        let fields = |rows: &[(&str, &str, &str)]| {
            rows.iter().map(|(name, ty, doc)| crate::field(name, ty, doc)).collect()
        };
        let mut signature = Signature {
            program: true,
            typed_by: Some("out"),
            config: fields(&config),
            input: fields(&input),
            ..crate::signature("Runs a program in a sandbox.", Effect::Idempotent, &report)
        };
        for name in ["input", "files"] {
            let field = signature.input.get_mut(name).expect("it was just put there");
            field.default = Some(Value::Null);
        }
        let network = signature.config.get_mut("network").expect("it was just put there");
        network.default = Some(Value::Null);
        signature
    }

    /// The program of a configuration. `files` are the texts of the files that the flow names.
    ///
    /// # Errors
    /// What does not fit, in a sentence; the checker finds all of it before a run.
    pub fn new(config: &Value, files: &BTreeMap<String, String>) -> Result<Self, String> {
        let text = |name: &str| config.get(name).and_then(Value::as_str);
        let source = match text("file") {
            Some(file) => {
                let there = files.get(file).cloned();
                Some(there.ok_or_else(|| format!("the flow has no file `{file}`"))?)
            }
            None => None,
        };
        let out = config.get("out").filter(|out| !out.is_null());
        let out = out.map(|schema| from_json_schema(&schema.to_serde())).transpose();
        Ok(Self {
            lang: text("lang").unwrap_or_default().to_owned(),
            source,
            out: out.map_err(|error| format!("`out`: {error}"))?,
            tools: listed(config, "tools")?,
            network: listed(config, "network")?,
            packages: config.get("packages").cloned().unwrap_or(Value::Null),
            keep: text("session").is_some(),
        })
    }

    /// What the program may do: what the node lists, of hosts what `granted` covers.
    pub fn grants(&self, granted: &Grants) -> Grants {
        let asked = Grants { http: self.network.iter().cloned().collect(), ..Grants::default() };
        Grants {
            http: granted.effective(&asked).http,
            tools: self.tools.iter().cloned().collect(),
            services: Service::ALL.into_iter().collect(),
            ..Grants::default()
        }
    }

    /// Its language, as flows write it.
    pub fn lang(&self) -> &str {
        &self.lang
    }

    /// Whether it may call tools.
    pub fn calls_tools(&self) -> bool {
        !self.tools.is_empty()
    }
}

/// Texts under a key, read. What is no list has none.
fn listed<T: std::str::FromStr<Err: fmt::Display>>(
    config: &Value,
    key: &str,
) -> Result<Vec<T>, String> {
    let items = config.get(key).and_then(Value::as_list).into_iter().flatten();
    let read = |item: &Value| {
        let text = item.as_str().unwrap_or_default();
        text.parse().map_err(|why| format!("`{key}`: {why}"))
    };
    items.map(read).collect()
}

/// See the module.
pub struct Code {
    /// What it runs.
    pub program: Program,
    /// The tool `run` of the interpreter.
    pub run: Arc<dyn Node>,
    /// What the program may do.
    pub scope: CallScope,
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { program, scope, .. } = self;
        f.debug_struct("Code").field("program", program).field("scope", scope).finish()
    }
}

#[async_trait]
impl Node for Code {
    async fn run(&self, ctx: NodeContext, input: Value) -> Result<Output, Failure> {
        let program = &self.program;
        let given = |name: &str| input.get(name).filter(|value| !value.is_null()).cloned();
        let source = program.source.as_deref().map(Value::from).or_else(|| given("source"));
        let source = source.ok_or_else(|| crate::invalid("the program is null"))?;
        let mut arguments = vec![("source", source)];
        arguments.extend(given("input").map(|value| ("input", value)));
        arguments.extend(given("files").map(|value| ("files", value)));
        arguments.extend(program.calls_tools().then_some(("tools", Value::Bool(true))));
        arguments.extend(program.keep.then_some(("keep", Value::Bool(true))));
        let packages = Some(&program.packages).filter(|packages| !packages.is_null());
        arguments.extend(packages.map(|packages| ("packages", packages.clone())));
        let own = ctx.within(&self.scope, Value::Null);
        let mut done = self.run.run(own, Value::record(arguments)).await?;
        if let Some(out) = &program.out {
            let result = result(&done.value, out);
            done.value = result.map_err(|error| Failure { error, usage: done.usage })?;
        }
        Ok(done)
    }
}

/// The result out of the report, when the program came to its end with a value of the type.
fn result(report: &Value, out: &Type) -> Result<Value, NodeError> {
    if report.get("ok") != Some(&Value::Bool(true)) {
        let error = report.get("error").cloned().unwrap_or_default();
        let said = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
        let at = error.get("line").and_then(Value::as_int);
        let at = at.map(|line| format!("line {line}: ")).unwrap_or_default();
        let message = format!("the program failed: {at}{}: {}", said("type"), said("message"));
        return Err(NodeError::new(ErrorCode::Permanent, message).with_detail(error));
    }
    let value = report.get("result").cloned().unwrap_or_default();
    validate(&value, out).map_err(|mismatch| {
        let message = format!("the result of the program is not of `out`, {out}: {mismatch}");
        NodeError::new(ErrorCode::InvalidInput, message)
            .with_help("the last line of the program, or `result`, is what it gives")
    })
}
