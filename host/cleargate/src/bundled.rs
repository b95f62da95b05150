//! Flows that travel inside the program, so that a first run needs no file and no network.

/// A flow with the files that it names.
#[derive(Clone, Copy, Debug)]
pub struct Bundle {
    /// The flow's id.
    pub id: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Names relative to the flow's folder, with their text. `flow.yaml` is the flow itself.
    pub files: &'static [(&'static str, &'static str)],
}

/// Every bundled flow.
pub const BUNDLES: &[Bundle] = &[Bundle {
    id: "dependency_review",
    summary: "Look-alike names, duplicate versions, pre-releases and unusual sources in a lock file",
    files: &[
        ("flow.yaml", include_str!("../../../sdk/examples/dependency_review/flow.yaml")),
        ("report.md", include_str!("../../../sdk/examples/dependency_review/report.md")),
        ("README.md", include_str!("../../../sdk/examples/dependency_review/README.md")),
    ],
}];

impl Bundle {
    /// The bundled flow with this id.
    pub fn find(id: &str) -> Option<&'static Bundle> {
        BUNDLES.iter().find(|bundle| bundle.id == id)
    }

    /// The text of one of its files.
    pub fn file(&self, name: &str) -> Option<&'static str> {
        self.files.iter().find(|(n, _)| *n == name).map(|(_, text)| *text)
    }
}
