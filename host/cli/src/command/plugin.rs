//! `cleargate plugin`: the life of a plugin, from a template to a granted installation.

mod attack;
mod bench;
mod dev;
mod foreign;
mod inspection;
mod install;
mod test;

use std::path::{Path, PathBuf};

use cleargate::attack::AttackOptions;
use cleargate::{Error, Kind, Plugins, TestOptions, Wrapping};
use cleargate_toolchain::{BuildError, Builder, Built, Language, PackageName, Progress};
use serde_json::json;

use super::Context;
use crate::args::Plugin;
use crate::failure::Failure;
use crate::output::{escaped, table};

/// Lines of a compiler that are shown: nobody reads more.
const MAX_OUTPUT: usize = 400;

pub async fn plugin(context: &Context<'_>, verb: Plugin) -> Result<u8, Failure> {
    match verb {
        Plugin::New { folder, kind, lang, namespace } => {
            new(context, &folder, kind, &lang, &namespace)
        }
        Plugin::Build { folders, install } => build_all(context, &folders, install).await,
        Plugin::Test { folder, filter, junit, record, allow } => {
            let options = TestOptions { filter, record: record.then_some(allow) };
            test::test(context, &folder, &options, junit.as_deref()).await
        }
        Plugin::Dev(args) => dev::dev(context, &args).await,
        Plugin::Bench { folder, calls, save } => bench::bench(context, &folder, calls, save).await,
        Plugin::Attack { plugin, calls, seed } => {
            attack::attack(context, plugin.as_deref(), AttackOptions { seed, calls }).await
        }
        Plugin::Publish { folders, if_new } => publish(context, &folders, if_new).await,
        Plugin::Install { reference, grant, dry_run } => {
            install::install(context, &reference, grant, dry_run)
        }
        Plugin::Update { names, grant, dry_run } => {
            install::update(context, &names, grant, dry_run)
        }
        Plugin::List => install::list(context),
        Plugin::Inspect { plugin } => {
            let inspection = plugins(context)?.inspect(&plugin)?;
            context.talk.document(&inspection, || inspection::text(&inspection, context.talk));
            Ok(0)
        }
        Plugin::Wrap { file, name, version, description, license, out } => {
            let wrapping = Wrapping { name, version, description, license };
            foreign::wrap(context, &file, &wrapping, out)
        }
        Plugin::Limits { plugin } => {
            let limits = plugins(context)?.inspect(&plugin)?.limits;
            let rows: Vec<_> = limits
                .iter()
                .map(|l| vec![l.name.into(), l.value.clone(), l.layer.to_string()])
                .collect();
            context.talk.documents(&limits, || table(&["LIMIT", "VALUE", "DECIDED BY"], &rows));
            Ok(0)
        }
        Plugin::Remove { plugin } => {
            let removed = plugins(context)?.remove(&plugin)?;
            if removed == 0 {
                let error = Error::new(Kind::Resolution, format!("{plugin} is not installed"));
                return Err(error.with_help("cleargate plugin list").into());
            }
            context.talk.say(&format!("removed {plugin} and its grants"));
            Ok(0)
        }
    }
}

fn plugins(context: &Context<'_>) -> Result<Plugins, Failure> {
    Ok(Plugins::open(&context.config()?)?)
}

