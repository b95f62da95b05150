//! A JavaScript or TypeScript project to a component: a bundler joins its files, and QuickJS runs them.
//!
//! What a component exports and imports is read from the bundle, not from a list that an author would keep: each kind
//! of plugin and each service of the host is a file of the SDK, and the bundler says which files are left when
//! everything that nobody uses is gone. The engine's own imports of WASI are answered inside the component.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::contract::{self, Uses, Waits, words};
use crate::find::Finding;
use crate::kept::{self, real};
use crate::kit::Kit;
use crate::process::{self, Line};
use crate::{BuildError, Config, Progress};

const KIT: Kit = Kit {
    language: "javascript",
    packages: "componentize-qjs 0.4.5 and esbuild 0.28.2",
    files: &[
        ("package.json", include_str!("../../javascript/toolchain/package.json")),
        ("package-lock.json", include_str!("../../javascript/toolchain/package-lock.json")),
    ],
};

/// What the packages need.
const LEAST_NODE: u32 = 18;

const COMMANDS: &str = "  apt install nodejs npm   # Debian\n  https://nodejs.org   # elsewhere";

/// Where the SDK and the contract lie in a project.
const SDK: &str = "vendor/sdk/javascript";
const WIT: &str = "vendor/wit";

/// Builds and returns the component with the name of the toolchain.
pub(crate) fn build(
    config: &Config,
    project: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Vec<u8>, String), BuildError> {
    let project = real(project)?;
    let source = ["src/plugin.js", "src/plugin.ts"].map(|file| project.join(file));
    let source = source.into_iter().find(|path| path.is_file()).ok_or(BuildError::NoSource)?;
    let sdk = real(&project.join(SDK))?;
    let node = node().map_err(|()| missing())?;
    let kit = KIT.ready(config, install, progress)?;
    let name = format!("{}, node {node}", KIT.packages);
    progress(Progress::Toolchain(name.clone()));
    let place = Place::new(config, kit)?;
    let uses = place.uses(&source, progress)?;
    if uses.kinds.is_empty() {
        return Err(BuildError::NoDefinition {
            path: source,
            hint: "`export default tool({ .. })`, or node, guardrail, filter or a part",
        });
    }
    place.write("entry.js", &entry(&sdk, &source, &uses.kinds))?;
    place.bundle(Path::new("entry.js"), "plugin.js", &[], &mut |_| {})?;
    let contract =
        contract::write_world(&project.join(WIT), &uses, Waits::Marked, &place.path("wit"))?;
    Ok((place.component(config, &contract)?, name))
}

/// The version of Node.js that is here, when it is new enough.
fn node() -> Result<String, ()> {
    let version = process::ask(tool("node", Path::new("/")).arg("--version")).ok_or(())?;
    let version = version.trim_start_matches('v').to_owned();
    let major: u32 = version.split('.').next().and_then(|n| n.parse().ok()).ok_or(())?;
    if major >= LEAST_NODE { Ok(version) } else { Err(()) }
}

fn missing() -> BuildError {
    let program = "Node.js 18 or newer, with npm";
    BuildError::NoProgram { language: "JavaScript", program, commands: COMMANDS }
}

/// Whether JavaScript plugins can be built here.
pub(crate) fn survey() -> Finding {
    let what = "JavaScript plugins".to_owned();
    let npm = process::ask(tool("npm", Path::new("/")).arg("--version"));
    match (node(), npm) {
        (Ok(node), Some(npm)) => {
            Finding { what, state: format!("node {node}, npm {npm}"), ready: true, fix: None }
        }
        _ => {
            let fix = COMMANDS.lines().next().map(|line| line.trim().to_owned());
            Finding { what, state: "no Node.js 18 or newer with npm".into(), ready: false, fix }
        }
    }
}

/// A program of Node.js, without the options that the environment would give to it.
fn tool(program: &str, folder: &Path) -> Command {
    let mut command = process::command(Path::new(program), folder);
    command.env_remove("NODE_OPTIONS");
    command
}

