//! A client's message as a request to its shard: all that can be checked without the table.

use crate::fanout::{Request, WINDOW_MAX};
use crate::market::Ts;
use crate::store::Seq;
use crate::wire::proto;

use crate::server::options::{interval_beats, interval_refused};
use crate::server::strings::sort_out;
use proto::client_message::Body;

/// Makes a request of a message; what is wrong with it becomes the refusal to send.
pub(in crate::server) fn to_request(message: proto::ClientMessage, ts_recv: Ts) -> Request {
    let request_id = message.request_id;
    let outcome = match message.body {
        Some(Body::Subscribe(body)) => subscribe(request_id, body),
        Some(Body::Unsubscribe(body)) if body.symbols.is_empty() => Err(no_symbols()),
        Some(Body::Unsubscribe(body)) => Ok(Request::Unsubscribe {
            request_id,
            strings: body.symbols,
        }),
        Some(Body::Configure(body)) => configure(request_id, body),
        Some(Body::Received(body)) => Ok(Request::Received(Seq(body.seq))),
        Some(Body::Ping(ping)) => Ok(Request::Ping { ping, ts_recv }),
        Some(Body::Authenticate(_)) => Err((
            proto::ErrorCode::Unsupported,
            "this server takes no credentials: every subscriber is anonymous".into(),
        )),
        None => Err((proto::ErrorCode::InvalidMessage, "the message has no body".into())),
    };
    outcome.unwrap_or_else(|(code, message)| refuse(request_id, code, message))
}

/// The refusal of a request.
pub(in crate::server) fn refuse(request_id: u64, code: proto::ErrorCode, message: String) -> Request {
    Request::Refuse(proto::Error {
        request_id,
        code: code as i32,
        message,
    })
}

type Outcome = Result<Request, (proto::ErrorCode, String)>;

fn no_symbols() -> (proto::ErrorCode, String) {
    (
        proto::ErrorCode::InvalidMessage,
        "symbols is empty: at least one symbol or pattern is needed".into(),
    )
}

fn subscribe(request_id: u64, body: proto::Subscribe) -> Outcome {
    if body.channel != proto::Channel::Ticker as i32 {
        let message = "this server has no such channel: only TICKER, which is also the default".to_owned();
        return Err((proto::ErrorCode::Unsupported, message));
    }
    if body.symbols.is_empty() {
        return Err(no_symbols());
    }
    let (strings, rejected) = sort_out(body.symbols.iter().map(String::as_str));
    let resume = body.resume.map(|position| (position.epoch, Seq(position.seq)));
    Ok(Request::Subscribe {
        request_id,
        strings,
        rejected,
        resume,
    })
}

fn configure(request_id: u64, body: proto::Configure) -> Outcome {
    let invalid = |message| (proto::ErrorCode::InvalidMessage, message);
    let pace_beats = match body.interval_ms {
        Some(ms) => Some(interval_beats(ms).ok_or_else(|| invalid(interval_refused(&ms.to_string())))?),
        None => None,
    };
    if let Some(window) = body.window.filter(|window| *window > WINDOW_MAX) {
        return Err(invalid(format!(
            "window {window} is too large: 0 (off) to {WINDOW_MAX} is allowed"
        )));
    }
    Ok(Request::Configure {
        request_id,
        pace_beats,
        window: body.window,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(body: Body) -> (proto::ErrorCode, String) {
        match to_request(
            proto::ClientMessage {
                request_id: 7,
                body: Some(body),
            },
            Ts(0),
        ) {
            Request::Refuse(error) => {
                assert_eq!(error.request_id, 7);
                (error.code(), error.message)
            }
            other => panic!("accepted: {other:?}"),
        }
    }

    #[test]
    fn a_wrong_request_is_refused_with_what_is_allowed() {
        use proto::ErrorCode::{InvalidMessage, Unsupported};
        let symbols = vec!["a:B".to_owned()];
        for (body, code, part) in [
            (
                Body::Subscribe(proto::Subscribe {
                    symbols,
                    resume: None,
                    channel: 2,
                }),
                Unsupported,
                "TICKER",
            ),
            (
                Body::Subscribe(proto::Subscribe::default()),
                InvalidMessage,
                "symbols is empty",
            ),
            (
                Body::Unsubscribe(proto::Unsubscribe::default()),
                InvalidMessage,
                "symbols is empty",
            ),
            (
                Body::Configure(proto::Configure {
                    interval_ms: Some(5),
                    window: None,
                }),
                InvalidMessage,
                "10 to 60000",
            ),
            (
                Body::Configure(proto::Configure {
                    interval_ms: None,
                    window: Some(9_999),
                }),
                InvalidMessage,
                "1024",
            ),
            (
                Body::Authenticate(proto::Authenticate::default()),
                Unsupported,
                "anonymous",
            ),
        ] {
            let (got, message) = refusal(body);
            assert_eq!(got, code, "{message}");
            assert!(message.contains(part), "{message}");
        }
    }
}
