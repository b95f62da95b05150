//! Swapping a component in: everything that could be wrong with it is found before any run gets it.

use cleargate_registry::{PackageRef, Version};
use tokio::sync::broadcast;

use crate::error::{Error, Kind, Result};
use crate::flows::Pinned;
use crate::grants::GrantFile;
use crate::host::Host;
use crate::plugins::{read, resolution};
use crate::source::FlowSource;
use crate::swaps::{Swap, SwapEvent};
use crate::uses::{Locking, Pin, aliases};

impl Host {
    /// Gives an installed component to all runs that begin from now on, in the place of what their locks say, for as long
    /// as this host lives. `digest` is `sha256:…` of its bytes; `flows` are checked with it first, and must use it.
    ///
    /// Runs that have begun go on with the component that they began with; [`SwapEvent::Drained`] tells when the last of
    /// them has ended. A component that breaks down [`BREAKDOWN_BUDGET`](crate::BREAKDOWN_BUDGET) times within
    /// [`BUDGET_TIME`](crate::BUDGET_TIME) is taken back by itself. Locks are not changed.
    ///
    /// # Errors
    /// It is not installed, asks for what nobody granted ([`Kind::Denied`]), cannot be loaded, or a flow is not right with
    /// it. New runs get what they got before, then.
    pub async fn swap(&self, digest: &str, flows: &[&str]) -> Result<Swap> {
        let _one_at_a_time = self.swapping.lock().await;
        let pin = self.granted(digest)?;
        let grants = GrantFile::read(&self.config.grants())?;
        let used = self.plugins.load(&self.runtime, &grants, "swap", &pin, None).await?;
        self.loaded.keep((pin.digest, None), used);
        for flow in flows {
            self.right_with(flow, &pin).await?;
        }
        Ok(self.swaps.put(pin))
    }

    /// Takes back what was swapped in last for a package: runs that begin from now on get what was there before. Says
    /// whether there was anything.
    pub fn swap_back(&self, plugin: &str) -> bool {
        self.swaps.take_back(plugin)
    }

    /// What happens to swapped components from now on.
    pub fn swap_events(&self) -> broadcast::Receiver<SwapEvent> {
        self.swaps.events()
    }

    /// How many flows that are loaded or run have the component with this digest.
    pub fn users_of(&self, digest: &str) -> usize {
        self.swaps.users(digest)
    }

    /// The installed component, when everything that it asks for is granted.
    fn granted(&self, digest: &str) -> Result<Pin> {
        let entries = self.plugins.installed.list().map_err(resolution)?;
        let entry = entries.into_iter().find(|entry| entry.digest.to_string() == digest);
        let entry = entry.ok_or_else(|| {
            Error::new(Kind::Resolution, format!("{digest} is not installed"))
                .with_help("cleargate plugin list")
        })?;
        let (_, manifest) = read(&self.plugins.installed.read(&entry.digest).map_err(resolution)?)?;
        let (package, version) = (entry.name.to_string(), entry.version.to_string());
        let allowed = GrantFile::read(&self.config.grants())?.allowed(&package, digest);
        let missing = allowed.missing(&manifest.permissions).lines();
        if missing.is_empty() {
            return Ok(Pin { package, version, digest: entry.digest });
        }
        let why = format!("{package} {version} asks for more than it was granted");
        let mut error = Error::new(Kind::Denied, why);
        error.causes = missing;
        Err(error.with_help(format!("cleargate plugin install {package}@={version} --grant")))
    }

    /// Checks a flow as it would be with this component.
    async fn right_with(&self, flow: &str, pin: &Pin) -> Result<()> {
        let source = FlowSource::find(flow, &self.config.folder)?;
        let refused = |why: String| {
            let help = format!("write use: {{ alias: {}@^{} }}", pin.package, pin.version);
            Err(Error::new(Kind::Invalid, why).with_help(help))
        };
        if let Some(wanted) = other_version(&source.text, pin) {
            return refused(format!("`{flow}` asks for {wanted}, and this is {}", pin.version));
        }
        let mut swapped = self.swaps.current();
        swapped.insert(pin.package.clone(), pin.clone());
        let pinned = self.plugins.pin(source, &self.config.home, Locking::Look, &swapped)?;
        if !uses(&pinned, pin) {
            return refused(format!("`{flow}` does not use {}", pin.package));
        }
        self.ready(pinned).await.map(drop)
    }
}

/// What a flow writes for the package, when it is another version that it means.
fn other_version(text: &str, pin: &Pin) -> Option<String> {
    let version: Version = pin.version.parse().ok()?;
    aliases(text).into_values().find(|text| match text.parse() {
        Ok(PackageRef::Registry { name, requirement }) => {
            name.to_string() == pin.package && !requirement.matches(version.as_semver())
        }
        _ => false,
    })
}

/// Whether a flow or one inside it has the component.
fn uses(pinned: &Pinned, pin: &Pin) -> bool {
    pinned.plugins.values().any(|other| other == pin)
        || pinned.flows.values().any(|flow| uses(flow, pin))
}
