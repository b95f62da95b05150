//! `cleargate schema` and `cleargate completions`: what editors and shells read.

use clap::CommandFactory;

use super::Context;
use crate::args::{Args, SchemaOf};
use crate::failure::Failure;

pub fn schema(context: &Context<'_>, of: SchemaOf) -> Result<u8, Failure> {
    let schema = match of {
        SchemaOf::Flow => cleargate::schema::flow(),
        SchemaOf::Plugin => cleargate::schema::plugin(),
    };
    let text = serde_json::to_string_pretty(&schema).expect("a schema is JSON");
    context.talk.data(&text);
    Ok(0)
}

pub fn completions(shell: clap_complete::Shell) -> Result<u8, Failure> {
    let mut buffer = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "cleargate", &mut buffer);
    std::io::Write::write_all(&mut std::io::stdout(), &buffer)?;
    Ok(0)
}
