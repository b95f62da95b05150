//! Requests to the hosts that were granted.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::host::http as host;
use crate::bindings::services::cleargate::host::http as wit;
use crate::{Code, Error};

/// Most bytes of one piece of a [`Body`], 64 KiB: a piece that fits the host's own read buffer.
const PIECE: u32 = 64 * 1024;

/// A request in the making.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// `http` or `https`, without user name and password.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Option<Vec<u8>>,
    /// The call's own deadline holds when it is earlier.
    pub timeout_ms: Option<u32>,
}

/// A whole answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// For example 200.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// What was received.
    pub body: Vec<u8>,
}

/// An answer whose body is still on its way.
pub struct Streamed {
    /// For example 200.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// Read it piece by piece.
    pub body: Body,
}

/// A body that is read piece by piece.
pub struct Body(host::Body);

impl Request {
    /// A request with a method.
    pub fn new(method: &str, url: &str) -> Self {
        Self { method: method.into(), url: url.into(), ..Self::default() }
    }

    /// A `GET` request.
    pub fn get(url: &str) -> Self {
        Self::new("GET", url)
    }

    /// A `POST` request.
    pub fn post(url: &str) -> Self {
        Self::new("POST", url)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sets a JSON body and its content type.
    ///
    /// # Errors
    /// Data that JSON cannot hold.
    pub fn json<T: Serialize + ?Sized>(self, body: &T) -> Result<Self, Error> {
        let body = serde_json::to_vec(body)?;
        Ok(self.header("content-type", "application/json").body(body))
    }

    /// Bounds the time of this request.
    #[must_use]
    pub fn timeout_ms(mut self, ms: u32) -> Self {
        self.timeout_ms = Some(ms);
        self
    }

    /// Sends and reads the whole answer. A status is no error: see [`Response::ok`].
    ///
    /// # Errors
    /// `denied` for a host without a grant, `transient`, `timeout`, `limit`.
    pub fn send(self) -> Result<Response, Error> {
        let answer = host::send(&self.into())?;
        Ok(Response { status: answer.status, headers: pairs(answer.headers), body: answer.body })
    }

    /// Sends and returns as soon as the headers are there.
    ///
    /// # Errors
    /// As [`Request::send`].
    pub fn open(self) -> Result<Streamed, Error> {
        let answer = host::open(&self.into())?;
        Ok(Streamed {
            status: answer.status,
            headers: pairs(answer.headers),
            body: Body(answer.body),
        })
    }
}

impl Response {
    /// The first header of a name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// Turns a status of 400 and above into an error; 408, 429 and 5xx may be tried again.
    ///
    /// # Errors
    /// `transient` or `permanent`, with the status in the detail.
    pub fn ok(self) -> Result<Self, Error> {
        if self.status < 400 {
            return Ok(self);
        }
        let again = matches!(self.status, 408 | 429 | 500..);
        let code = if again { Code::Transient } else { Code::Permanent };
        Err(Error::new(code, format!("the peer answered {}", self.status))
            .with_detail(serde_json::json!({ "status": self.status })))
    }

    /// The body as text.
    ///
    /// # Errors
    /// `invalid_input` when it is no UTF-8.
    pub fn text(self) -> Result<String, Error> {
        String::from_utf8(self.body)
            .map_err(|_| Error::invalid_input("the answer is no UTF-8 text"))
    }

    /// The body as typed data.
    ///
    /// # Errors
    /// `invalid_input` when it is no JSON that fits.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body)
            .map_err(|e| Error::invalid_input(format!("the answer does not fit: {e}")))
    }
}

/// Pieces of at most 64 KiB. Errors are `transient` when the connection breaks, `limit`, `timeout`.
impl Iterator for Body {
    type Item = Result<Vec<u8>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next(PIECE).map_err(Error::from).transpose()
    }
}

impl From<Request> for wit::Request {
    fn from(request: Request) -> Self {
        let header = |(name, value)| wit::Header { name, value };
        Self {
            method: request.method,
            url: request.url,
            headers: request.headers.into_iter().map(header).collect(),
            body: request.body,
            timeout_ms: request.timeout_ms,
        }
    }
}

fn pairs(headers: Vec<wit::Header>) -> Vec<(String, String)> {
    headers.into_iter().map(|h| (h.name, h.value)).collect()
}
