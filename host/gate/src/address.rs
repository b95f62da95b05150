//! Addresses that no plugin may reach unless the operator names them: a name in a grant says who is meant,
//! not where its owner points it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

const REFUSED_V4: &[(&str, u8, &str)] = &[
    ("0.0.0.0", 8, "this network"),
    ("10.0.0.0", 8, "private"),
    ("100.64.0.0", 10, "carrier-grade NAT"),
    ("127.0.0.0", 8, "loopback"),
    ("168.63.129.16", 32, "cloud metadata"),
    ("169.254.0.0", 16, "link-local"),
    ("172.16.0.0", 12, "private"),
    ("192.0.0.0", 24, "protocol assignments"),
    ("192.0.2.0", 24, "documentation"),
    ("192.88.99.0", 24, "6to4 relay"),
    ("192.168.0.0", 16, "private"),
    ("198.18.0.0", 15, "benchmarks"),
    ("198.51.100.0", 24, "documentation"),
    ("203.0.113.0", 24, "documentation"),
    ("224.0.0.0", 4, "multicast"),
    ("240.0.0.0", 4, "reserved"),
];

/// Returns why `address` is refused, or nothing. `allowed` holds the networks that the operator named.
pub fn refused_because(address: IpAddr, allowed: &[IpNet]) -> Option<&'static str> {
    let address = address.to_canonical();
    if allowed.iter().any(|net| net.contains(&address)) {
        return None;
    }
    match address {
        IpAddr::V4(v4) => v4_refused(v4),
        IpAddr::V6(v6) => v6_refused(v6),
    }
}

fn v4_refused(address: Ipv4Addr) -> Option<&'static str> {
    REFUSED_V4.iter().find_map(|(net, prefix, why)| {
        let net: Ipv4Addr = net.parse().expect("the table holds addresses");
        let shift = 32 - u32::from(*prefix);
        (u32::from(net) >> shift == u32::from(address) >> shift).then_some(*why)
    })
}

/// Global unicast is `2000::/3` and nothing else, so everything else is refused without a list: loopback,
/// link-local, unique local, multicast, NAT64 and IPv4-compatible forms.
fn v6_refused(address: Ipv6Addr) -> Option<&'static str> {
    let part = address.segments();
    match (part[0], part[1]) {
        (0x2001, 0..=0x01ff) => Some("protocol assignments"),
        (0x2001, 0x0db8) | (0x3fff, 0..=0x0fff) => Some("documentation"),
        (0x2002, _) => Some("6to4"),
        (0x2000..=0x3fff, _) => None,
        _ => Some("not global unicast"),
    }
}
