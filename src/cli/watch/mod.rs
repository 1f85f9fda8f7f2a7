//! `tickwire watch`: what a subscriber sees, as a live table, plain lines or JSON.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use tokio::time::{MissedTickBehavior, interval};
use tokio_stream::StreamExt;
use tokio_util::sync::CancellationToken;

use crate::client::{Changed, Disconnect, Notice, Options, OptionsError, Subscriber, SubscriberError};
use crate::wire::{Compression, Encoding};
use screen::Screen;

mod lines;
mod screen;

/// Redraws per second: more than the eye follows, less than a slow terminal minds.
const REDRAW: Duration = Duration::from_millis(100);

/// Shows symbols as they change: a live table in a terminal, a line for each change in a pipe.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  tickwire watch 'http://127.0.0.1:7070' 'synthetic:*'
  tickwire watch 'ws://127.0.0.1:7070' 'binance:BTCUSDT' 'kraken:BTC/USD'
  tickwire watch 'http://127.0.0.1:7070' 'binance:*USDT' --json | jq .last_price
  tickwire watch 'http://127.0.0.1:7070' '$stats:*' --interval-ms 1000")]
pub(super) struct WatchArgs {
    /// The server, such as http://127.0.0.1:7070
    pub url: String,
    /// Symbols as 'venue:NAME', or patterns with '*' (in quotes, for the shell)
    #[arg(required = true, value_name = "SYMBOL")]
    pub symbols: Vec<String>,
    /// How messages travel: protobuf, msgpack or json
    #[arg(long, default_value = "protobuf")]
    pub encoding: Encoding,
    /// Whether the server may compress: none or deflate
    #[arg(long, default_value = "none")]
    pub compression: Compression,
    /// At most one update in so many milliseconds, 10 to 60000
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u32).range(10..=60_000))]
    pub interval_ms: Option<u32>,
    /// With https://: the authorities to trust, certificates in PEM [default: those that browsers trust]
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Credentials, where the server wants some
    #[arg(long, env = "TICKWIRE_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
    /// Stop after so many lines (a terminal then shows lines too)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
}