/// No script of a package runs, and the digests of the list are compared.
fn install(folder: &Path) -> Command {
    let mut npm = tool("npm", folder);
    npm.args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    npm
}

/// The part of the bundler's report that matters.
#[derive(Deserialize)]
struct Report {
    outputs: BTreeMap<String, Output>,
}

#[derive(Deserialize)]
struct Output {
    inputs: BTreeMap<String, Input>,
    imports: Vec<Import>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    bytes_in_output: u64,
}

#[derive(Deserialize)]
struct Import {
    path: String,
    #[serde(default)]
    external: bool,
}

impl Report {
    fn uses(&self) -> Uses {
        let left = |kind: &str| {
            // Without `vendor/`, which may be a link: the bundler names files after where they lie.
            let file = format!("/sdk/javascript/kinds/{kind}.js");
            self.outputs.values().any(|output| {
                let mut inputs = output.inputs.iter();
                inputs.any(|(path, input)| path.ends_with(&file) && input.bytes_in_output > 0)
            })
        };
        let imports = self.outputs.values().flat_map(|output| &output.imports);
        let mut services: Vec<_> =
            imports.filter(|i| i.external).map(|import| import.path.clone()).collect();
        services.sort();
        services.dedup();
        Uses { kinds: words().filter(|kind| left(kind)).collect(), services }
    }
}

/// The file that the engine runs: it joins what the author exports with the contract.
fn entry(sdk: &Path, source: &Path, kinds: &[&str]) -> String {
    let quoted = |path: &Path| serde_json::Value::from(path.to_string_lossy()).to_string();
    let mut text = format!(
        "import {};\nimport plugin from {};\n",
        quoted(&sdk.join("prelude.js")),
        quoted(source)
    );
    for kind in kinds {
        let file = quoted(&sdk.join(format!("kinds/{kind}.js")));
        text.push_str(&format!("import {{ serve as {kind}s }} from {file};\n"));
        text.push_str(&format!("export const {kind} = {kind}s(plugin);\n"));
    }
    text
}

/// What the bundler said of the author's files, as they are named in the project: without what Node.js adds when the
/// bundler ends.
fn told(output: &str, place: &Path, project: &Path) -> String {
    let shared = place.components().zip(project.components()).take_while(|(a, b)| a == b).count();
    let up = place.components().skip(shared).map(|_| "..".as_ref());
    let down = project.components().skip(shared).map(|part| part.as_os_str());
    let from: PathBuf = up.chain(down).collect();
    let lines = output.lines().take_while(|line| !line.starts_with("node:"));
    let text = lines.collect::<Vec<_>>().join("\n");
    text.replace(&format!("{}/", from.display()), "").trim_end().to_owned()
}

/// A folder for one build, removed at its end, and the tools.
struct Place {
    folder: tempfile::TempDir,
    kit: PathBuf,
}

impl Place {
    fn new(config: &Config, kit: PathBuf) -> Result<Self, BuildError> {
        let folder = kept::place(config, KIT.language)?;
        Ok(Self { folder, kit })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), BuildError> {
        let path = self.path(name);
        fs::write(&path, text).map_err(|cause| BuildError::Write { path, cause })
    }

    fn run(
        &self,
        script: &str,
        args: &[&str],
        each: &mut dyn FnMut(Line),
    ) -> Result<(), BuildError> {
        let mut command = tool("node", self.folder.path());
        command.arg(self.kit.join("node_modules").join(script)).args(args);
        let outcome = process::stream(&mut command, each)?;
        match outcome.success {
            true => Ok(()),
            false => Err(BuildError::Failed { output: outcome.tail }),
        }
    }

    /// Joins a file with everything that it needs. What the bundler would say of places is left out, so the same
    /// source gives the same text in any folder.
    fn bundle(
        &self,
        file: &Path,
        to: &str,
        more: &[&str],
        each: &mut dyn FnMut(Line),
    ) -> Result<(), BuildError> {
        let (file, to) = (file.to_string_lossy(), format!("--outfile={to}"));
        let mut args = vec![&*file, &to, "--bundle", "--format=esm", "--platform=neutral"];
        args.extend(["--target=es2023", "--main-fields=module,main", "--minify-whitespace"]);
        args.extend(["--legal-comments=none", "--charset=utf8", "--log-level=warning"]);
        args.push("--external:cleargate:*");
        args.extend(more);
        self.run("esbuild/bin/esbuild", &args, each)
    }

