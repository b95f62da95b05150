//! Run typed flows of sandboxed components from your own program.
//!
//! A [`Host`] stands over a home folder: journal, plugins, grants, compile cache. It checks, plans, starts and resumes
//! flows; a [`Running`] tells how far a run is and how it ended.
//!
//! ```no_run
//! use cleargate::{Config, Host, InputValue};
//!
//! # async fn embed() -> Result<(), cleargate::Error> {
//! let host = Host::open(Config::new("/var/lib/app/cleargate", ".")).await?;
//! let flow = host.load("review.yaml", false).await?;
//! let input = vec![InputValue::Json(r#"{ "text": "hello" }"#.into())];
//! let outcome = host.start(&flow, input, Default::default()).await?.outcome().await?;
//! println!("{outcome:?}");
//! # Ok(())
//! # }
//! ```
//!
//! A compiler can be made to take minutes and gigabytes. A program that loads strangers' plugins therefore names a
//! process that compiles, [`Config::compiler`]: itself with an argument on which it calls [`compile_component`] and
//! ends, or the command `cleargate` with `compile-component`. A program that executes plugins in processes of their own,
//! [`Config::ring`], names one in [`Config::worker`] in the same way: it calls [`execute_plugins`], before it has
//! threads.

mod assets;
pub mod attack;
mod builtin;
pub mod bundled;
mod canary;
mod cases;
mod comparison;
mod config;
mod error;
mod flow_cases;
mod flows;
mod grants;
mod host;
mod inputs;
mod owned_file;
mod peers;
mod plan;
mod plugins;
mod programs;
mod prune;
mod recent;
mod rehearsal;
mod ring;
mod running;
mod runs;
mod sandbox;
pub mod schema;
mod secrets;
mod sessions;
mod source;
mod swapping;
mod swaps;
mod timeline;
mod toml_file;
mod travel;
mod triggers;
mod uses;
mod waits;
mod work;

pub use assets::{AssetDetails, AssetView, EarlierView};
pub use canary::{Arm, CanaryView, Decided, Verdict};
#[doc(hidden)]
pub use cases::count_cases;
pub use cases::{
    BenchReport, CaseBudget, CaseCost, CaseReport, Quantiles, Recording, TestOptions, TestReport,
    bench_plugin, test_plugin,
};
pub use cleargate_flow::diagnostic::{Finding, Severity, Span};
pub use cleargate_flow::history::{
    Breakpoint, ChangeView, Comparison, Difference as ValueDifference, Differences, NodeDifference,
    NodeState, Partition, PathSpent, Side, Spent, Status, StepView, Steps, Unfit,
};
pub use cleargate_flow::limits::Unit;
pub use cleargate_flow::{Address, Event, NodeError, Outcome, Record, RunId, Usage, Value, codes};
/// For the process that [`Config::compiler`] names.
pub use cleargate_runtime::compiler::{CompileLimits, WorkError, work as compile_component};
/// For the process that [`Config::worker`] names.
pub use cleargate_runtime::worker::{WorkError as WorkerError, work as execute_plugins};
pub use comparison::{
    CompareOptions, Costs, MAX_COMPARED, PlaceDifference, RunDifference, VersionComparison,
};
pub use config::{Config, Durability, Secret, StoreBounds};
pub use error::{Error, Kind, Result};
pub use flow_cases::{Coverage, FlowCaseReport, FlowTestOptions, FlowTestReport, Place};
pub use flows::{Checked, Flow};
pub use grants::{GrantFile, Granted};
pub use host::{Host, StartOptions};
pub use inputs::InputValue;
pub use plan::{
    Blocked, History, LimitRow, NodeHistory, Plan, PlannedEffect, PluginPlan, Spread, Step,
};
pub use plugins::{
    Approval, Difference, GrantRow, Inspection, InstallOptions, Installation, Moved, PluginRow,
    Plugins, Published, Relocked, Requested, ToolRow, Update, UpdateState, Updates, Waiting,
    Wrapping, wrap,
};
pub use prune::{Prune, Pruned};
pub use rehearsal::Otherwise;
pub use ring::Ring;
pub use running::{NodeProgress, Running};
pub use runs::{RunDetails, RunQuery, RunView, Undelivered};
pub use sandbox::Language;
pub use sandbox::session::{Printed, Session};
pub use secrets::{SecretRow, SecretStore};
pub use swaps::{BREAKDOWN_BUDGET, BUDGET_TIME, Swap, SwapEvent};
pub use timeline::{AssetMade, AssetsUsed, NodeRow, Timeline};
pub use travel::{
    Divergence, Fork, ForkPlan, Forked, Journals, Migration, Replay, ReplayOptions, RunComparison,
    SwapPlan,
};
pub use triggers::{Heard, ListenOptions};
pub use waits::{Sent, TaskQuery, TaskView, TellOptions, WaitView};
pub use work::{MAX_TRIES, WorkEvent, WorkOptions, WorkTotals};
