//! Runs a flow from another program.
//!
//! `cargo run -p cleargate --example embed -- HOME FLOW '{"port": "value"}'`

#![expect(clippy::print_stdout, reason = "an example talks to whoever started it")]

use cleargate::{Config, Host, InputValue, StartOptions};

#[tokio::main]
async fn main() -> Result<(), cleargate::Error> {
    let mut args = std::env::args().skip(1);
    let mut next = || args.next().unwrap_or_default();
    let (home, name, input) = (next(), next(), next());

    let host = Host::open(Config::new(home, ".")).await?;
    let flow = host.load(&name, false).await?;
    let running = host.start(&flow, vec![InputValue::Json(input)], StartOptions::default()).await?;
    let outcome = running.outcome().await?;
    println!("{}", serde_json::to_string_pretty(&outcome).expect("an outcome is JSON"));
    Ok(())
}
