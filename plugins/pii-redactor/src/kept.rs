//! Where the tokens of a run are kept: in a store of the host, under the id of the run.
//!
//! Steps of a run may work at the same time, so a change is made only on what was read, and else once more.

use cleargate::kv::Store;
use cleargate::{Context, Error};

use crate::tokens::Tokens;

/// The store that is asked for.
const STORE: Store<'static> = Store("pii_tokens");
/// Times that a change is tried: each failure is a success of another step.
const MAX_TRIES: usize = 50;

/// The tokens of the run; none when there are none yet.
pub(crate) fn load(ctx: &Context) -> Result<Tokens, Error> {
    Ok(read(ctx)?.0)
}

/// Changes the tokens of the run, and returns what the change returns.
pub(crate) fn update<T>(
    ctx: &Context,
    change: impl Fn(&mut Tokens) -> Result<T, Error>,
) -> Result<T, Error> {
    for _ in 0..MAX_TRIES {
        let (before, bytes) = read(ctx)?;
        let mut after = before.clone();
        let made = change(&mut after)?;
        if after == before {
            return Ok(made);
        }
        let value = serde_json::to_vec(&after)?;
        if STORE.swap(&ctx.run_id, bytes.as_deref(), &value)? {
            return Ok(made);
        }
    }
    Err(Error::transient("other steps of the run change its tokens all the time"))
}

/// Forgets the tokens of the run.
pub(crate) fn forget(ctx: &Context) -> Result<(), Error> {
    STORE.delete(&ctx.run_id)
}

fn read(ctx: &Context) -> Result<(Tokens, Option<Vec<u8>>), Error> {
    let bytes = STORE.get(&ctx.run_id)?;
    let tokens = match &bytes {
        Some(bytes) => serde_json::from_slice(bytes).map_err(|e| {
            Error::permanent(format!("the store `pii_tokens` holds no tokens for this run: {e}"))
        })?,
        None => Tokens::default(),
    };
    Ok((tokens, bytes))
}
