//! Who the client is where a proxy stands before the server: `X-Forwarded-For`, or `Forwarded` of RFC 7239. Only what a
//! trusted proxy has added counts, because whatever stands to the left of it came from the client.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use axum::http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Addresses from the client on, `None` for what is none.
type Chain = Vec<Option<IpAddr>>;

/// The header that the proxies set. Clients may send the other one as they like, so it is never looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProxyHeader {
    /// `X-Forwarded-For: CLIENT, PROXY`, which most proxies set unless told otherwise.
    #[default]
    XForwardedFor,
    /// `Forwarded: for=CLIENT, for=PROXY` (RFC 7239).
    Forwarded,
}

/// Proxies whose word is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    /// Addresses and networks.
    pub networks: Vec<IpNet>,
    /// Where they say who their client is.
    pub header: ProxyHeader,
}

impl ProxyHeader {
    /// As it is set.
    pub fn word(self) -> &'static str {
        match self {
            ProxyHeader::XForwardedFor => "x-forwarded-for",
            ProxyHeader::Forwarded => "forwarded",
        }
    }
}

impl FromStr for ProxyHeader {
    type Err = String;

    fn from_str(text: &str) -> Result<ProxyHeader, String> {
        let all = [ProxyHeader::XForwardedFor, ProxyHeader::Forwarded];
        let known = all.into_iter().find(|header| text.eq_ignore_ascii_case(header.word()));
        known
            .ok_or_else(|| format!("`{text}` is no header that proxies set: x-forwarded-for and forwarded are allowed"))
    }
}

impl TrustedProxies {
    /// Reads one address or network.
    ///
    /// # Errors
    /// Where it is neither.
    pub fn network(text: &str) -> Result<IpNet, String> {
        let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network
            .map_err(|_| format!("`{text}` is no network: an address, or ADDRESS/BITS such as 10.0.0.0/8, is allowed"))
    }

    /// Whether an address is a proxy's.
    pub(in crate::server) fn has(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// Who asks: the peer itself, unless that is a proxy that says for whom. Of a chain of proxies the rightmost that is not
    /// trusted is the client; where one says nothing that can be read, it counts itself.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let mut chain = match self.has(client) {
            true => self.chain(headers),
            false => return client,
        };
        while self.has(client) {
            match chain.pop() {
                Some(Some(before)) => client = before.to_canonical(),
                Some(None) | None => return client,
            }
        }
        client
    }

    /// What proxies have added, in their order; `None` for what is no address.
    fn chain(&self, headers: &HeaderMap) -> Chain {
        let (name, read): (_, fn(&str) -> Chain) = match self.header {
            ProxyHeader::XForwardedFor => (X_FORWARDED_FOR, |text| {
                text.split(',').map(str::trim).map(address).collect()
            }),
            ProxyHeader::Forwarded => (header::FORWARDED, |text| {
                // A quote that nothing closes came from the client: what proxies added behind it counts all the same.
                let is_open = text.matches('"').count() % 2 == 1;
                match is_open {
                    true => text.split(',').map(forwarded_for).collect(),
                    false => split(text, ',').map(forwarded_for).collect(),
                }
            }),
        };
        let lines = headers.get_all(name).into_iter();
        let read_line = |line: &axum::http::HeaderValue| line.to_str().map_or_else(|_| vec![None], read);
        lines.flat_map(read_line).collect()
    }
}

impl fmt::Display for TrustedProxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.networks.iter().map(ToString::to_string).collect();
        f.write_str(&texts.join(","))
    }
}

/// The node of an element `by=..;for=NODE;proto=..` (RFC 7239, section 4).
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut pairs = split(element, ';').filter_map(|pair| pair.split_once('='));
    let (_, node) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    let node = node.trim();
    address(
        node.strip_prefix('"')
            .and_then(|node| node.strip_suffix('"'))
            .unwrap_or(node),
    )
}

/// An address, with or without brackets and port.
fn address(node: &str) -> Option<IpAddr> {
    let bare = node
        .strip_prefix('[')
        .and_then(|node| node.strip_suffix(']'))
        .unwrap_or(node);
    let with_port = || node.parse::<SocketAddr>().map(|socket| socket.ip());
    bare.parse().or_else(|_| with_port()).ok()
}

