//! URLs of requests, and patterns of hosts in grants.

use cleargate_flow::grant::{Grants, HostPattern};
use cleargate_gate::{Decision, HttpRequest, Request, Target, decide, refused_because};

/// What is decided on is what is written: the host stands in the text letter by letter, a grant of it covers it and its
/// neighbour does not, and the same URL means the same when it is read again.
pub(crate) fn url(text: &str) {
    if let Ok(target) = Target::parse(text) {
        let lower = text.to_ascii_lowercase();
        let (scheme, rest) = lower.split_once("://").expect("a scheme is written");
        let written = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let plain = written.trim_start_matches('[');
        assert!(plain.starts_with(&target.host), "{text:?} leads to {}", target.host);
        assert_eq!(scheme, target.scheme, "{text:?}");
        assert_eq!(
            target.url.host_str().map(|host| host.trim_matches(['[', ']'])),
            Some(&*target.host)
        );
        let again = Target::parse(target.url.as_str()).expect("what was read is read again");
        assert_eq!((&again.host, again.port), (&target.host, target.port), "{text:?}");
        let request = Request::Http(HttpRequest::get(text));
        let own = Grants { http: [target.pattern()].into(), ..Grants::default() };
        assert_eq!(decide(&own, &request), Decision::Allow, "{text:?}");
        let other = HostPattern { port: target.port ^ 1, ..target.pattern() };
        let other = Grants { http: [other].into(), ..Grants::default() };
        assert_ne!(decide(&other, &request), Decision::Allow, "{text:?}");
        if let Ok(address) = target.host.parse() {
            let _ = refused_because(address, &[]);
        }
    }
    if let Ok(pattern) = text.parse::<HostPattern>() {
        assert_eq!(pattern.to_string().parse(), Ok(pattern.clone()), "reads back what it prints");
        assert!(pattern.covers_pattern(&pattern), "{text:?}");
        assert_eq!(
            pattern.is_every(),
            text == "*",
            "only who writes so means every host: {text:?}"
        );
    }
    if let Ok(network) = text.parse::<ipnet::IpNet>() {
        let _ = refused_because(network.addr(), &[network]);
    }
}
