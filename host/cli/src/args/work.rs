//! Arguments of `work`.

use std::time::Duration;

use clap::Args as ClapArgs;

/// Arguments of `work`.
#[derive(Debug, ClapArgs)]
pub struct WorkArgs {
    /// End after so long: 8h, 30m, 10s
    #[arg(long = "for", value_name = "DURATION", value_parser = super::span)]
    pub lasts: Option<Duration>,
    /// End when no run can go on: what is left waits, or was set aside
    #[arg(long)]
    pub until_idle: bool,
    /// Runs that are driven at the same time
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub jobs: u32,
    /// How often to look for what other processes wrote; moments that runs wait for are met without
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = super::span)]
    pub poll: Duration,
    /// How long runs may take to come to a stored point when this ends
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = super::span)]
    pub grace: Duration,
    /// Remove runs that ended at least so long ago, at the start and every hour
    #[arg(long, value_name = "AGE", value_parser = super::span)]
    pub prune_after: Option<Duration>,
}
