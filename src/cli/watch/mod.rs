//! `tickwire watch`: what a subscriber sees, as a live table, plain lines or JSON.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use futures_util::FutureExt;
use ratatui::crossterm::event::Event;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tokio_stream::StreamExt;
use tokio_util::sync::CancellationToken;

use super::credentials::CredentialArgs;
use super::link::{self, Link, LinkError};
use super::sink::Sink;
use super::terminal::{FullScreen, events, pressed};
use crate::client::{Changed, Notice, Subscriber};
use crate::wire::{Compression, Encoding};
use board::Board;

mod age;
mod board;
mod choice;
mod columns;
mod lines;
mod past;
mod picture;
mod screen;
#[cfg(test)]
mod tests;
mod traffic;
mod words;

/// At most 20 pictures a second: more than the eye follows, less than a slow terminal minds.
const PICTURE: Duration = Duration::from_millis(50);
/// Ages move on though nothing came.
const PICTURE_AT_LEAST: Duration = Duration::from_secs(1);

/// Notices taken for one picture, four times as many as wait at most: a flood of them does not hold it up.
const NOTICES_A_PICTURE: usize = 1_024;

/// Shows symbols as they change: a live table in a terminal, a line for each change in a pipe.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  tickwire watch 'http://127.0.0.1:7070' 'synthetic:*'
  tickwire watch 'ws://127.0.0.1:7070' 'binance:BTCUSDT' 'kraken:BTC/USD'
  tickwire watch 'http://127.0.0.1:7070' 'binance:*USDT' --json | jq .last_price
  tickwire watch 'http://127.0.0.1:7070' '$stats:*' --interval-ms 1000

In a pipe a server that cannot be reached ends it with 1; a connection that breaks is made again.

Keys of the table: q end, arrows, page up and down, home and end move, s sort, r the other way round, / filter,
space hold still, ? help. The wider the terminal, the more columns. NO_COLOR is heard.")]
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
    #[command(flatten)]
    pub credentials: CredentialArgs,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
    /// Stop after so many lines (a terminal then shows lines too)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
}

/// Shows symbols until `stop`, the count or the end of the reader behind a pipe.
///
/// # Errors
/// Where nothing can be shown: wrong URL, wrong symbol, or a server that refuses.
pub(super) async fn run(args: WatchArgs, stop: CancellationToken) -> Result<(), LinkError> {
    let is_screen = io::stdout().is_terminal() && !args.json && args.count.is_none();
    let out = (!is_screen).then(io::stdout);
    let shown = show(&args, out, &stop).await;
    LinkError::forgiven(shown)
}

