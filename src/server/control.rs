//! Who may control the service over HTTP: nobody unless the operator allows it, and then only this machine's own
//! programs, asking directly. One rule for every route that changes something.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use axum::http::header::{FORWARDED, HOST, ORIGIN, VIA};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, Uri};

/// What a proxy adds: behind one on this machine the whole world has a loopback address.
const PROXIES: [HeaderName; 5] = [
    FORWARDED,
    VIA,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-real-ip"),
];

/// Why a request may not control anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Forbidden {
    #[error(
        "control is off: start the server with --allow-control, TICKWIRE_ALLOW_CONTROL=true or `allow_control = true` in [server]"
    )]
    Off,
    #[error("control is for this machine's own programs: connect to a loopback address, 127.0.0.1 or [::1]")]
    Remote,
    #[error("control does not go through proxies: ask directly, without headers such as X-Forwarded-For")]
    Proxied,
    /// A page elsewhere whose name was pointed at this machine (DNS rebinding) sends its own name.
    #[error("control is asked of localhost, 127.0.0.1 or [::1]: `Host` has to be one of them")]
    Host,
    #[error("control is not for pages of other sites: `Origin` has to be the server's own")]
    Origin,
}

/// Whether this request may control the service.
///
/// # Errors
/// Says which condition does not hold.
pub(super) fn check(is_allowed: bool, peer: IpAddr, uri: &Uri, headers: &HeaderMap) -> Result<(), Forbidden> {
    if !is_allowed {
        return Err(Forbidden::Off);
    }
    if !peer.to_canonical().is_loopback() {
        return Err(Forbidden::Remote);
    }
    if PROXIES.iter().any(|name| headers.contains_key(name)) {
        return Err(Forbidden::Proxied);
    }
    let host = only(headers, &HOST).and_then(|text| Place::parse(text, 80));
    let host = host.filter(|host| host.is_loopback()).ok_or(Forbidden::Host)?;
    // `POST http://elsewhere/..` says it once more, and differently.
    if let Some(authority) = uri.authority()
        && Place::parse(authority.as_str(), 80).as_ref() != Some(&host)
    {
        return Err(Forbidden::Host);
    }
    if headers.contains_key(ORIGIN) {
        let origin = only(headers, &ORIGIN).and_then(origin);
        if origin.as_ref() != Some(&host) {
            return Err(Forbidden::Origin);
        }
    }
    Ok(())
}

/// The one value of a header; `None` where there are more, or none, or it is no text.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().filter(|_| values.next().is_none());
    value?.to_str().ok()
}

/// `null` is the origin of pages that have none, such as files and sandboxes.
fn origin(text: &str) -> Option<Place> {
    let (scheme, authority) = text.split_once("://")?;
    match scheme {
        "http" => Place::parse(authority, 80),
        "https" => Place::parse(authority, 443),
        _ => None,
    }
}

/// A host and its port.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    host: String,
    port: u16,
}

impl Place {
    fn parse(text: &str, port: u16) -> Option<Place> {
        let authority: Authority = text.parse().ok().filter(|_| !text.contains('@'))?;
        let port = match text.strip_prefix(authority.host())?.strip_prefix(':') {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok()?,
            Some(_) => return None,
            None => port,
        };
        let host = authority.host().to_ascii_lowercase();
        Some(Place { host, port })
    }

    fn is_loopback(&self) -> bool {
        let inside = self.host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        match inside {
            Some(v6) => v6.parse::<Ipv6Addr>().is_ok_and(|ip| ip.is_loopback()),
            None => self.host == "localhost" || self.host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(peer: &str, headers: &[(&str, &str)]) -> Result<(), Forbidden> {
        asked_of("/v1/updates", peer, headers)
    }

    fn asked_of(target: &str, peer: &str, headers: &[(&str, &str)]) -> Result<(), Forbidden> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: HeaderName = name.parse().expect("a name");
            map.append(name, value.parse().expect("a value"));
        }
        let uri = target.parse().expect("a target");
        check(true, peer.parse().expect("an address"), &uri, &map)
    }

    const LOCAL: (&str, &str) = ("host", "127.0.0.1:7070");

    #[test]
    fn without_the_flag_nobody_controls_anything() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "localhost".parse().expect("a value"));
        let uri = Uri::from_static("/");
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        assert_eq!(check(false, peer, &uri, &headers), Err(Forbidden::Off));
        assert_eq!(check(true, peer, &uri, &headers), Ok(()));
    }

    #[test]
    fn the_peer_has_to_be_on_this_machine() {
        for peer in ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(asked(peer, &[LOCAL]), Ok(()), "{peer}");
        }
        for peer in ["10.0.0.1", "0.0.0.0", "::", "::ffff:10.0.0.1", "fe80::1", "203.0.113.7"] {
            assert_eq!(asked(peer, &[LOCAL]), Err(Forbidden::Remote), "{peer}");
        }
    }

    #[test]
    fn the_host_has_to_be_a_name_of_this_machine() {
        for host in [
            "localhost",
            "LocalHost:7070",
            "127.0.0.1",
            "127.8.8.8:1",
            "[::1]",
            "[::1]:7070",
        ] {
            assert_eq!(asked("::1", &[("host", host)]), Ok(()), "{host}");
        }
        for host in [
            "evil.test",
            "localhost.evil.test:7070",
            "127.0.0.1.evil.test",
            "10.0.0.1:7070",
            "0.0.0.0:7070",
            "[::2]",
            "[::ffff:127.0.0.1]",
            "2130706433",
            "0x7f.1",
            "user@localhost",
            "localhost:",
            "localhost:99999",
            "localhost/",
            "::1",
            "",
        ] {
            assert_eq!(asked("::1", &[("host", host)]), Err(Forbidden::Host), "{host}");
        }
        assert_eq!(asked("::1", &[]), Err(Forbidden::Host));
        assert_eq!(asked("::1", &[LOCAL, LOCAL]), Err(Forbidden::Host));
        assert_eq!(asked_of("http://127.0.0.1:7070/x", "::1", &[LOCAL]), Ok(()));
        assert_eq!(asked_of("http://evil.test/x", "::1", &[LOCAL]), Err(Forbidden::Host));
    }

    #[test]
    fn a_page_has_to_be_the_servers_own() {
        for (host, origin) in [
            ("127.0.0.1:7070", "http://127.0.0.1:7070"),
            ("localhost:7070", "http://LOCALHOST:7070"),
            ("localhost", "http://localhost"),
            ("localhost:80", "http://localhost"),
            ("[::1]:7070", "http://[::1]:7070"),
        ] {
            assert_eq!(asked("::1", &[("host", host), ("origin", origin)]), Ok(()), "{origin}");
        }
        for origin in [
            "http://evil.test",
            "http://127.0.0.1:8080",
            "http://localhost:7070",
            "http://127.0.0.1",
            "https://127.0.0.1",
            "http://127.0.0.1:7070@evil.test",
            "http://evil.test:7070",
            "file://127.0.0.1:7070",
            "null",
            "",
        ] {
            assert_eq!(
                asked("::1", &[LOCAL, ("origin", origin)]),
                Err(Forbidden::Origin),
                "{origin}"
            );
        }
        let own = ("origin", "http://127.0.0.1:7070");
        assert_eq!(asked("::1", &[LOCAL, own, own]), Err(Forbidden::Origin));
    }

    #[test]
    fn a_proxy_makes_everybody_look_local_so_none_is_taken() {
        for name in ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"] {
            assert_eq!(
                asked("127.0.0.1", &[LOCAL, (name, "")]),
                Err(Forbidden::Proxied),
                "{name}"
            );
        }
    }
}
