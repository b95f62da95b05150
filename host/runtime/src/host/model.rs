//! `cleargate:host/model`: models by the names that the flow gives them.

use cleargate_flow::error::{ErrorCode, NodeError};
use cleargate_flow::value::Value;
use wasmtime::component::{Linker, Resource, ResourceType};

use super::{Context, Reply, ask, given, reply};
use crate::bindings::cleargate::host::model::{Reply as Told, Usage};
use crate::bindings::wire;
use crate::fault::to_wire;
use crate::instance::Call;
use crate::world::Answer;

/// An answer on its way. It is there as a whole when the guest gets it: guards have seen all of it, and no text
/// passes them in pieces.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct ReplyStream {
    reply: Told,
    /// What was not read yet.
    text: Option<String>,
}

type Question = (String, wire::Value);

pub(crate) fn link(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    let mut model = linker.instance(name)?;
    model.resource("reply-stream", ResourceType::host::<ReplyStream>(), |mut store, handle| {
        store.data_mut().table.delete(Resource::<ReplyStream>::new_own(handle))?;
        Ok(())
    })?;
    model.func_wrap_async("complete", |mut store: Context<'_>, question: Question| {
        Box::new(async move {
            let answer = complete(&mut store, question).await?;
            reply(&store, answer, size)
        })
    })?;
    model.func_wrap_async("open", |mut store: Context<'_>, question: Question| {
        Box::new(async move { open(&mut store, question).await })
    })?;
    model.func_wrap(
        "[method]reply-stream.next",
        |mut store: Context<'_>, (stream,): (Resource<ReplyStream>,)| {
            ask(&mut store, 0)?;
            let piece = store.data_mut().table.get_mut(&stream)?.text.take();
            reply(&store, Ok(piece), |piece| piece.as_ref().map_or(0, String::len))
        },
    )?;
    model.func_wrap(
        "[method]reply-stream.reply",
        |mut store: Context<'_>, (stream,): (Resource<ReplyStream>,)| {
            ask(&mut store, 0)?;
            let whole = store.data().table.get(&stream)?.reply.clone();
            reply(&store, Ok(whole), size)
        },
    )
}

async fn complete(
    store: &mut Context<'_>,
    (model, request): Question,
) -> wasmtime::Result<Answer<Told>> {
    let world = ask(store, model.len() + super::length(&request))?;
    let request = match given(request) {
        Ok(request) => request,
        Err(error) => return Ok(Err(error)),
    };
    Ok(world.complete(model, request).await.and_then(|answer| told(&answer)))
}

async fn open(store: &mut Context<'_>, question: Question) -> Reply<Resource<ReplyStream>> {
    let reply = match complete(store, question).await? {
        Ok(reply) => reply,
        Err(error) => return Ok((Err(to_wire(&error)),)),
    };
    crate::meter::carries(store.data(), size(&reply))?;
    let text = text_of(&reply.message);
    let stream = store.data_mut().table.push(ReplyStream { reply, text })?;
    Ok((Ok::<_, wire::Error>(stream),))
}

/// The text of a message: its `content`, when that is text.
fn text_of(message: &wire::Value) -> Option<String> {
    let wire::Value::Json(text) = message else { return None };
    let message = Value::from_json(text).ok()?;
    let content = message.get("content")?.as_str()?;
    (!content.is_empty()).then(|| content.to_owned())
}

/// What a model answered, in the words of the contract.
fn told(answer: &Value) -> Answer<Told> {
    let short = || NodeError::new(ErrorCode::Bug, "the answer of the model has no `message`");
    let message = answer.get("message").ok_or_else(short)?;
    let used = |name: &str| {
        let used = answer.get("usage").and_then(|usage| usage.get(name)).and_then(Value::as_int);
        used.and_then(|n| u64::try_from(n).ok()).unwrap_or_default()
    };
    let usage = Usage {
        input_tokens: used("input_tokens"),
        output_tokens: used("output_tokens"),
        micro_usd: used("micro_usd"),
    };
    Ok(Told { message: wire::Value::Json(message.to_json()), usage })
}

fn size(reply: &Told) -> usize {
    super::length(&reply.message)
}
