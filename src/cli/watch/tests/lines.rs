//! Flags, and lines from a server made by hand.

use super::super::*;
use crate::wire::proto::server_message::Body;
use crate::wire::proto::{Instrument, Rejected, ServerMessage, Snapshot, Ticker, Welcome};
use clap::Parser;
use futures_util::SinkExt;
use prost::Message as _;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    watch: WatchArgs,
}

fn parse(words: &[&str]) -> Result<WatchArgs, clap::Error> {
    Command::try_parse_from(["watch"].iter().chain(words)).map(|c| c.watch)
}

#[test]
fn flags_are_read_and_wrong_ones_say_what_is_allowed() {
    let args = parse(&[
        "http://h",
        "a:B",
        "--encoding",
        "json",
        "--compression",
        "deflate",
        "--count",
        "3",
    ]);
    let args = args.expect("flags");
    assert_eq!(
        (args.encoding, args.compression, args.count),
        (Encoding::Json, Compression::Deflate, Some(3))
    );
    assert!(parse(&["http://h"]).is_err());
    assert!(parse(&["http://h", "a:B", "--interval-ms", "5"]).is_err());
    let error = parse(&["http://h", "a:B", "--encoding", "xml"]).expect_err("no such encoding");
    assert!(
        error.to_string().contains("protobuf, msgpack or json are allowed"),
        "{error}"
    );
}

#[tokio::test]
async fn a_wrong_symbol_or_url_ends_at_once_with_what_is_allowed() {
    let stop = CancellationToken::new();
    let args = parse(&["http://127.0.0.1:9", "BTCUSDT"]).expect("flags");
    let error = show(&args, Some(Vec::new()), &stop).await.expect_err("no symbol");
    assert!(error.to_string().contains("a symbol is `venue:NAME`"), "{error}");
    let args = parse(&["gopher://h", "a:B"]).expect("flags");
    let error = show(&args, Some(Vec::new()), &stop).await.expect_err("no such scheme");
    assert!(
        error.to_string().contains("http://, https://, ws:// and wss://"),
        "{error}"
    );
}

/// What was written, for the test to read.
#[derive(Clone, Default)]
struct Written(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A server of one connection that greets, and answers the subscribe as told.
async fn serve(listener: tokio::net::TcpListener, answer: Snapshot) {
    let (tcp, _) = listener.accept().await.expect("a connection");
    #[allow(clippy::result_large_err)] // the callback's type is tungstenite's
    let echo = |request: &Request, mut response: Response| {
        let protocol = request.headers()["sec-websocket-protocol"].clone();
        response.headers_mut().insert("sec-websocket-protocol", protocol);
        Ok(response)
    };
    let mut socket = accept_hdr_async(tcp, echo).await.expect("an upgrade");
    for body in [
        Body::Welcome(Welcome::default()),
        Body::Snapshot(Snapshot {
            request_id: 1,
            ..answer
        }),
    ] {
        let bytes = ServerMessage { body: Some(body) }.encode_to_vec();
        socket.send(Message::binary(bytes)).await.expect("sent");
    }
    while socket.next().await.is_some_and(|m| m.is_ok()) {}
}

async fn watch(words: &[&str], answer: Snapshot) -> (Result<(), LinkError>, String) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let server = tokio::spawn(serve(listener, answer));
    let args = parse(&[&[url.as_str()], words].concat()).expect("flags");
    let (written, stop) = (Written::default(), CancellationToken::new());
    let shown = show(&args, Some(written.clone()), &stop);
    let ended = tokio::time::timeout(Duration::from_secs(20), shown)
        .await
        .expect("ends within the limit");
    server.abort();
    let text = written.0.lock().expect("no panic").clone();
    (ended, String::from_utf8(text).expect("UTF-8"))
}

#[tokio::test]
async fn a_count_of_lines_is_shown_and_then_it_ends_well() {
    let instrument = Instrument {
        id: 1,
        symbol: "a:B".into(),
        price_decimals: 1,
        ..Default::default()
    };
    let ticker = Ticker {
        id: 1,
        last_price: Some(15),
        state: Some(1),
        ..Default::default()
    };
    let (instruments, tickers) = (vec![instrument], vec![ticker]);
    let answer = Snapshot {
        epoch: 1,
        seq: 2,
        instruments,
        tickers,
        ..Default::default()
    };
    let (ended, text) = watch(&["a:*", "--count", "1"], answer).await;
    ended.expect("ends well");
    assert_eq!(text, "a:B seq=2 last_price=1.5 updates=0 state=live\n");
}

#[tokio::test]
async fn a_refused_symbol_ends_it_with_the_servers_words() {
    let rejected = vec![Rejected {
        symbol: "a:B".into(),
        code: 3,
        message: "not yours\x1b[2J".into(),
    }];
    let (ended, _) = watch(
        &["a:B"],
        Snapshot {
            epoch: 1,
            rejected,
            ..Default::default()
        },
    )
    .await;
    let error = ended.expect_err("refused").to_string();
    assert_eq!(error, "a:B: not yours\u{fffd}[2J");
}
