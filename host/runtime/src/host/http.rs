//! `cleargate:host/http`: requests to granted hosts, whole or piece by piece.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceType};

use super::{Context, Reply, ask, reply};
use crate::bindings::cleargate::host::http::Streamed;
use crate::bindings::wire;
use crate::fault::{Fault, to_wire};
use crate::instance::Call;
use crate::meter::carries;
use crate::world::{Header, Opened, Pieces, Request, Response};

/// A body that a plugin holds; dropping the handle closes the connection.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Body(Box<dyn Pieces>);

pub(crate) fn link(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    let mut http = linker.instance(name)?;
    http.resource("body", ResourceType::host::<Body>(), |mut store, handle| {
        let body: Resource<Body> = Resource::new_own(handle);
        store.data_mut().table.delete(body)?;
        Ok(())
    })?;
    http.func_wrap_async("send", |mut store: Context<'_>, (request,): (Request,)| {
        Box::new(async move {
            let world = count(&mut store, &request)?;
            let most = store.data().limits.payload.value;
            let answer = world.http_send(request, most).await;
            reply(&store, answer, |r: &Response| r.body.len() + headers(&r.headers))
        })
    })?;
    http.func_wrap_async("open", |mut store: Context<'_>, (request,): (Request,)| {
        Box::new(async move {
            let world = count(&mut store, &request)?;
            match world.http_open(request).await {
                Ok(opened) => keep(&mut store, opened),
                Err(error) => Ok((Err(to_wire(&error)),)),
            }
        })
    })?;
    http.func_wrap_async(
        "[method]body.next",
        |mut store: Context<'_>, (body, most): (Resource<Body>, u32)| {
            Box::new(async move {
                ask(&mut store, most as usize)?;
                let answer = store.data_mut().table.get_mut(&body)?.0.next(most as usize).await;
                reply(&store, answer, |piece| piece.as_ref().map_or(0, Vec::len))
            })
        },
    )
}

/// Opens a host call that sends a request, and counts it as one.
pub(super) fn count(
    store: &mut StoreContextMut<'_, Call>,
    request: &Request,
) -> wasmtime::Result<std::sync::Arc<dyn crate::world::World>> {
    let body = request.body.as_ref().map_or(0, Vec::len);
    let size = request.method.len() + request.url.len() + body + headers(&request.headers);
    let world = ask(store, size)?;
    let call = store.data_mut();
    call.meter.http_calls += 1;
    let most = call.limits.http_calls.value;
    if call.meter.http_calls > most {
        return Err(Fault::limit("http_calls", format!("more than {most} HTTP requests")).into());
    }
    Ok(world)
}

/// Gives the plugin a handle to a body.
fn keep(store: &mut StoreContextMut<'_, Call>, opened: Opened) -> Reply<Streamed> {
    carries(store.data(), headers(&opened.headers))?;
    let body = store.data_mut().table.push(Body(opened.body))?;
    let streamed = Streamed { status: opened.status, headers: opened.headers, body };
    Ok((Ok::<_, wire::Error>(streamed),))
}

fn headers(headers: &[Header]) -> usize {
    headers.iter().map(|header| header.name.len() + header.value.len()).sum()
}