/// Why `watch` failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum WatchError {
    /// The URL or the token cannot be used.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// A symbol that is none.
    #[error(transparent)]
    Subscriber(#[from] SubscriberError),
    /// The server refused a symbol or the whole request.
    #[error("{0}")]
    Refused(String),
    /// The server is not worth trying again.
    #[error("{0}")]
    GaveUp(Disconnect),
    /// Stdout does not take what is written.
    #[error("cannot write: {0}")]
    Write(#[source] io::Error),
}

impl WatchError {
    /// Whether the user has to write something else.
    pub(super) fn is_usage(&self) -> bool {
        matches!(self, WatchError::Options(_) | WatchError::Subscriber(_))
    }
}

/// Shows symbols until `stop`, the count or the end of the reader behind a pipe.
///
/// # Errors
/// Where nothing can be shown: wrong URL, wrong symbol, or a server that refuses.
pub(super) async fn run(args: WatchArgs, stop: CancellationToken) -> Result<(), WatchError> {
    let is_screen = io::stdout().is_terminal() && !args.json && args.count.is_none();
    let shown = show(&args, is_screen, io::stdout(), &stop).await;
    match shown {
        // The reader has seen enough: `watch … | head` is no failure.
        Err(WatchError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

async fn show<W: Write + Send + 'static>(
    args: &WatchArgs,
    is_screen: bool,
    out: W,
    stop: &CancellationToken,
) -> Result<(), WatchError> {
    let mut options = Options::new(&args.url)?
        .encoding(args.encoding)
        .compression(args.compression);
    if let Some(ms) = args.interval_ms {
        options = options.interval_ms(ms);
    }
    if let Some(file) = &args.ca_file {
        options = options.ca_file(file)?;
    }
    if let Some(token) = &args.token {
        options = options.token(token)?;
    }
    let subscriber = Subscriber::new(options);
    subscriber.subscribe(&args.symbols).await?;
    let mut watch = Watch {
        subscriber,
        sink: Sink { out: Some(out) },
        screen: is_screen.then(Screen::new),
        is_json: args.json,
        left: args.count,
    };
    let ended = tokio::select! {
        () = stop.cancelled() => Ok(()),
        ended = watch.run() => ended,
    };
    if let (Some(screen), Some(out)) = (&watch.screen, &mut watch.sink.out) {
        let _ = out.write_all(screen.leave().as_bytes()).and_then(|()| out.flush());
    }
    ended
}

/// Where text goes. Writing blocks where a pipe's reader does, so it is done beside the runtime's threads: `stop`
/// is heard meanwhile, and the subscriber conflates.
struct Sink<W> {
    out: Option<W>,
}

impl<W: Write + Send + 'static> Sink<W> {
    async fn write(&mut self, text: String) -> Result<(), WatchError> {
        let Some(mut out) = self.out.take() else {
            return Ok(());
        };
        let write = move || {
            let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
            (out, written)
        };
        let (out, written) = match tokio::task::spawn_blocking(write).await {
            Ok(done) => done,
            Err(error) => return Err(WatchError::Write(io::Error::other(error))),
        };
        self.out = Some(out);
        written.map_err(WatchError::Write)
    }
}

struct Watch<W> {
    subscriber: Subscriber,
    sink: Sink<W>,
    screen: Option<Screen>,
    is_json: bool,
    /// Lines still to be written.
    left: Option<u64>,
}

impl<W: Write + Send + 'static> Watch<W> {
    async fn run(&mut self) -> Result<(), WatchError> {
        let mut redraw = interval(REDRAW);
        redraw.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                notice = self.subscriber.next() => match notice {
                    Some(notice) => self.take(notice).await?,
                    None => return Ok(()),
                },
                _ = redraw.tick(), if self.screen.is_some() => self.draw().await?,
            }
            if self.left == Some(0) {
                return Ok(());
            }
        }
    }

    async fn take(&mut self, notice: Notice) -> Result<(), WatchError> {
        match notice {
            Notice::Changed(changed) => return self.changed(changed).await,
            Notice::Rejected { symbol, message, .. } => {
                return Err(WatchError::Refused(format!("{symbol}: {message}")));
            }
            Notice::ServerError { message, .. } => return Err(WatchError::Refused(message)),
            Notice::GaveUp(reason) => return Err(WatchError::GaveUp(reason)),
            other => {
                if let Some(sentence) = lines::sentence(&other) {
                    match &mut self.screen {
                        Some(screen) => screen.say(&other, sentence),
                        // Stderr may be closed; what is shown on stdout goes on.
                        None => drop(writeln!(io::stderr(), "{sentence}")),
                    }
                }
            }
        }
        Ok(())
    }

    async fn changed(&mut self, changed: Changed) -> Result<(), WatchError> {
        if self.screen.is_some() {
            return Ok(());
        }
        let most = self
            .left
            .map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
        let (text, count) = lines::changed(&self.subscriber.view(), &changed, self.is_json, most);
        self.left = self.left.map(|n| n.saturating_sub(count as u64));
        if text.is_empty() {
            Ok(())
        } else {
            self.sink.write(text).await
        }
    }

    async fn draw(&mut self) -> Result<(), WatchError> {
        let Some(screen) = &mut self.screen else {
            return Ok(());
        };
        let Some(text) = screen.draw(&self.subscriber.view()) else {
            return Ok(());
        };
        self.sink.write(text).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        let error = show(&args, false, Vec::new(), &stop).await.expect_err("no symbol");
        assert!(error.to_string().contains("a symbol is `venue:NAME`"), "{error}");
        let args = parse(&["gopher://h", "a:B"]).expect("flags");
        let error = show(&args, false, Vec::new(), &stop).await.expect_err("no such scheme");
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

    async fn watch(words: &[&str], answer: Snapshot) -> (Result<(), WatchError>, String) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let server = tokio::spawn(serve(listener, answer));
        let args = parse(&[&[url.as_str()], words].concat()).expect("flags");
        let (written, stop) = (Written::default(), CancellationToken::new());
        let shown = show(&args, false, written.clone(), &stop);
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
}
