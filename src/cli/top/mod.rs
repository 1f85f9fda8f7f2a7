//! `tickwire top`: a server's own statistics the way `top` shows a machine's.

use std::io::{self, IsTerminal, Stdout, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use ratatui::crossterm::event::{Event, KeyCode};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tokio_stream::StreamExt;
use tokio_util::sync::CancellationToken;

use super::credentials::CredentialArgs;
use super::link::{self, Link, LinkError};
use super::sink::Sink;
use super::terminal::{FullScreen, events, is_end, pressed};
use crate::client::{Notice, Subscriber};
use board::{Board, CLOCK};
use screen::Choice;

mod board;
mod grid;
mod lines;
mod screen;
#[cfg(test)]
mod tests;
mod words;

/// What is asked for.
const STATISTICS: &str = "$stats:*";

/// Shows a server's own statistics each second: full screen in a terminal, a block of lines in a pipe.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  tickwire top 'http://127.0.0.1:7070'
  tickwire top 'https://feed.example.com' --ca-file 'cert.pem'
  tickwire top 'http://127.0.0.1:7070' --count 1
  tickwire top 'http://127.0.0.1:7070' --json | jq '.stats[\"updates_per_s\"]'

In a pipe a server that cannot be reached ends it with 1; a connection that breaks is made again.

Keys: q end, ? help. The statistics are the instruments '$stats:*'; the README lists them.")]
pub(super) struct TopArgs {
    /// The server, such as http://127.0.0.1:7070
    pub url: String,
    /// With https://: the authorities to trust, certificates in PEM [default: those that browsers trust]
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    #[command(flatten)]
    pub credentials: CredentialArgs,
    /// One JSON object a second
    #[arg(long)]
    pub json: bool,
    /// Stop after so many seconds' figures (a terminal then shows lines too)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
}

/// Shows statistics until `stop`, the count, a key, or the end of the reader behind a pipe.
///
/// # Errors
/// Where nothing can be shown: a wrong URL, or a server that refuses.
pub(super) async fn run(args: TopArgs, stop: CancellationToken) -> Result<(), LinkError> {
    let options = link::options(&args.url, args.ca_file.as_deref(), &args.credentials)?;
    let subscriber = link::subscriber(options, [STATISTICS]).await?;
    let is_screen = io::stdout().is_terminal() && !args.json && args.count.is_none();
    let out = match is_screen {
        true => Out::Screen(Box::new(Screen::take().map_err(LinkError::Write)?)),
        false => Out::Lines {
            sink: Sink::stdout(),
            is_json: args.json,
            left: args.count,
        },
    };
    let mut top = Top {
        subscriber,
        board: Board::new(&args.url),
        out,
        said: String::new(),
    };
    let ended = tokio::select! {
        () = stop.cancelled() => Ok(()),
        ended = top.run() => ended,
    };
    LinkError::forgiven(ended)
}

/// Where it is shown.
enum Out {
    Screen(Box<Screen>),
    Lines {
        sink: Sink<Stdout>,
        is_json: bool,
        /// Blocks still to be written; without end where absent.
        left: Option<u64>,
    },
}

struct Screen {
    full: FullScreen,
    events: mpsc::Receiver<Event>,
    choice: Choice,
}

impl Screen {
    fn take() -> io::Result<Screen> {
        Ok(Screen {
            full: FullScreen::take()?,
            events: events(),
            choice: Choice::default(),
        })
    }
}

struct Top {
    subscriber: Subscriber,
    board: Board,
    out: Out,
    /// The last sentence about the connection, told once.
    said: String,
}

impl Top {
    async fn run(&mut self) -> Result<(), LinkError> {
        let mut seconds = interval(Duration::from_secs(1));
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_sample = tokio::select! {
                notice = self.subscriber.next() => match notice {
                    Some(notice) => self.notice(notice)?,
                    None => return Ok(()),
                },
                _ = seconds.tick() => self.board.second(Instant::now()),
                event = next_event(&mut self.out) => match self.event(&event) {
                    true => return Ok(()),
                    false => false,
                },
            };
            if self.show(is_sample).await? {
                return Ok(());
            }
        }
    }

    /// Takes a notice; whether it was a sample.
    fn notice(&mut self, notice: Notice) -> Result<bool, LinkError> {
        let now = Instant::now();
        let Board { link, url, .. } = &mut self.board;
        let heard = match self.out {
            Out::Screen(_) => link.hear(notice, url, now)?,
            Out::Lines { .. } => link.hear_unseen(notice, url, now)?,
        };
        match heard {
            Notice::Connected { server, .. } => self.board.server = server,
            Notice::Changed(changed) => {
                let is_sample = changed.is_everything || changed.symbols.contains(CLOCK);
                let view = self.subscriber.view();
                if is_sample && view.get(CLOCK).is_some_and(|clock| clock.values().next().is_some()) {
                    self.board.take(&view, now);
                    return Ok(true);
                }
            }
            _ => {}
        }
        Ok(false)
    }

    /// Does what a key asks; whether it is to end.
    fn event(&mut self, event: &Event) -> bool {
        let Out::Screen(screen) = &mut self.out else {
            return false;
        };
        let Some(key) = pressed(event) else { return false };
        if is_end(&key) {
            return true;
        }
        let choice = &mut screen.choice;
        match key.code {
            KeyCode::Esc => return true,
            KeyCode::Char('?' | 'h') => choice.has_help = !choice.has_help,
            KeyCode::Down | KeyCode::Char('j') => {
                let last = self.board.venues().len().saturating_sub(1);
                choice.above = (choice.above + 1).min(last);
            }
            KeyCode::Up | KeyCode::Char('k') => choice.above = choice.above.saturating_sub(1),
            _ => {}
        }
        false
    }

    /// Shows what is new; whether that was all that was asked for.
    async fn show(&mut self, is_sample: bool) -> Result<bool, LinkError> {
        let (board, now) = (&self.board, Instant::now());
        match &mut self.out {
            Out::Screen(screen) => {
                let Screen { full, choice, .. } = &mut **screen;
                let drawn = full.draw(|frame| screen::draw(frame, board, choice, now));
                drawn.map_err(LinkError::Write)?;
            }
            Out::Lines { sink, is_json, left } => {
                // Once for each cause, though the time in it goes on.
                let sentence = match &board.link {
                    Link::Lost { why, .. } => format!("{}: {why}; trying again", board.url),
                    _ => words::connection(board, now),
                };
                if sentence != self.said {
                    // Stderr may be closed; what is shown on stdout goes on.
                    let _ = writeln!(io::stderr(), "{}", super::figures::printable(&sentence));
                    self.said = sentence;
                }
                if is_sample {
                    let text = match is_json {
                        true => lines::json(board, now),
                        false => lines::plain(board, now),
                    };
                    sink.write(text).await.map_err(LinkError::Write)?;
                    *left = left.map(|left| left - 1);
                    return Ok(*left == Some(0));
                }
            }
        }
        Ok(false)
    }
}

/// The next key, or change of the screen's size; for ever where there is no screen.
async fn next_event(out: &mut Out) -> Event {
    if let Out::Screen(screen) = out
        && let Some(event) = screen.events.recv().await
    {
        return event;
    }
    std::future::pending().await
}
