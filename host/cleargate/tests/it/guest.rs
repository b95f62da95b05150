//! Components for tests: a few lines of WebAssembly text as a plugin that can be installed.

use std::path::{Path, PathBuf};

use cleargate::{Approval, Config, Host, InstallOptions};
use cleargate_registry::{Manifest, embed_manifest};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Writes the component of a core module that is a node with `kv`, and the manifest that asks for the store `s`.
pub(crate) fn write(path: &Path, name: &str, module: &str) {
    let wit = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    let mut resolve = Resolve::default();
    for package in ["types", "host", "node"] {
        resolve.push_dir(wit.join(format!("{package}@0.1.0"))).unwrap();
    }
    let world = "package test:guest;
        world guest { import cleargate:host/kv@0.1.0; export cleargate:node/node@0.1.0; }";
    let package = resolve.push_str("guest.wit", world).unwrap();
    let world = resolve.select_world(&[package], Some("guest")).unwrap();
    let mut module = wat::parse_str(module).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    let component = ComponentEncoder::default().module(&module).unwrap().encode().unwrap();
    let manifest = format!(
        "[plugin]\nname = 'acme:{name}'\nversion = '1.0.0'\ndescription = 'x'\n\
         [permissions]\nkv = ['s']\n[reasons]\nkv = 'To fill it.'"
    );
    let manifest = Manifest::from_toml(&manifest).unwrap();
    std::fs::write(path, embed_manifest(&component, &manifest).unwrap()).unwrap();
}

/// A host in a folder, with what is in `fill.wasm` there installed and granted.
pub(crate) async fn host(config: Config, plugin: &Path) -> Host {
    let host = Host::open(config).await.unwrap();
    let options = InstallOptions { approval: Approval::Requested, dry_run: false };
    host.plugins().install(plugin.to_str().unwrap(), &options).unwrap();
    host
}