/// On `out` as lines, else on the whole screen.
async fn show<W: Write + Send + 'static>(
    args: &WatchArgs,
    out: Option<W>,
    stop: &CancellationToken,
) -> Result<(), LinkError> {
    let mut options = link::options(&args.url, args.ca_file.as_deref(), &args.credentials)?
        .encoding(args.encoding)
        .compression(args.compression);
    if let Some(ms) = args.interval_ms {
        options = options.interval_ms(ms);
    }
    let subscriber = link::subscriber(options, &args.symbols).await?;
    let shown = async {
        match out {
            None => Screen::take(args, subscriber)?.run().await,
            Some(out) => {
                let lines = Lines {
                    subscriber,
                    url: &args.url,
                    link: Link::Connecting,
                    sink: Sink::new(out),
                    is_json: args.json,
                    left: args.count,
                };
                lines.run().await
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => Ok(()),
        ended = shown => ended,
    }
}

/// A line for each change.
struct Lines<'a, W> {
    subscriber: Subscriber,
    url: &'a str,
    link: Link,
    sink: Sink<W>,
    is_json: bool,
    /// Lines still to be written; without end where absent.
    left: Option<u64>,
}

impl<W: Write + Send + 'static> Lines<'_, W> {
    async fn run(mut self) -> Result<(), LinkError> {
        while let Some(notice) = self.subscriber.next().await {
            match self.link.hear_unseen(notice, self.url, Instant::now())? {
                Notice::Changed(changed) => self.changed(&changed).await?,
                other => {
                    if let Some(sentence) = lines::sentence(&other) {
                        // Stderr may be closed; what is shown on stdout goes on.
                        let _ = writeln!(io::stderr(), "{sentence}");
                    }
                }
            }
            if self.left == Some(0) {
                break;
            }
        }
        Ok(())
    }

    async fn changed(&mut self, changed: &Changed) -> Result<(), LinkError> {
        let most = self
            .left
            .map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
        let (text, count) = lines::changed(&self.subscriber.view(), changed, self.is_json, most);
        self.left = self.left.map(|n| n.saturating_sub(count as u64));
        match text.is_empty() {
            true => Ok(()),
            false => self.sink.write(text).await.map_err(LinkError::Write),
        }
    }
}

/// A table on the whole screen.
struct Screen {
    subscriber: Subscriber,
    full: FullScreen,
    events: mpsc::Receiver<Event>,
    board: Board,
    /// When the newest picture was drawn, unless something has come since.
    drawn: Option<Instant>,
}

impl Screen {
    fn take(args: &WatchArgs, subscriber: Subscriber) -> Result<Screen, LinkError> {
        let encoding = match args.compression {
            Compression::None => args.encoding.to_string(),
            Compression::Deflate => format!("{} deflated", args.encoding),
        };
        Ok(Screen {
            subscriber,
            full: FullScreen::take().map_err(LinkError::Write)?,
            events: events(),
            board: Board::new(&args.url, encoding, Instant::now()),
            drawn: None,
        })
    }

    /// What comes between two pictures is taken together: the subscriber conflates it meanwhile.
    async fn run(mut self) -> Result<(), LinkError> {
        let mut pictures = interval(PICTURE);
        pictures.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            pictures.tick().await;
            if self.keys() || self.notices()? {
                return Ok(());
            }
            let now = Instant::now();
            let is_late = |drawn: Instant| now.saturating_duration_since(drawn) >= PICTURE_AT_LEAST;
            if self.drawn.is_none_or(is_late) || self.board.is_moving(now) {
                self.draw(now)?;
            }
        }
    }

    /// Does what keys ask; whether that is to end.
    fn keys(&mut self) -> bool {
        while let Ok(event) = self.events.try_recv() {
            // A change of the size is drawn too.
            self.drawn = None;
            if pressed(&event).is_some_and(|key| self.board.choice.press(&key)) {
                return true;
            }
        }
        false
    }

    /// Takes what has come; whether the subscriber has ended.
    fn notices(&mut self) -> Result<bool, LinkError> {
        for _ in 0..NOTICES_A_PICTURE {
            let Some(notice) = self.subscriber.next().now_or_never() else {
                break;
            };
            let Some(notice) = notice else { return Ok(true) };
            self.drawn = None;
            match self
                .board
                .stream
                .link
                .hear(notice, &self.board.stream.url, Instant::now())?
            {
                Notice::Connected {
                    server,
                    interval_ms,
                    is_tape,
                    ..
                } => {
                    (self.board.stream.server, self.board.stream.interval_ms) = (server, Some(interval_ms));
                    self.board.ages.connected(is_tape);
                }
                Notice::Changed(changed) => {
                    self.board.changed(&self.subscriber.view(), &changed);
                    // The next would be of what came while this was looked at.
                    break;
                }
                _ => {}
            }
        }
        Ok(false)
    }

    fn draw(&mut self, now: Instant) -> Result<(), LinkError> {
        let size = self.full.size().map_err(LinkError::Write)?;
        let picture = {
            let view = self.subscriber.view();
            self.board.take(&view, self.subscriber.received_bytes(), now);
            self.board.picture(&view, now, size)
        };
        self.drawn = Some(now);
        let drawn = self.full.draw(|frame| screen::draw(frame, &picture));
        drawn.map_err(LinkError::Write)
    }
}
