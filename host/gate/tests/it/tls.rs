//! Encrypted hosts on loopback: whom the gate believes, and where it lets itself be sent.

use std::sync::{Arc, Mutex};

use cleargate_flow::NodeError;
use cleargate_flow::error::ErrorCode;
use cleargate_gate::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::bench::{Bench, Turns, ok, redirect};

pub(crate) struct TlsServer {
    pub(crate) port: u16,
    /// The certificate that signs itself, as PEM.
    pub(crate) root: Vec<u8>,
    pub(crate) seen: Arc<Mutex<usize>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A server that proves to be `api.test`.
pub(crate) async fn serve(answer: impl Fn(u16) -> Vec<u8> + Send + 'static) -> TlsServer {
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let made = rcgen::generate_simple_self_signed(["api.test".to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen: Arc<Mutex<usize>> = Arc::default();
    let heard = seen.clone();
    #[expect(clippy::disallowed_methods, reason = "a server of a test, ended by its drop")]
    let task = tokio::spawn(async move {
        while let Ok((peer, _)) = listener.accept().await {
            let Ok(mut peer) = acceptor.accept(peer).await else { continue };
            let mut buffer = vec![0; 64 * 1024];
            if matches!(peer.read(&mut buffer).await, Ok(1..)) {
                *heard.lock().unwrap() += 1;
                let _ = peer.write_all(&answer(port)).await;
                let _ = peer.shutdown().await;
            }
        }
    });
    TlsServer { port, root: made.cert.pem().into_bytes(), seen, task }
}

/// A gate that believes `root`, and takes every name for a host on loopback.
pub(crate) fn bench(grants: &str, root: Option<&[u8]>) -> Bench {
    let config = NetworkConfig {
        allow_addresses: vec!["127.0.0.0/8".parse().unwrap()],
        extra_roots: root.map(<[u8]>::to_vec).into_iter().collect(),
    };
    let network = Network::new(config, Turns::new(&[&["127.0.0.1"]])).unwrap();
    let secrets = Arc::new(MemorySecrets::default());
    Bench::over(grants, Arc::new(network), secrets, GateConfig::default())
}

async fn fetch(bench: &Bench, url: &str) -> Result<Response, NodeError> {
    bench.pass().perform(Request::Http(HttpRequest::get(url))).await
}

#[tokio::test]
async fn a_host_is_believed_by_its_name_and_by_a_root_that_is_trusted() {
    let server = serve(|_| ok("hello")).await;
    let port = server.port;
    let json = format!(r#"{{"http":["https://api.test:{port}","https://other.test:{port}"]}}"#);
    let trusting = bench(&json, Some(&server.root));
    let answer = fetch(&trusting, &format!("https://api.test:{port}/")).await.unwrap();
    let Response::Http(answer) = answer else { panic!("{answer:?}") };
    assert_eq!((answer.status, answer.body.0.as_slice()), (200, &b"hello"[..]));
    // The same server under another name, the same name without the root: proof that fails, not bad luck.
    let stranger = bench(&json, None);
    for (bench, url) in [
        (&bench(&json, Some(&server.root)), format!("https://other.test:{port}/")),
        (&stranger, format!("https://api.test:{port}/")),
    ] {
        let error = fetch(bench, &url).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Permanent, "{url}: {error}");
        assert!(error.message.contains("certificate"), "{error}");
    }
    assert_eq!(*server.seen.lock().unwrap(), 1, "nobody else got a request through");
    let config =
        NetworkConfig { extra_roots: vec![b"no certificate".to_vec()], ..Default::default() };
    let refused = Network::new(config, Arc::new(SystemResolver)).err().unwrap();
    assert!(refused.to_string().contains("extra root 1"), "{refused}");
}

#[tokio::test]
async fn ht_11_an_encrypted_exchange_is_not_sent_on_in_the_clear_or_inside() {
    for (location, why) in [
        // Granted, and refused all the same.
        ("http://api.test:{port}/", "from https to http"),
        ("https://10.0.0.7:{port}/", "is refused: private"),
        ("https://[::ffff:a00:7]:{port}/", "is not granted"),
        ("https://ungranted.test:{port}/", "is not granted"),
    ] {
        let server =
            serve(move |port| redirect(302, &location.replace("{port}", &port.to_string()))).await;
        let port = server.port;
        let json = format!(
            r#"{{"http":["https://api.test:{port}","http://api.test:{port}","https://10.0.0.7:{port}"]}}"#
        );
        let bench = bench(&json, Some(&server.root));
        let error = fetch(&bench, &format!("https://api.test:{port}/")).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Denied, "{location}: {error}");
        assert!(error.message.contains(why), "{location}: {error}");
        assert_eq!(*server.seen.lock().unwrap(), 1, "{location}");
    }
}

#[tokio::test]
async fn ht_12_a_redirect_to_a_name_that_leads_inside_is_refused() {
    let server = serve(|port| redirect(307, &format!("https://inner.test:{port}/"))).await;
    let port = server.port;
    let config = NetworkConfig {
        allow_addresses: vec!["127.0.0.1/32".parse().unwrap()],
        extra_roots: vec![server.root.clone()],
    };
    let turns = Turns::new(&[&["127.0.0.1"], &["169.254.169.254"]]);
    let network = Arc::new(Network::new(config, turns).unwrap());
    let json = format!(r#"{{"http":["https://api.test:{port}","https://inner.test:{port}"]}}"#);
    let secrets = Arc::new(MemorySecrets::default());
    let bench = Bench::over(&json, network, secrets, GateConfig::default());
    let error = fetch(&bench, &format!("https://api.test:{port}/")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Denied, "{error}");
    assert!(error.message.contains("link-local"), "{error}");
}
