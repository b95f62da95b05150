//! Every environment variable that the command knows, read once and in one place.

use std::ffi::OsStr;
use std::path::PathBuf;

/// What the environment says.
#[derive(Debug)]
pub struct Environment {
    /// `CLEARGATE_HOME`: journal, plugins, registry and compile cache. Default `~/.cleargate`.
    pub home: PathBuf,
    /// `CLEARGATE_BUILD`: where plugins are compiled. Default: `build` in the home folder.
    pub build: PathBuf,
    /// `NO_COLOR`, `TERM=dumb`: plain output.
    pub plain: bool,
    /// `CLEARGATE_SECRET_<LABEL>`: values of secrets, by label.
    pub secrets: Vec<(String, String)>,
    /// `CLEARGATE_SECRETS_KEY`: the key of stored secrets, instead of the file in the home folder.
    pub secrets_key: Option<String>,
    /// `USER`: who answers tasks and tells of events, unless `--by` says otherwise.
    pub user: String,
    /// This program itself, which compiles components in a process apart.
    pub program: Option<PathBuf>,
    /// The folder that the command was started in.
    pub folder: PathBuf,
}

impl Environment {
    /// Reads the environment. A variable that is no text is no secret, and hinders nobody.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn read() -> Self {
        let user = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
        let home = std::env::var_os("CLEARGATE_HOME")
            .filter(|home| !home.is_empty())
            .map_or_else(|| user.join(".cleargate"), PathBuf::from);
        let build = std::env::var_os("CLEARGATE_BUILD").filter(|path| !path.is_empty());
        let folder = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
            || std::env::var("TERM").is_ok_and(|term| term == "dumb");
        let secrets = std::env::vars_os()
            .filter_map(|(k, v)| Some((secret_label(&k)?.to_owned(), v.into_string().ok()?)))
            // An automation sets what it has no value for to nothing.
            .filter(|(_, value)| !value.is_empty())
            .collect();
        let secrets_key = std::env::var("CLEARGATE_SECRETS_KEY").ok().filter(|key| !key.is_empty());
        let home = folder.join(home);
        let build = build.map_or_else(|| home.join("build"), |path| folder.join(path));
        let program = std::env::current_exe().ok();
        let user = std::env::var("USER").ok().filter(|user| !user.is_empty());
        let user = user.unwrap_or_else(|| "somebody".into());
        Self { home, build, plain, secrets, secrets_key, user, program, folder }
    }
}

fn secret_label(variable: &OsStr) -> Option<&str> {
    variable.to_str()?.strip_prefix("CLEARGATE_SECRET_").filter(|label| !label.is_empty())
}
