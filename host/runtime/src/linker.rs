//! The imports of one plugin, from its effective grants: what is not granted is not there.
//!
//! There is no full linker with filters behind it. An interface that was not granted is not linked, and a
//! component that imports it is refused when it is loaded, with the line that would grant it; what its manifest can do
//! without is a [`Refusal`] instead.

pub(crate) mod refusal;

use cleargate_flow::grant::{Grants, Service};
use wasmtime::component::Linker;

use crate::component::LoadError;
use crate::engine::Engine;
use crate::host;
use crate::host::wasi;
use crate::instance::Call;
use crate::linker::refusal::Refusal;

macro_rules! served {
    () => {
        "0.1.0"
    };
}

/// The version of the contract that this host serves. A component may ask for any patch of it.
pub const SERVED: &str = served!();

type Link = fn(&mut Linker<Call>, &str) -> wasmtime::Result<()>;

/// One interface that a grant opens.
pub(crate) struct Interface {
    /// In `cleargate:host`, or with its package in WASI.
    pub(crate) name: &'static str,
    pub(crate) granted: fn(&Grants) -> bool,
    /// The line of a grant file that opens it.
    pub(crate) line: &'static str,
    pub(crate) link: Link,
}

const INTERFACES: &[Interface] = &[
    Interface {
        name: "log",
        granted: |g| g.services.contains(&Service::Log),
        line: "services = [\"log\"]",
        link: host::log::link,
    },
    Interface {
        name: "config",
        granted: |g| g.services.contains(&Service::Config),
        line: "services = [\"config\"]",
        link: host::config::link,
    },
    Interface {
        name: "clock",
        granted: |g| g.services.contains(&Service::Clock),
        line: "services = [\"clock\"]",
        link: host::clock::link,
    },
    Interface {
        name: "random",
        granted: |g| g.services.contains(&Service::Random),
        line: "services = [\"random\"]",
        link: host::random::link,
    },
    Interface {
        name: "blob",
        granted: |g| g.services.contains(&Service::Blob),
        line: "services = [\"blob\"]",
        link: host::blob::link,
    },
    Interface {
        name: "kv",
        granted: |g| !g.kv.is_empty(),
        line: "kv = [\"STORE\"]",
        link: host::kv::link,
    },
    Interface {
        name: "http",
        granted: |g| !g.http.is_empty(),
        line: "http = [\"HOST\"]",
        link: host::http::link,
    },
    Interface {
        name: "secret",
        granted: |g| !g.secrets.is_empty(),
        line: "secrets = [\"LABEL\"]",
        link: host::secret::link,
    },
    Interface {
        name: "secret-reveal",
        granted: |g| !g.reveal.is_empty(),
        line: "reveal = [\"LABEL\"]",
        link: host::secret::link_reveal,
    },
    Interface {
        name: "model",
        granted: |g| !g.model.is_empty(),
        line: "model = [\"NAME\"]",
        link: host::model::link,
    },
    Interface {
        name: "tools",
        granted: |g| !g.tools.is_empty(),
        line: "tools = [\"ALIAS.TOOL\"]",
        link: host::tools::link,
    },
];