    /// Joins the author's files and asks what is left of the SDK.
    fn uses(&self, source: &Path, progress: &mut dyn FnMut(Progress)) -> Result<Uses, BuildError> {
        let bundled = self.bundle(source, "author.js", &["--metafile=report.json"], &mut |line| {
            if let Line::Err(text) = line {
                progress(Progress::Output(text));
            }
        });
        bundled.map_err(|error| match error {
            BuildError::Failed { output } => {
                let project = source.parent().and_then(Path::parent).unwrap_or(source);
                BuildError::Failed { output: told(&output, self.folder.path(), project) }
            }
            other => other,
        })?;
        let path = self.path("report.json");
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(cause) => return Err(BuildError::Read { path, cause }),
        };
        let report: Report =
            serde_json::from_slice(&bytes).map_err(|cause| BuildError::Report { path, cause })?;
        Ok(report.uses())
    }

    /// The component, from the bundle and the contract.
    fn component(&self, config: &Config, contract: &[u8]) -> Result<Vec<u8>, BuildError> {
        let path = self.path("plugin.js");
        let bundle = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(cause) => return Err(BuildError::Read { path, cause }),
        };
        let all = [KIT.name().as_bytes(), &bundle, contract].concat();
        kept::kept(config, KIT.language, &all, || {
            let mut args = vec!["--wit", "wit", "--world", "plugin", "--js", "plugin.js"];
            args.extend(["--output", "plugin.wasm", "--sync", "--stub-wasi"]);
            self.run("componentize-qjs/bin/componentize-qjs", &args, &mut |_| {})?;
            Ok(self.path("plugin.wasm"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_in_the_bundle_is_what_is_used() {
        let report = r#"{ "outputs": { "author.js": {
            "imports": [
                { "path": "cleargate:host/log@0.1.0", "kind": "import-statement", "external": true },
                { "path": "chunk.js", "kind": "import-statement" }
            ],
            "inputs": {
                "../p/vendor/sdk/javascript/kinds/tool.js": { "bytesInOutput": 379 },
                "../p/vendor/sdk/javascript/kinds/filter.js": { "bytesInOutput": 0 },
                "../p/src/kinds/node.js": { "bytesInOutput": 10 }
            }
        } } }"#;
        let report: Report = serde_json::from_str(report).unwrap();
        let services = vec!["cleargate:host/log@0.1.0".to_owned()];
        assert_eq!(report.uses(), Uses { kinds: vec!["tool"], services });
    }

    #[test]
    fn a_mistake_is_told_with_its_place_in_the_project_alone() {
        let output = "✘ [ERROR] Expected \")\"\n\n    ../../p/my/src/plugin.js:1:2:\n\nnode:child_process:930\n    throw err;";
        let told = told(output, Path::new("/t/build/x"), Path::new("/t/p/my"));
        assert_eq!(told, "✘ [ERROR] Expected \")\"\n\n    src/plugin.js:1:2:");
    }

    #[test]
    fn the_entry_exports_each_kind_and_quotes_paths() {
        let text = entry(Path::new("/s"), Path::new("/a \"b\".js"), &["node", "tool"]);
        assert!(
            text.starts_with("import \"/s/prelude.js\";\nimport plugin from \"/a \\\"b\\\".js\";")
        );
        assert!(text.contains("export const node = nodes(plugin);"), "{text}");
        assert!(text.contains("import { serve as tools } from \"/s/kinds/tool.js\";"), "{text}");
    }

    #[test]
    fn a_machine_without_node_is_told_what_to_install() {
        let message = missing().to_string();
        assert!(message.contains("apt install nodejs npm"), "{message}");
    }
}
