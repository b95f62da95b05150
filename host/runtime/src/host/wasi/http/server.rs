//! The part of `wasi:http/types` that belongs to servers. No plugin is one, so there is never a request to answer; the
//! functions are here because bindings of whole interfaces import them.

use wasmtime::component::{Linker, Resource};

use super::super::{Context, resource, serve};
use super::Body;
use super::fields::Fields;
use super::request;
use super::shape::{ErrorCode, Method, Scheme};
use crate::fault::Fault;
use crate::instance::Call;

struct Request;
struct Answer;
struct Outparam;

pub(super) fn link(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    resource::<Request>(linker, name, "incoming-request")?;
    resource::<Answer>(linker, name, "outgoing-response")?;
    resource::<Outparam>(linker, name, "response-outparam")?;
    serve!(linker, name, {
        "[method]incoming-request.method" => never::<(Resource<Request>,), (Method,)>,
        "[method]incoming-request.path-with-query" => never::<(Resource<Request>,), (Option<String>,)>,
        "[method]incoming-request.scheme" => never::<(Resource<Request>,), (Option<Scheme>,)>,
        "[method]incoming-request.authority" => never::<(Resource<Request>,), (Option<String>,)>,
        "[method]incoming-request.headers" => never::<(Resource<Request>,), (Resource<Fields>,)>,
        "[method]incoming-request.consume" => never::<(Resource<Request>,), (Result<Resource<Body>, ()>,)>,
        "[static]response-outparam.set" =>
            never::<(Resource<Outparam>, Result<Resource<Answer>, ErrorCode>), ()>,
        "[constructor]outgoing-response" => never::<(Resource<Fields>,), (Resource<Answer>,)>,
        "[method]outgoing-response.status-code" => never::<(Resource<Answer>,), (u16,)>,
        "[method]outgoing-response.set-status-code" => never::<(Resource<Answer>, u16), (Result<(), ()>,)>,
        "[method]outgoing-response.headers" => never::<(Resource<Answer>,), (Resource<Fields>,)>,
        "[method]outgoing-response.body" => never::<(Resource<Answer>,), (Result<Resource<request::Body>, ()>,)>,
    })
}

async fn never<P, R>(_: &mut Context<'_>, _: P) -> wasmtime::Result<R> {
    Err(Fault::Contract("answers requests of others, which no plugin does".into()).into())
}
