//! The real transport: a name is resolved once, every address is checked, and the connection is made to
//! those addresses and no others. TLS still proves the name.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use cleargate_flow::NodeError;
use cleargate_flow::error::ErrorCode;
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::http::{Answer, BodySource, Hop, Transport};
use crate::address::refused_because;

/// Headers of an answer: more is an attack on the parser.
const MAX_HEADERS: usize = 256;

/// Settings of the network.
#[derive(Clone, Debug, Default)]
pub struct NetworkConfig {
    /// Networks that are reached although they are private or special: for intranets and tests.
    pub allow_addresses: Vec<IpNet>,
    /// Certificates to trust beside those of the machine, as PEM; one text may hold several.
    pub extra_roots: Vec<Vec<u8>>,
}

/// The network cannot be used as configured.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// A certificate or the TLS settings cannot be used.
    #[error("the HTTP client cannot be built: {0}")]
    Client(#[from] reqwest::Error),
    /// A text of [`NetworkConfig::extra_roots`] is no PEM: ignored, it would be missed at the first request.
    #[error(
        "extra root {0} (the first is 1) holds no certificate; give PEM, `-----BEGIN CERTIFICATE-----`"
    )]
    NoCertificate(usize),
}

/// Where names become addresses.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// Every address of a name.
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The machine's resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// Speaks HTTP 1.1 and 2 over checked addresses.
pub struct Network {
    client: reqwest::Client,
    allowed: Arc<[IpNet]>,
}

#[derive(Debug, thiserror::Error)]
#[error("{host} leads to {address}, which is refused: {why}")]
struct Refused {
    host: String,
    address: IpAddr,
    why: &'static str,
}

struct Checked {
    resolver: Arc<dyn Resolver>,
    allowed: Arc<[IpNet]>,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let (resolver, allowed) = (self.resolver.clone(), self.allowed.clone());
        Box::pin(async move {
            let addresses = resolver.resolve(name.as_str()).await?;
            // One bad address condemns all: which one is tried first is not ours to say.
            for address in &addresses {
                check(name.as_str(), *address, &allowed)?;
            }
            let sockets: Vec<_> = addresses.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect();
            Ok(Box::new(sockets.into_iter()) as Addrs)
        })
    }
}

fn check(host: &str, address: IpAddr, allowed: &[IpNet]) -> Result<(), Refused> {
    match refused_because(address, allowed) {
        Some(why) => Err(Refused { host: host.into(), address, why }),
        None => Ok(()),
    }
}

impl Network {
    /// A client that trusts the machine's certificates, uses no proxy and follows no redirect.
    ///
    /// # Errors
    /// Certificates that cannot be read.
    pub fn new(config: NetworkConfig, resolver: Arc<dyn Resolver>) -> Result<Self, NetworkError> {
        // Which cipher code runs is said here and nowhere else; a second call finds it said.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let allowed: Arc<[IpNet]> = config.allow_addresses.into();
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_max_headers(MAX_HEADERS)
            .http2_max_header_list_size(64 * 1024)
            .dns_resolver(Checked { resolver, allowed: allowed.clone() });
        for (i, pem) in config.extra_roots.iter().enumerate() {
            let roots = reqwest::Certificate::from_pem_bundle(pem)?;
            if roots.is_empty() {
                return Err(NetworkError::NoCertificate(i + 1));
            }
            builder = roots.into_iter().fold(builder, reqwest::ClientBuilder::add_root_certificate);
        }
        Ok(Self { client: builder.build()?, allowed })
    }
}

#[async_trait]
impl Transport for Network {
    async fn send(&self, hop: Hop) -> Result<Answer, NodeError> {
        // A literal address is connected to without any resolver.
        if let Ok(address) = hop.target.host.parse() {
            check(&hop.target.host, address, &self.allowed).map_err(|e| denied(&e))?;
        }
        let method = reqwest::Method::from_bytes(hop.method.as_bytes())
            .map_err(|_| NodeError::new(ErrorCode::InvalidInput, "no such method"))?;
        let mut request = self.client.request(method, hop.target.url);
        for (name, value) in &hop.headers {
            request = request.header(name, value);
        }
        if let Some(body) = hop.body {
            request = request.body(body);
        }
        let response = request.send().await.map_err(failed)?;
        let headers = (response.headers().iter())
            .map(|(name, value)| {
                (name.as_str().into(), String::from_utf8_lossy(value.as_bytes()).into())
            })
            .collect();
        Ok(Answer { status: response.status().as_u16(), headers, body: Box::new(Body(response)) })
    }
}

struct Body(reqwest::Response);

#[async_trait]
impl BodySource for Body {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, NodeError> {
        Ok(self.0.chunk().await.map_err(failed)?.map(|piece| piece.to_vec()))
    }
}

fn denied(refused: &Refused) -> NodeError {
    let Refused { address, .. } = refused;
    let net = IpNet::from(*address);
    NodeError::new(ErrorCode::Denied, refused.to_string())
        .with_help(format!("allow_addresses: [\"{net}\"]"))
}

/// Without the URL: a query may hold a secret.
fn failed(error: reqwest::Error) -> NodeError {
    let error = error.without_url();
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    let (mut words, mut unproven) = (Vec::new(), false);
    while let Some(inner) = cause {
        if let Some(refused) = inner.downcast_ref::<Refused>() {
            return denied(refused);
        }
        unproven |= is_unproven(inner);
        words.push(inner.to_string());
        cause = inner.source();
    }
    words.dedup();
    let code = if error.is_builder() {
        ErrorCode::InvalidInput
    } else if unproven {
        ErrorCode::Permanent
    } else if error.is_connect() {
        ErrorCode::Transient
    } else {
        ErrorCode::UnknownOutcome
    };
    NodeError::new(code, words.join(": "))
}

/// Whether a certificate did not prove the host: trying again proves no more.
fn is_unproven(error: &(dyn Error + 'static)) -> bool {
    // An I/O error holds the one that it was made of, perhaps several deep, and does not call it its source.
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inside) => is_unproven(inside),
        None => {
            let tls = error.downcast_ref::<rustls::Error>();
            matches!(tls, Some(rustls::Error::InvalidCertificate(_)))
        }
    }
}
