//! One module per verb: resolves the arguments, calls the library, shows the answer.

mod check;
mod doctor;
mod grant;
mod new;
mod plugin;
mod run;
mod runs;
mod schema;
mod secret;

use cleargate::{Config, Host, SecretStore};

use crate::args::{Args, Verb};
use crate::environment::Environment;
use crate::failure::Failure;
use crate::output::Talk;

/// What a command needs from around it.
pub struct Context<'a> {
    pub environment: &'a Environment,
    pub talk: &'a Talk,
}

impl Context<'_> {
    /// The operator's configuration.
    pub fn config(&self) -> Result<Config, Failure> {
        let environment = self.environment;
        let secrets = environment.secrets.clone();
        Ok(Config::load(&environment.home, &environment.folder, secrets, &self.secrets())?)
    }

    /// The stored secrets.
    pub fn secrets(&self) -> SecretStore {
        SecretStore::new(&self.environment.home, self.environment.secrets_key.clone())
    }

    /// A host over the home folder.
    pub async fn host(&self) -> Result<Host, Failure> {
        Ok(Host::open(self.config()?).await?)
    }
}

/// Does what was asked; the number is the exit code.
pub async fn run(args: Args, environment: &Environment, talk: &Talk) -> Result<u8, Failure> {
    let context = Context { environment, talk };
    match args.verb {
        Verb::Check { flow } => check::check(&context, &flow).await,
        Verb::Explain { code } => check::explain(&context, code.as_deref()),
        Verb::Run(args) => run::run(&context, args).await,
        Verb::Resume { run } => run::resume(&context, &run).await,
        Verb::Runs(verb) => runs::runs(&context, verb).await,
        Verb::New { folder, example, list } => new::new(&context, folder, &example, list),
        Verb::Plugin(verb) => plugin::plugin(&context, verb).await,
        Verb::Grant(verb) => grant::grant(&context, verb),
        Verb::Secret(verb) => secret::secret(&context, verb),
        Verb::Doctor => doctor::doctor(&context).await,
        Verb::Schema { of } => schema::schema(&context, of),
        Verb::Completions { shell } => schema::completions(shell),
    }
}
