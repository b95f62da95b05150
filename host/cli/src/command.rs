//! One module per verb: resolves the arguments, calls the library, shows the answer.

mod assets;
mod canary;
mod check;
mod compare;
mod doctor;
mod grant;
mod junit;
mod listen;
mod new;
mod plan;
mod plugin;
mod repl;
mod run;
pub mod runs;
mod sandbox;
mod schema;
mod secret;
mod signal;
mod step;
pub mod tasks;
mod test;
mod travel;
mod work;

use std::io::Write;

use cleargate::{Config, Host, SecretStore};

use crate::args::{Args, Verb};
use crate::environment::Environment;
use crate::failure::Failure;
use crate::output::Talk;

/// The hidden verb by which this program becomes the compiler's process.
const COMPILE: &str = "compile-component";

/// Compiles what stdin holds. Its parent reads the answer, no person does: an error is one sentence, and 1 says that
/// the component is to blame.
fn compile() -> u8 {
    match cleargate::compile_component(std::io::stdin(), std::io::stdout()) {
        Ok(()) => 0,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            if error.blames_component() { 1 } else { 70 }
        }
    }
}

/// The hidden verb by which this program becomes a worker.
const EXECUTE: &str = "execute-plugins";

/// Executes plugins for the process at the other end of stdin, whose words are no person's. For a process that has one
/// thread yet.
pub fn execute() -> u8 {
    match cleargate::execute_plugins() {
        Ok(()) => 0,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            70
        }
    }
}

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
        let (home, folder) = (&environment.home, &environment.folder);
        let mut config = Config::load(home, folder, secrets, &self.secrets())?;
        config.compiler =
            environment.program.clone().map(|program| (program, vec![COMPILE.into()]));
        config.worker = environment.program.clone().map(|program| (program, vec![EXECUTE.into()]));
        Ok(config)
    }

    /// The stored secrets.
    pub fn secrets(&self) -> SecretStore {
        SecretStore::new(&self.environment.home, self.environment.secrets_key.clone())
    }

    /// A host over the home folder that keeps runs in memory which only wait.
    pub async fn waiting_host(&self) -> Result<Host, Failure> {
        let mut config = self.config()?;
        config.linger = None;
        Ok(Host::open(config).await?)
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
        Verb::Plan(args) => plan::plan(&context, args).await,
        Verb::Compare(args) => compare::compare(&context, args).await,
        Verb::Canary(verb) => canary::canary(&context, verb).await,
        Verb::Test(args) => test::test(&context, args).await,
        Verb::Listen { flow, once, locked } => listen::listen(&context, &flow, once, locked).await,
        Verb::Resume { run, due, wait } => run::resume(&context, run.as_deref(), due, wait).await,
        Verb::Work(args) => work::work(&context, args).await,
        Verb::Signal(args) => signal::signal(&context, args).await,
        Verb::Tasks(verb) => tasks::tasks(&context, verb).await,
        Verb::Replay(args) => travel::replay(&context, args).await,
        Verb::Fork(args) => travel::fork(&context, args).await,
        Verb::Restart(args) => travel::restart(&context, args).await,
        Verb::Diff { left, right } => travel::diff(&context, &left, &right).await,
        Verb::Migrate(args) => travel::migrate(&context, args).await,
        Verb::Step(args) => step::step(&context, args).await,
        Verb::Runs(verb) => runs::runs(&context, verb).await,
        Verb::New { folder, example, list } => new::new(&context, folder, &example, list),
        Verb::Plugin(verb) => plugin::plugin(&context, verb).await,
        Verb::Grant(verb) => grant::grant(&context, verb),
        Verb::Sandbox(verb) => sandbox::sandbox(&context, verb).await,
        Verb::Assets(verb) => assets::assets(&context, verb).await,
        Verb::Secret(verb) => secret::secret(&context, verb),
        Verb::CompileComponent => Ok(compile()),
        Verb::ExecutePlugins => unreachable!("a worker is told apart before there are threads"),
        Verb::Doctor => doctor::doctor(&context).await,
        Verb::Schema { of } => schema::schema(&context, of),
        Verb::Completions { shell } => schema::completions(shell),
    }
}
