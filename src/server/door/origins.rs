//! Whose pages may read, and by what names this server is asked: the one place that decides on `Origin` and `Host`.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Pages of other hosts that may read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedOrigins {
    /// Pages of every host.
    is_all: bool,
    list: Vec<Origin>,
}

/// What stands in the setting and is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an origin: `scheme://host` or `scheme://host:port` with http or https is allowed, several separated by commas, \
     or `*` for all"
)]
pub struct OriginError(String);

/// Scheme, host and port of a page (RFC 6454).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    scheme: Scheme,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

/// A host and its port.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    host: String,
    port: u16,
}

/// Whose page asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Page {
    /// No page of another place: programs say no `Origin`, and browsers none where a page reads from its own.
    Unsaid,
    /// A page of the host that is asked.
    Own,
    /// A page that the setting names.
    Named,
    /// Any page may read.
    Any,
    /// A page of another host.
    Foreign,
}

/// What is wrong with `Host`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::server) enum HostFault {
    #[error("exactly one `Host` is needed, a host with or without a port")]
    Malformed,
    /// A name that somebody pointed at this machine (DNS rebinding), whose page would be this server's own.
    #[error(
        "this server is for this machine's own programs: `Host` has to be localhost, 127.0.0.1 or [::1], or one that \
         `allowed_origins` names"
    )]
    Foreign,
}

/// What the running server decides by.
#[derive(Clone, Debug)]
pub(in crate::server) struct Origins {
    pub(in crate::server) allowed: AllowedOrigins,
    pub(in crate::server) is_tls: bool,
    /// It listens on a loopback address.
    pub(in crate::server) is_local: bool,
}

impl FromStr for AllowedOrigins {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<AllowedOrigins, OriginError> {
        AllowedOrigins::of(text.split(',').map(str::trim))
    }
}

impl AllowedOrigins {
    /// Takes them one by one.
    ///
    /// # Errors
    /// Where one is none.
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<AllowedOrigins, OriginError> {
        let mut origins = AllowedOrigins::default();
        for text in texts {
            match Origin::parse(text) {
                _ if text == "*" => origins.is_all = true,
                Some(origin) => origins.list.push(origin),
                None => return Err(OriginError(text.chars().take(100).collect())),
            }
        }
        Ok(origins)
    }
}

impl Origins {
    /// Whether answers depend on who asks.
    pub(in crate::server) fn vary(&self) -> bool {
        !self.allowed.is_all
    }

    /// Whose page asks. Where this server speaks no TLS the scheme of its own host does not count: behind a proxy that
    /// does it is another one.
    pub(in crate::server) fn page(&self, headers: &HeaderMap) -> Page {
        if !headers.contains_key(ORIGIN) {
            return Page::Unsaid;
        }
        let origin = only(headers, &ORIGIN).and_then(Origin::parse);
        let is_own = origin.as_ref().is_some_and(|origin| {
            let host = only(headers, &HOST).and_then(|text| Place::parse(text, origin.scheme.port()));
            host.as_ref() == Some(&origin.place) && (!self.is_tls || origin.scheme == Scheme::Https)
        });
        match origin {
            Some(_) if is_own => Page::Own,
            Some(origin) if self.allowed.list.contains(&origin) => Page::Named,
            _ if self.allowed.is_all => Page::Any,
            _ => Page::Foreign,
        }
    }

    /// Whether a page may have something done: its own to the scheme and the port, or one that is named. That any page
    /// may read gives none this right.
    pub(in crate::server) fn may_control(&self, headers: &HeaderMap) -> bool {
        match self.page(headers) {
            Page::Unsaid | Page::Named => true,
            Page::Own => only(headers, &ORIGIN)
                .and_then(Origin::parse)
                .is_some_and(|origin| origin.scheme == self.scheme() || self.allowed.list.contains(&origin)),
            Page::Any | Page::Foreign => false,
        }
    }