/// What a name of an import means to this host.
enum Import {
    /// Types alone: no function, no capability.
    Types,
    Host(&'static Interface),
    Wasi(&'static wasi::Row),
    /// Not served, and why.
    Unknown(&'static str),
}

fn classify(import: &str) -> Import {
    let Some(rest) = import.strip_prefix("cleargate:") else {
        if let Some((path, version)) = import.split_once('@')
            && let Some(row) = wasi::served(path, version)
        {
            return Import::Wasi(row);
        }
        let why = match import.strip_prefix("wasi:") {
            Some(rest) => wasi::unserved(rest),
            None => {
                "no host interface has this name; a plugin may import `cleargate:host` and `cleargate:types`"
            }
        };
        return Import::Unknown(why);
    };
    let Some((path, version)) = rest.split_once('@') else {
        return Import::Unknown(concat!(
            "a host interface is imported with its version, `@",
            served!(),
            "`"
        ));
    };
    if !same_series(version) {
        return Import::Unknown(concat!(
            "this host serves version ",
            served!(),
            " of the contract"
        ));
    }
    match path.split_once('/') {
        Some(("types", _)) => Import::Types,
        Some(("host", name)) => match INTERFACES.iter().find(|i| i.name == name) {
            Some(interface) => Import::Host(interface),
            None => {
                Import::Unknown("`cleargate:host` has no such interface in the version served here")
            }
        },
        _ => Import::Unknown("a plugin cannot import what plugins export"),
    }
}

/// Why this host does not serve an import, when it does not.
pub fn unserved(import: &str) -> Option<&'static str> {
    match classify(import) {
        Import::Unknown(why) => Some(why),
        Import::Types | Import::Host(_) | Import::Wasi(_) => None,
    }
}

/// What an import of WASI means for whoever decides about a plugin; nothing for all other imports, whose meaning is
/// that of the permission.
pub fn meaning(import: &str) -> Option<&'static str> {
    match classify(import) {
        Import::Wasi(row) => Some(row.means),
        Import::Types | Import::Host(_) | Import::Unknown(_) => None,
    }
}

/// Whether a version is a release of the series that this host serves.
pub(crate) fn same_series(version: &str) -> bool {
    SERVED.rsplit_once('.').is_some_and(|(series, _)| of_series(version, series))
}

pub(crate) fn of_series(version: &str, series: &str) -> bool {
    version.rsplit_once('.').is_some_and(|(theirs, patch)| {
        theirs == series && patch.bytes().all(|b| b.is_ascii_digit())
    })
}

/// Links what `imports` name, as far as `grants` go. What is not granted and only `optional` comes back.
///
/// # Errors
/// The first import that is not granted or not served.
pub(crate) fn link(
    engine: &Engine,
    imports: &[String],
    grants: &Grants,
    optional: &Grants,
) -> Result<(Linker<Call>, Vec<Refusal>), LoadError> {
    let mut linker = Linker::new(engine.wasmtime());
    let mut refused = Vec::new();
    for import in imports {
        match classify(import) {
            Import::Types => {}
            Import::Unknown(why) => {
                return Err(LoadError::NotServed { import: import.clone(), why });
            }
            Import::Host(interface) if (interface.granted)(grants) => {
                let name = format!("cleargate:host/{}@{SERVED}", interface.name);
                (interface.link)(&mut linker, &name).map_err(LoadError::engine)?;
            }
            Import::Wasi(row) if (row.interface.granted)(grants) => {
                // What a component imports, so that each patch that it names is found.
                (row.interface.link)(&mut linker, import).map_err(LoadError::engine)?;
            }
            Import::Host(interface) if (interface.granted)(optional) => {
                refused.push(Refusal { import: import.clone(), line: interface.line });
            }
            Import::Host(interface) | Import::Wasi(wasi::Row { interface, .. }) => {
                return Err(LoadError::NotGranted { import: import.clone(), line: interface.line });
            }
        }
    }
    Ok((linker, refused))
}

/// Links every served interface: to describe itself a component needs its imports to exist, not to work.
pub(crate) fn everything() -> Grants {
    let all = "*".parse().expect("a star is a label");
    let host = "unreachable.invalid".parse().expect("a reserved name is a host");
    let labels = || std::iter::once(Clone::clone(&all)).collect();
    Grants {
        http: [host].into(),
        kv: labels(),
        secrets: labels(),
        reveal: labels(),
        model: labels(),
        tools: labels(),
        services: Service::ALL.into(),
        ..Grants::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_granted_by_an_empty_set_and_each_line_opens_its_interface() {
        let engine = Engine::with_allocation(crate::engine::Allocation::OnDemand).unwrap();
        for interface in INTERFACES {
            let imports = [format!("cleargate:host/{}@0.1.7", interface.name)];
            match link(&engine, &imports, &Grants::default(), &Grants::default()).err() {
                Some(LoadError::NotGranted { import, line }) => {
                    assert_eq!((import, line), (imports[0].clone(), interface.line));
                }
                other => panic!("{other:?}"),
            }
            assert!(link(&engine, &imports, &everything(), &Grants::default()).is_ok());
        }
        for (series, wasi::Row { interface, .. }) in wasi::all() {
            let imports = [format!("{}@{series}.9", interface.name)];
            match link(&engine, &imports, &Grants::default(), &Grants::default()).err() {
                Some(LoadError::NotGranted { line, .. }) => assert_eq!(line, interface.line),
                other => assert!(interface.line.is_empty() && other.is_none(), "{other:?}"),
            }
            assert!(link(&engine, &imports, &everything(), &Grants::default()).is_ok());
        }
    }

    #[test]
    fn what_is_not_served_is_refused_with_everything_granted() {
        let engine = Engine::with_allocation(crate::engine::Allocation::OnDemand).unwrap();
        for (import, hint) in [
            ("wasi:sockets/tcp@0.2.0", "no sockets"),
            ("wasi:sockets/types@0.3.0", "no sockets"),
            ("wasi:io/streams@0.3.0", "of WASI 0.2 and 0.3"),
            ("wasi:http/handler@0.3.0", "of WASI 0.2 and 0.3"),
            ("wasi:http/client@0.3.0-rc-2026-03-15", "of WASI 0.2 and 0.3"),
            ("wasi:random/random@0.4.0", "of WASI 0.2 and 0.3"),
            ("wasi:random/random", "of WASI 0.2 and 0.3"),
            ("env", "no host interface"),
            ("cleargate:host/log@0.2.0", "version 0.1"),
            ("cleargate:host/log", "with its version"),
            ("cleargate:host/sockets@0.1.0", "no such interface"),
            ("cleargate:node/node@0.1.0", "plugins export"),
        ] {
            let refused =
                link(&engine, &[import.into()], &everything(), &Grants::default()).err().unwrap();
            assert!(refused.to_string().contains(hint), "{refused}");
        }
    }
}