fn new(
    context: &Context<'_>,
    folder: &Path,
    kind: cleargate_toolchain::Kind,
    lang: &str,
    namespace: &str,
) -> Result<u8, Failure> {
    let word =
        folder.file_name().map(|n| n.to_string_lossy().replace('_', "-")).unwrap_or_default();
    let name = format!("{namespace}:{word}");
    let bad = |e: &dyn std::error::Error| {
        Error::new(Kind::Invalid, format!("{} cannot be made", folder.display())).caused_by(e)
    };
    let package: PackageName = name.parse().map_err(|e| bad(&e))?;
    let language: Language = serde_json::from_value(json!(lang)).map_err(|_| {
        Error::new(Kind::Invalid, format!("there is no template for `{lang}`"))
            .with_help("--lang rust, javascript, python, c, cpp or go")
    })?;
    cleargate_toolchain::scaffold(kind, language, &package, folder).map_err(|e| bad(&e))?;
    context.talk.say(&format!("made {name} in {}", folder.display()));
    let shown = quoted(&folder.to_string_lossy());
    context
        .talk
        .say(&format!("next: cleargate plugin build {shown} && cleargate plugin test {shown}"));
    Ok(0)
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    match word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// Builds one project, with progress on stderr.
fn build(context: &Context<'_>, folder: &Path, install: bool) -> Result<Built, Failure> {
    let talk = context.talk;
    let mut config = cleargate_toolchain::Config::new(&context.environment.build);
    config.install = install;
    let mut output = Vec::new();
    let spinner = talk.live.then(indicatif::ProgressBar::new_spinner);
    let mut crates = 0_u64;
    let mut progress = |step: Progress| {
        let line = match step {
            Progress::Toolchain(name) => name,
            Progress::Installing(what) => {
                talk.say(&format!("installing {what}"));
                return;
            }
            Progress::Waiting(krate) => {
                talk.say(&format!("waiting for another build of a crate called `{krate}`"));
                return;
            }
            Progress::Compiled { name, .. } => {
                crates += 1;
                format!("compiled {crates} crates, {name}")
            }
            Progress::Packaging => "packaging".into(),
            Progress::Output(line) => {
                if output.len() < MAX_OUTPUT {
                    output.push(line);
                }
                return;
            }
        };
        if let Some(spinner) = &spinner {
            spinner.set_message(format!("{}: {line}", folder.display()));
            spinner.tick();
        }
    };
    let built = Builder::new(config).build(folder, &mut progress);
    if let Some(spinner) = spinner {
        spinner.finish_and_clear();
    }
    // Warnings, also of a build that went well. What a failed compiler said is in the error.
    if !matches!(built, Err(BuildError::Failed { .. })) {
        output.iter().for_each(|line| talk.say(&escaped(line)));
    }
    let built = built.map_err(|error| {
        let message = format!("{} cannot be built", folder.display());
        Error::new(Kind::Invalid, message).caused_by(&error)
    })?;
    talk.say(&format!(
        "{} {} {} · {} KiB · {}",
        talk.paint("✓", "32"),
        built.manifest.plugin.name,
        built.manifest.plugin.version,
        built.size / 1024,
        built.toolchain
    ));
    Ok(built)
}

async fn build_all(
    context: &Context<'_>,
    folders: &[PathBuf],
    install: bool,
) -> Result<u8, Failure> {
    let plugins = plugins(context)?;
    let mut documents = Vec::new();
    for folder in folders {
        let built = build(context, folder, install)?;
        plugins.check(&built.bytes).await?;
        documents.push(json!({
            "plugin": built.manifest.plugin.name, "version": built.manifest.plugin.version,
            "path": built.wasm_path, "digest": built.digest.to_string(), "size": built.size,
            "toolchain": built.toolchain,
        }));
    }
    context.talk.documents(&documents, || {
        let path = |d: &serde_json::Value| d["path"].as_str().unwrap_or_default().to_owned();
        documents.iter().map(path).collect::<Vec<_>>().join("\n")
    });
    Ok(0)
}

async fn publish(context: &Context<'_>, folders: &[PathBuf], if_new: bool) -> Result<u8, Failure> {
    let plugins = plugins(context)?;
    let mut published = Vec::new();
    for folder in folders {
        let built = build(context, folder, false)?;
        let done = plugins.publish(&built.bytes).await?;
        if !done.new && !if_new {
            let error = Error::new(
                Kind::Resolution,
                format!("{} {} is published already", done.plugin, done.version),
            );
            return Err(error.with_help("raise `version` in plugin.toml, or use --if-new").into());
        }
        published.push(done);
    }
    context.talk.documents(&published, || {
        let line = |p: &cleargate::Published| {
            let word = if p.new { "published" } else { "already there:" };
            format!("{word} {} {} {}", p.plugin, p.version, p.digest)
        };
        published.iter().map(line).collect::<Vec<_>>().join("\n")
    });
    Ok(0)
}