    /// Whether what a browser shows by itself, as its certificate, counts: the page is such as may have something done, or
    /// there is none behind it. A request without `Origin` may be an image or a script of any page, which browsers tell by
    /// `Sec-Fetch-Site` (Fetch Metadata, 2.3).
    pub(in crate::server) fn may_be_known(&self, headers: &HeaderMap) -> bool {
        let is_of_others = || {
            let site = headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes);
            !matches!(site, None | Some(b"same-origin" | b"none"))
        };
        self.may_control(headers) && (self.page(headers) != Page::Unsaid || !is_of_others())
    }

    /// Whether a server that only this machine reaches is asked by a name of this machine.
    ///
    /// # Errors
    /// Where it is not, or where it is not said once; HTTP/1.0 need not say it.
    pub(in crate::server) fn check_host(&self, headers: &HeaderMap, is_needed: bool) -> Result<(), HostFault> {
        if !is_needed && !headers.contains_key(HOST) {
            return Ok(());
        }
        let host = only(headers, &HOST).and_then(|text| Place::parse(text, self.scheme().port()));
        let host = host.ok_or(HostFault::Malformed)?;
        let is_named = || self.allowed.list.iter().any(|origin| origin.place.host == host.host);
        let is_known = !self.is_local || host.is_loopback() || self.allowed.is_all || is_named();
        is_known.then_some(()).ok_or(HostFault::Foreign)
    }

    /// Whether the one `Host`, and what the target says of it, are names of this machine.
    pub(in crate::server) fn is_loopback(&self, headers: &HeaderMap, target: Option<&Authority>) -> bool {
        let port = self.scheme().port();
        let Some(host) = only(headers, &HOST).and_then(|text| Place::parse(text, port)) else {
            return false;
        };
        // `POST http://elsewhere/..` says it once more, and differently.
        let is_same = target.is_none_or(|target| Place::parse(target.as_str(), port).as_ref() == Some(&host));
        host.is_loopback() && is_same
    }

    fn scheme(&self) -> Scheme {
        if self.is_tls { Scheme::Https } else { Scheme::Http }
    }
}

impl Scheme {
    /// Where no port is said.
    fn port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}

impl Origin {
    /// `null` is the origin of pages that have none, such as files and sandboxes: it is none here either.
    fn parse(text: &str) -> Option<Origin> {
        let (scheme, authority) = text.split_once("://")?;
        let scheme = match scheme {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return None,
        };
        let place = Place::parse(authority, scheme.port())?;
        Some(Origin { scheme, place })
    }
}

/// The one value of a header; `None` where there are more, or none, or it is no text.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().filter(|_| values.next().is_none());
    value?.to_str().ok()
}

