//! Arguments of the verbs for values that outlive their runs.

use clap::Subcommand;

/// Values of steps that are kept for the runs that follow: a node with `asset:` is left out when its value is known.
#[derive(Debug, Subcommand)]
pub enum Assets {
    /// Each asset and each part of it: whether it is fresh, and which run made it
    #[command(after_help = "Examples:\n  cleargate assets list\n  \
        cleargate assets list daily/report\n\n\
        fresh: it is taken as long as nothing changes of what it is made of. stale: the next run makes it again. failed: \
        the last attempt at making it did, and the next run tries again.")]
    List {
        /// Only those whose name begins so: `flow` or `flow/asset`
        #[arg(default_value = "")]
        asset: String,
    },
    /// One asset: its value, what it is made of, and why it was made when
    #[command(after_help = "Examples:\n  cleargate assets show daily/report\n  \
        cleargate assets show daily/report --key 2026-01-03 --output json")]
    Show {
        /// `flow/asset`
        asset: String,
        /// Which part, when it has parts
        #[arg(long)]
        key: Option<String>,
    },
    /// Have the next run make an asset again
    #[command(after_help = "Examples:\n  cleargate assets refresh daily/report\n  \
        cleargate assets refresh daily/report --key 2026-01-03")]
    Refresh {
        /// `flow/asset`
        asset: String,
        /// Which part; all of them, when absent
        #[arg(long)]
        key: Option<String>,
    },
    /// Remove what is known of an asset, its value included
    #[command(after_help = "Example:\n  cleargate assets forget daily/report --key 2026-01-03")]
    Forget {
        /// `flow/asset`
        asset: String,
        /// Which part; all of them, when absent
        #[arg(long)]
        key: Option<String>,
    },
}
