//! Who may control the service over HTTP: where credentials are configured, whoever is entitled to; else nobody unless the
//! operator allows it, and then only this machine's own programs, asking directly. One rule for every route that changes
//! something.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::header::{FORWARDED, VIA};
use axum::http::{HeaderMap, HeaderName, Uri};

use super::Door;
use super::origins::Origins;
use crate::auth::{Entitlement, Identity};
use crate::server::{App, Peer};

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
pub(in crate::server) enum Forbidden {
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
    #[error(
        "control is not for pages of other sites: `Origin` has to be the server's own, or one that `allowed_origins` names"
    )]
    Origin,
    #[error("this needs an entitlement with `{0} = true`")]
    Right(&'static str),
}

/// A right to control something: as an entitlement's table calls it, and whether one gives it.
pub(in crate::server) type Right = (&'static str, fn(&Entitlement) -> bool);

/// To push updates.
pub(in crate::server) const PUBLISH: Right = ("publish", |entitlement| entitlement.may_publish);
/// To drive a replay.
pub(in crate::server) const REPLAY: Right = ("control_replay", |entitlement| entitlement.may_replay);

impl App {
    /// Whether who sends this request has a right.
    ///
    /// # Errors
    /// Says which condition does not hold.
    pub(in crate::server) fn may(
        &self,
        (name, is_given): Right,
        identity: &Identity,
        peer: &Peer,
        request: &Request,
    ) -> Result<(), Forbidden> {
        let headers = request.headers();
        match self.door {
            Door::Open(_) => {
                let is_allowed = self.controls.is_allowed;
                check(is_allowed, peer.addr.ip(), request.uri(), headers, &self.origins)
            }
            Door::Guarded(_) if !is_given(&identity.entitlement) => Err(Forbidden::Right(name)),
            // A page of another site has somebody's token only where it was given it, but anybody may be anonymous.
            Door::Guarded(_) if !identity.is_authenticated && !self.origins.may_control(headers) => {
                Err(Forbidden::Origin)
            }
            Door::Guarded(_) => Ok(()),
        }
    }
}

/// Whether this request may control a service that knows nobody.
///
/// # Errors
/// Says which condition does not hold.
fn check(is_allowed: bool, peer: IpAddr, uri: &Uri, headers: &HeaderMap, origins: &Origins) -> Result<(), Forbidden> {
    if !is_allowed {
        return Err(Forbidden::Off);
    }
    if !peer.to_canonical().is_loopback() {
        return Err(Forbidden::Remote);
    }
    if PROXIES.iter().any(|name| headers.contains_key(name)) {
        return Err(Forbidden::Proxied);
    }
    if !origins.is_loopback(headers, uri.authority()) {
        return Err(Forbidden::Host);
    }
    if !origins.may_control(headers) {
        return Err(Forbidden::Origin);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::AllowedOrigins;
    use axum::http::header::HOST;
    use std::net::Ipv4Addr;

    fn origins() -> Origins {
        Origins {
            allowed: AllowedOrigins::default(),
            is_tls: false,
            is_local: true,
        }
    }

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
        check(true, peer.parse().expect("an address"), &uri, &map, &origins())
    }

    const LOCAL: (&str, &str) = ("host", "127.0.0.1:7070");

    #[test]
    fn without_the_flag_nobody_controls_anything() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "localhost".parse().expect("a value"));
        let uri = Uri::from_static("/");
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        assert_eq!(check(false, peer, &uri, &headers, &origins()), Err(Forbidden::Off));
        assert_eq!(check(true, peer, &uri, &headers, &origins()), Ok(()));
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
