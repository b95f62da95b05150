//! What one call of the bench measures.

/// Which figures are to be measured: those of one id, or all; and whether other programs are measured beside ours.
#[derive(Default)]
pub(crate) struct Wanted {
    pub(crate) only: Option<String>,
    pub(crate) peers: bool,
}

impl Wanted {
    /// Whether the figures of an id are among them.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only == id)
    }
}
