//! How a subscriber wants to be talked to: from the URL and the handshake, checked.

use axum::http::{HeaderMap, HeaderValue, header};

use super::query_string::digits;
use super::url::TICKET;
use crate::engine::BEAT;
use crate::wire::{Compression, Encoding};

/// Paces that are allowed, in milliseconds.
pub const INTERVAL_MS: std::ops::RangeInclusive<u32> = 10..=60_000;

/// A connection's options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConnectionOptions {
    pub(super) encoding: Encoding,
    pub(super) compression: Compression,
    /// Beats between two deltas.
    pub(super) pace_beats: u64,
    /// The subprotocol to echo, where one was offered.
    pub(super) subprotocol: Option<&'static str>,
}

impl ConnectionOptions {
    /// Reads the query and the offered subprotocols.
    ///
    /// # Errors
    /// A sentence that says what is allowed.
    pub(super) fn parse(query: &[(String, String)], headers: &HeaderMap) -> Result<ConnectionOptions, String> {
        let mut options = ConnectionOptions {
            encoding: Encoding::default(),
            compression: Compression::default(),
            pace_beats: 1,
            subprotocol: None,
        };
        let mut seen: Vec<&str> = Vec::new();
        for (key, value) in query {
            if seen.contains(&key.as_str()) {
                return Err(format!("option `{key}` is given more than once"));
            }
            seen.push(key);
            match key.as_str() {
                "encoding" => options.encoding = value.parse()?,
                "compression" => options.compression = value.parse()?,
                "interval_ms" => options.pace_beats = parse_interval(value)?,
                // Looked at before, where it means something.
                TICKET => {}
                _ => {
                    let key: String = key.chars().take(60).collect();
                    return Err(format!(
                        "there is no option `{key}`: encoding, compression, interval_ms and ticket are allowed"
                    ));
                }
            }
        }
        if let Some(encoding) = offered(headers)? {
            options.encoding = encoding;
            options.subprotocol = Some(encoding.subprotocol());
        }
        Ok(options)
    }
}

/// Milliseconds as whole beats, rounded up; `None` outside what is allowed.
pub(super) fn interval_beats(interval_ms: u32) -> Option<u64> {
    INTERVAL_MS.contains(&interval_ms).then(|| beats(interval_ms))
}

/// Milliseconds as whole beats, rounded up.
pub(super) fn beats(interval_ms: u32) -> u64 {
    u64::from(interval_ms).div_ceil(BEAT.as_millis() as u64)
}

/// What is said of a pace that is not allowed.
pub(super) fn interval_refused(given: &str) -> String {
    let given: String = given.chars().take(60).collect();
    let (least, most) = INTERVAL_MS.into_inner();
    format!("`{given}` is not a pace: interval_ms from {least} to {most} is allowed")
}

/// Reads a pace as whole beats.
///
/// # Errors
/// A sentence that says what is allowed.
pub(super) fn parse_interval(value: &str) -> Result<u64, String> {
    let ms = digits(value).and_then(|ms| u32::try_from(ms).ok());
    ms.and_then(interval_beats).ok_or_else(|| interval_refused(value))
}

/// The first offered subprotocol that we have; an offer without any is an error.
fn offered(headers: &HeaderMap) -> Result<Option<Encoding>, String> {
    let mut words = words(headers).peekable();
    if words.peek().is_none() {
        return Ok(None);
    }
    let known = words.find_map(|word| Encoding::ALL.into_iter().find(|e| e.subprotocol().as_bytes() == word));
    known.map(Some).ok_or_else(|| {
        let all = Encoding::ALL.map(Encoding::subprotocol).join(", ");
        format!("no offered subprotocol is known: {all} are allowed")
    })
}

/// The first that was offered, known or not: a browser drops a connection on which none is echoed, and the close code
/// with it.
pub(super) fn first_offered(headers: &HeaderMap) -> Option<HeaderValue> {
    words(headers)
        .next()
        .and_then(|word| HeaderValue::from_bytes(word).ok())
}

fn words(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let values = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).into_iter();
    let words = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    words.map(<[u8]>::trim_ascii).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn parse(query: &[(&str, &str)], protocols: &[&'static str]) -> Result<ConnectionOptions, String> {
        let query: Vec<_> = query.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let mut headers = HeaderMap::new();
        for p in protocols {
            headers.append(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(p));
        }
        ConnectionOptions::parse(&query, &headers)
    }

    #[test]
    fn what_is_absent_has_the_protocols_default() {
        let options = parse(&[], &[]).expect("defaults");
        assert_eq!(
            (options.encoding, options.compression),
            (Encoding::Protobuf, Compression::None)
        );
        assert_eq!((options.pace_beats, options.subprotocol), (1, None));
    }

    #[test]
    fn the_subprotocol_goes_before_the_query_and_is_echoed() {
        let offers = ["superchat, tickwire.v1.msgpack", "tickwire.v1.json"];
        let options = parse(&[("encoding", "json")], &offers).expect("an offer");
        assert_eq!(options.encoding, Encoding::Msgpack);
        assert_eq!(options.subprotocol, Some("tickwire.v1.msgpack"));
    }

    #[test]
    fn a_pace_is_rounded_up_to_whole_beats() {
        for (ms, beats) in [("10", 1), ("11", 2), ("500", 50), ("60000", 6_000)] {
            assert_eq!(parse(&[("interval_ms", ms)], &[]).map(|o| o.pace_beats), Ok(beats));
        }
    }

    #[test]
    fn a_wrong_option_is_told_with_what_is_allowed() {
        for (query, part) in [
            (("encoding", "xml"), "protobuf, msgpack or json"),
            (("compression", "gzip"), "none or deflate"),
            (("interval_ms", "9"), "from 10 to 60000"),
            (("interval_ms", "60001"), "from 10 to 60000"),
            (("interval_ms", "+10"), "from 10 to 60000"),
            (("interval_ms", ""), "from 10 to 60000"),
            (("pace", "10"), "there is no option `pace`"),
        ] {
            let error = parse(&[query], &[]).expect_err(part);
            assert!(error.contains(part), "{error}");
        }
        assert!(
            parse(&[], &["soap"])
                .expect_err("no offer of ours")
                .contains("tickwire.v1.protobuf")
        );
        assert!(parse(&[("encoding", "json"), ("encoding", "json")], &[]).is_err());
    }
}