/// Splits at a sign that stands outside quotes.
fn split(text: &str, sign: char) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    text.split(move |c| {
        is_quoted ^= c == '"';
        c == sign && !is_quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn client(header: ProxyHeader, peer: &str, lines: &[&str]) -> String {
        let networks = ["10.0.0.0/8", "2001:db8:1::/48"].map(|text| TrustedProxies::network(text).expect(text));
        let proxies = TrustedProxies {
            networks: networks.into(),
            header,
        };
        let mut headers = HeaderMap::new();
        for line in lines {
            let name = match header {
                ProxyHeader::XForwardedFor => X_FORWARDED_FOR,
                ProxyHeader::Forwarded => header::FORWARDED,
            };
            headers.append(name, HeaderValue::from_bytes(line.as_bytes()).expect("a header"));
        }
        proxies.client(peer.parse().expect(peer), &headers).to_string()
    }

    #[test]
    fn the_rightmost_that_is_no_proxy_is_the_client() {
        for (peer, lines, want) in [
            ("203.0.113.9", &["192.0.2.1"][..], "203.0.113.9"), // no proxy: its word counts nothing
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["192.0.2.1"], "192.0.2.1"),
            ("::ffff:10.0.0.1", &["192.0.2.1"], "192.0.2.1"),
            ("10.0.0.1", &["1.1.1.1, 192.0.2.1"], "192.0.2.1"), // the first came from the client
            ("10.0.0.1", &["192.0.2.1, 10.0.0.2"], "192.0.2.1"), // two proxies
            ("10.0.0.1", &["192.0.2.1", "10.0.0.2"], "192.0.2.1"), // two lines are one list
            ("10.0.0.1", &["10.0.0.3,10.0.0.2"], "10.0.0.3"),   // nobody else: the farthest
            ("10.0.0.1", &["192.0.2.1:4711"], "192.0.2.1"),
            ("10.0.0.1", &["[2001:db8::7]:4711"], "2001:db8::7"),
            ("10.0.0.1", &["\", 192.0.2.1"], "192.0.2.1"), // a quote is nothing here
            ("10.0.0.1", &["192.0.2.1, nonsense"], "10.0.0.1"),
            ("10.0.0.1", &["192.0.2.1, "], "10.0.0.1"),
            ("10.0.0.1", &["192.0.2.1\u{e9}"], "10.0.0.1"),
        ] {
            assert_eq!(
                client(ProxyHeader::XForwardedFor, peer, lines),
                want,
                "{peer} {lines:?}"
            );
        }
    }

    #[test]
    fn forwarded_is_read_as_rfc_7239_writes_it() {
        for (lines, want) in [
            (&["for=192.0.2.43"][..], "192.0.2.43"),
            (&["For=\"[2001:db8:cafe::17]:4711\""], "2001:db8:cafe::17"),
            (&["for=192.0.2.60;proto=http;by=203.0.113.43"], "192.0.2.60"),
            (&["proto=https;for=\"192.0.2.60:80\""], "192.0.2.60"),
            (&["for=192.0.2.43, for=10.1.1.1"], "192.0.2.43"),
            (&["for=192.0.2.43", "for=\"[2001:db8:1::1]\""], "192.0.2.43"),
            (&["for=192.0.2.43, for=unknown"], "10.0.0.1"),
            (&["for=\"_gazonk\""], "10.0.0.1"),
            (&["for=\", for=192.0.2.43"], "192.0.2.43"),
            (&["for=\"1.1.1.1, for=\"[2001:db8::7]\""], "2001:db8::7"),
            (&["by=192.0.2.43"], "10.0.0.1"),
            (&["for=192.0.2.1;ext=\"a,b;for=1.1.1.1\""], "192.0.2.1"),
        ] {
            assert_eq!(client(ProxyHeader::Forwarded, "10.0.0.1", lines), want, "{lines:?}");
        }
    }

    #[test]
    fn networks_are_addresses_or_prefixes() {
        for (text, shown) in [("10.0.0.0/8", "10.0.0.0/8"), ("::1", "::1/128")] {
            assert_eq!(
                TrustedProxies::network(text).map(|n| n.to_string()).as_deref(),
                Ok(shown)
            );
        }
        for text in ["", "10.0.0.0/33", "proxy.example", "10.0.0"] {
            let error = TrustedProxies::network(text).expect_err(text);
            assert!(error.contains("10.0.0.0/8"), "{error}");
        }
    }
}
