//! Who the client is behind proxies: an input is in its first byte which header they set (bit 0) and whether the peer is one
//! (bit 1), then the header's lines.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use tickwire::server::{ProxyHeader, TrustedProxies};

/// Any lines. Without a proxy they say nothing; with one the client is the peer or somebody whom they name, and whatever a
/// client puts to their left does not change who it is.
pub fn forwarded(input: &[u8]) {
    let Some((first, bytes)) = input.split_first() else {
        return;
    };
    let (header, name) = match first & 1 {
        0 => (ProxyHeader::XForwardedFor, "x-forwarded-for"),
        _ => (ProxyHeader::Forwarded, "forwarded"),
    };
    let networks = ["10.0.0.0/8", "2001:db8:1::/48"].map(|text| TrustedProxies::network(text).expect("a network"));
    let proxies = TrustedProxies {
        networks: networks.into(),
        header,
    };
    let is_proxy = first & 2 != 0;
    let peer: IpAddr = if is_proxy { "10.0.0.1" } else { "192.0.2.1" }
        .parse()
        .expect("an address");
    let lines: Vec<HeaderValue> = bytes
        .split(|byte| *byte == b'\n')
        .filter_map(|line| HeaderValue::from_bytes(line).ok())
        .collect();
    let client = |lines: &[&HeaderValue]| {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(HeaderName::from_static(name), (*line).clone());
        }
        proxies.client(peer, &headers)
    };
    let all: Vec<&HeaderValue> = lines.iter().collect();
    let found = client(&all);
    if !is_proxy {
        return assert_eq!(found, peer, "{lines:?}");
    }
    assert!(found == peer || named(&lines, found), "{found} by {lines:?}");
    let is_trusted = networks_have(&proxies, found);
    for forged in ["6.6.6.6", "for=6.6.6.6", "10.6.6.6", "for=10.6.6.6", "\""] {
        let forged = HeaderValue::from_static(forged);
        let more: Vec<&HeaderValue> = std::iter::once(&forged).chain(all.iter().copied()).collect();
        // Where all that is named is a proxy, the next to the left is who they say they serve.
        let same = client(&more) == found;
        assert!(
            same || is_trusted,
            "{found} became another by {forged:?} before {lines:?}"
        );
    }
}

fn networks_have(proxies: &TrustedProxies, address: IpAddr) -> bool {
    proxies.networks.iter().any(|network| network.contains(&address))
}

/// Whether some part of the lines, between signs that no address has, reads as this address.
fn named(lines: &[HeaderValue], address: IpAddr) -> bool {
    let is_part = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.' | b'%');
    let text = |line: &HeaderValue| line.as_bytes().to_vec();
    lines.iter().map(text).any(|line| {
        let runs = line
            .split(|byte| !is_part(*byte))
            .filter_map(|run| std::str::from_utf8(run).ok());
        // Without a port, or with one behind it.
        let reads = |run: &str| {
            let with = run.rsplit_once(':').map(|(before, _)| before);
            [Some(run), with]
                .into_iter()
                .flatten()
                .any(|text| text.parse::<IpAddr>().is_ok_and(|read| read.to_canonical() == address))
        };
        runs.into_iter().any(reads)
    })
}
