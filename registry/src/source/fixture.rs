//! A small package for the tests of this crate.

use crate::component::embed_manifest;
use crate::manifest::Manifest;

/// `acme:redactor` at `version`: exports a node, and imports `http` when `more` speaks of it. `more` is
/// added to its manifest.
pub(crate) fn test_package(version: &str, more: &str) -> Vec<u8> {
    let http = match more.contains("http") {
        true => r#"(import "cleargate:host/http@0.1.0" (instance))"#,
        false => "",
    };
    let component = wat::parse_str(format!(
        r#"(component {http} (component $empty) (instance $i (instantiate $empty))
            (export "cleargate:node/node@0.1.0" (instance $i)))"#
    ));
    let manifest = Manifest::from_toml(&format!(
        "[plugin]\nname = \"acme:redactor\"\nversion = \"{version}\"\ndescription = \"x\"\n{more}"
    ));
    embed_manifest(&component.unwrap(), &manifest.unwrap()).unwrap()
}