impl Place {
    fn parse(text: &str, port: u16) -> Option<Place> {
        let authority: Authority = text.parse().ok().filter(|_| !text.contains(['@', '*']))?;
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

    fn origins(allowed: &str, is_tls: bool) -> Origins {
        let list = allowed.split(' ').filter(|text| !text.is_empty());
        Origins {
            allowed: AllowedOrigins::of(list).expect(allowed),
            is_tls,
            is_local: true,
        }
    }

    fn headers(list: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in list {
            let name: HeaderName = name.parse().expect("a name");
            map.append(name, value.parse().expect("a value"));
        }
        map
    }

    fn asked(host: &str, origin: &str) -> HeaderMap {
        headers(&[("host", host), ("origin", origin)])
    }

    #[test]
    fn what_is_no_origin_is_refused_with_what_is_allowed() {
        for text in [
            "",
            "null",
            "example.com",
            "https://",
            "https://a/",
            "https://a/b",
            "https://a:b",
            "https://a:99999",
            "https://a:",
            "https://u@a",
            "https://*.a",
            "ws://a",
            "https://a,,https://b",
            "**",
        ] {
            let error = text.parse::<AllowedOrigins>().expect_err(text).to_string();
            assert!(error.contains("scheme://host:port"), "{error}");
        }
        for text in ["*", "https://a", "https://a:8443, http://b", "http://[::1]:80"] {
            assert!(text.parse::<AllowedOrigins>().is_ok(), "{text}");
        }
    }

    #[test]
    fn a_page_of_the_same_host_reads_and_others_do_where_they_are_named() {
        use Page::{Any, Foreign, Named, Own};
        for (allowed, host, origin, want) in [
            ("", "a.test:7070", "http://a.test:7070", Own),
            ("", "a.test", "https://A.test", Own),
            ("", "a.test", "https://a.test:443", Own),
            ("", "a.test:443", "https://a.test", Own),
            ("", "a.test:7070", "http://a.test", Foreign),
            ("", "a.test", "http://b.test", Foreign),
            ("", "a.test", "null", Foreign),
            ("", "a.test", "", Foreign),
            ("https://b.test", "a.test", "https://b.test", Named),
            ("https://b.test", "a.test", "https://b.test:443", Named),
            ("https://b.test", "a.test", "http://b.test", Foreign),
            ("https://b.test", "a.test", "https://b.test:444", Foreign),
            ("https://b.test", "a.test", "https://b.test.evil", Foreign),
            ("https://b.test", "a.test", "https://evil.b.test", Foreign),
            ("*", "a.test", "https://b.test", Any),
            ("*", "a.test", "null", Any),
            ("* https://b.test", "a.test", "https://b.test", Named),
        ] {
            let page = origins(allowed, false).page(&asked(host, origin));
            assert_eq!(page, want, "{allowed}: {origin} asks {host}");
        }
        let secured = |origin| origins("", true).page(&asked("a.test", origin));
        assert_eq!((secured("https://a.test"), secured("http://a.test")), (Own, Foreign));
        assert_eq!(
            origins("", true).page(&asked("a.test:80", "http://a.test")),
            Foreign,
            "whoever speaks TLS is no page's own over plain HTTP"
        );
        assert_eq!(origins("", false).page(&headers(&[("host", "a")])), Page::Unsaid);
        let twice = [("host", "a"), ("origin", "http://a"), ("origin", "http://a")];
        assert_eq!(origins("", false).page(&headers(&twice)), Foreign);
    }

    #[test]
    fn whoever_controls_has_the_scheme_that_is_served_or_a_name_and_never_a_star() {
        for (allowed, is_tls, host, origin, want) in [
            ("", false, "localhost:7070", "http://localhost:7070", true),
            ("", false, "localhost", "http://localhost:80", true),
            ("", true, "localhost", "https://localhost", true),
            ("", true, "localhost:443", "https://localhost", true),
            ("", true, "localhost", "http://localhost", false),
            ("", false, "localhost", "https://localhost", false),
            ("", false, "localhost:7070", "http://localhost", false),
            ("http://b.test", false, "localhost", "http://b.test", true),
            ("http://b.test", false, "localhost", "http://c.test", false),
            ("*", false, "localhost", "http://b.test", false),
        ] {
            let may = origins(allowed, is_tls).may_control(&asked(host, origin));
            assert_eq!(may, want, "{allowed}, TLS {is_tls}: {origin} asks {host}");
        }
    }

    #[test]
    fn what_a_browser_shows_by_itself_counts_for_no_page_of_others() {
        let own = origins("https://ticks.test", true);
        for (origin, site, want) in [
            (None, None, true),
            (None, Some("none"), true),
            (None, Some("same-origin"), true),
            (None, Some("same-site"), false),
            (None, Some("cross-site"), false),
            (Some("https://localhost"), Some("same-origin"), true),
            (Some("https://ticks.test"), Some("cross-site"), true),
            (Some("https://b.test"), Some("cross-site"), false),
        ] {
            let mut sent = headers(&[("host", "localhost")]);
            let named = [("origin", origin), ("sec-fetch-site", site)];
            for (name, value) in named.into_iter().filter_map(|(name, value)| Some((name, value?))) {
                sent.insert(name, value.parse().expect("a value"));
            }
            assert_eq!(own.may_be_known(&sent), want, "{origin:?} {site:?}");
        }
    }

    #[test]
    fn a_server_that_only_this_machine_reaches_has_only_its_names() {
        let local = origins("https://ticks.test", false);
        let fault = |origins: &Origins, host: &str| origins.check_host(&headers(&[("host", host)]), true).err();
        for host in [
            "localhost",
            "LOCALHOST:1",
            "127.0.0.1:7070",
            "[::1]",
            "ticks.test",
            "ticks.test:8080",
        ] {
            assert_eq!(fault(&local, host), None, "{host}");
        }
        for host in ["evil.test", "10.0.0.1", "localhost.evil.test"] {
            assert_eq!(fault(&local, host), Some(HostFault::Foreign), "{host}");
        }
        let open = Origins {
            is_local: false,
            ..local.clone()
        };
        assert_eq!(
            fault(&open, "evil.test"),
            None,
            "nobody knows what an open server is called"
        );
        assert_eq!(fault(&origins("*", false), "evil.test"), None);
        for host in ["", "a b", "a/", "a@b", "a:", "a:x", "*"] {
            assert_eq!(fault(&open, host), Some(HostFault::Malformed), "{host}");
        }
        assert_eq!(local.check_host(&HeaderMap::new(), true), Err(HostFault::Malformed));
        assert_eq!(local.check_host(&HeaderMap::new(), false), Ok(()), "HTTP/1.0");
        let twice = headers(&[("host", "localhost"), ("host", "localhost")]);
        assert_eq!(local.check_host(&twice, true), Err(HostFault::Malformed));
    }
}
