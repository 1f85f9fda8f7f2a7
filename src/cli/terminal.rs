//! A terminal's whole screen, taken and given back, its keys, and what pictures on it are made of.

use std::io::{self, Stdout};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Padding, Paragraph};
use ratatui::{Frame, Terminal};
use tokio::sync::mpsc;

/// Longer lines of help are hard to read.
const HELP_WIDTH: u16 = 72;
/// What a key means is not put beside it in less room.
const MEANING_LEAST: usize = 16;

/// Whether the screen is taken: it is given back once, by whatever ends first.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// The whole screen, as long as this lives. It is given back when dropped, before a panic is told, and by [`give_back`].
pub(super) struct FullScreen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    /// Unless `NO_COLOR` is set.
    has_color: bool,
}

impl FullScreen {
    /// Takes the screen of the terminal on standard output; keys come at once and unseen.
    ///
    /// # Errors
    /// The terminal does not take it; then it is as before.
    pub(super) fn take() -> io::Result<FullScreen> {
        tell_panics_below();
        IS_TAKEN.store(true, SeqCst);
        let taken = enable_raw_mode()
            .and_then(|()| execute!(io::stdout(), EnterAlternateScreen, Hide))
            .and_then(|()| Terminal::new(CrosstermBackend::new(io::stdout())));
        let terminal = taken.inspect_err(|_| give_back())?;
        let has_color = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Ok(FullScreen { terminal, has_color })
    }

    /// Columns and lines.
    ///
    /// # Errors
    /// The terminal has gone.
    pub(super) fn size(&self) -> io::Result<(u16, u16)> {
        self.terminal.size().map(|size| (size.width, size.height))
    }

    /// Draws one picture; what is the same as before is not written.
    ///
    /// # Errors
    /// The terminal has gone, or was given back.
    pub(super) fn draw(&mut self, picture: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        if !IS_TAKEN.load(SeqCst) {
            return Err(io::Error::other("the terminal was given back"));
        }
        let has_color = self.has_color;
        let drawn = self.terminal.draw(|frame| {
            picture(frame);
            if !has_color {
                take_color(frame);
            }
        });
        drawn.map(drop)
    }
}

impl Drop for FullScreen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives the screen back if it is taken: for ends that drop nothing.
pub(super) fn give_back() {
    if IS_TAKEN.swap(false, SeqCst) {
        // Nothing can be done where the terminal has gone.
        let _ = execute!(io::stdout(), LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}

/// A panic is told on the screen that stays.
fn tell_panics_below() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            before(panic);
        }));
    });
}

/// Keys, and changes of the screen's size, from a thread that ends with the process: reading cannot be cancelled.
pub(super) fn events() -> mpsc::Receiver<Event> {
    let (sender, receiver) = mpsc::channel(16);
    thread::spawn(move || {
        while let Ok(event) = event::read() {
            if sender.blocking_send(event).is_err() {
                return;
            }
        }
    });
    receiver
}

/// A key that was pressed; its release, where a terminal tells it, is none.
pub(super) fn pressed(event: &Event) -> Option<KeyEvent> {
    event.as_key_event().filter(|key| key.kind != KeyEventKind::Release)
}

/// Whether a key ends the program, wherever it is.
pub(super) fn is_end(key: &KeyEvent) -> bool {
    match key.modifiers.contains(KeyModifiers::CONTROL) {
        true => matches!(key.code, KeyCode::Char('c' | 'd')),
        false => key.code == KeyCode::Char('q'),
    }
}

/// Leaves bold, dim and reversed: they are no colours.
fn take_color(frame: &mut Frame<'_>) {
    for cell in &mut frame.buffer_mut().content {
        (cell.fg, cell.bg) = (Color::Reset, Color::Reset);
    }
}

/// Heads of tables, and keys.
pub(super) fn heading() -> Style {
    Style::new().add_modifier(Modifier::DIM)
}

/// Cells that a text takes.
pub(super) fn cells(text: &str) -> u16 {
    u16::try_from(Span::raw(text).width()).unwrap_or(u16::MAX)
}

/// Puts a line; one that is too long says so at its end.
pub(super) fn put_line(buffer: &mut Buffer, (x, y): (u16, u16), line: &Line<'_>, room: u16) {
    buffer.set_line(x, y, line, room);
    if line.width() > usize::from(room) && room > 0 {
        let style = buffer[(x + room - 1, y)].style();
        buffer.set_stringn(x + room - 1, y, "…", 1, style);
    }
}

/// A name in so many cells. What is too long is cut in the middle, and of its end twice as much is kept: names that
/// stand together begin alike.
pub(super) fn shortened(name: &str, room: usize) -> String {
    if usize::from(cells(name)) <= room {
        return name.to_owned();
    }
    let Some(left) = room.checked_sub(1) else {
        return String::new();
    };
    let fitting = |chars: &mut dyn Iterator<Item = char>, room: usize| -> Vec<char> {
        let mut used = 0;
        let fits = |c: &char| {
            used += usize::from(cells(&c.to_string()));
            used <= room
        };
        chars.take_while(fits).collect()
    };
    let start = fitting(&mut name.chars(), left / 3);
    let end = fitting(&mut name.chars().rev(), left - left / 3);
    start.into_iter().chain(['…']).chain(end.into_iter().rev()).collect()
}

/// A box in the middle, above all else; lines that are too long go on below.
pub(super) fn help(frame: &mut Frame<'_>, lines: &[&str]) {
    let area = frame.area();
    let room = area.width.saturating_sub(4).min(HELP_WIDTH);
    let lines: Vec<String> = lines.iter().flat_map(|line| wrapped(line, usize::from(room))).collect();
    let longest = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let (width, height) = (
        (longest as u16 + 4).min(area.width),
        (lines.len() as u16 + 2).min(area.height),
    );
    let at = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    let lines: Vec<Line<'_>> = lines.into_iter().map(Line::from).collect();
    frame.render_widget(Clear, at);
    let block = Block::bordered().title(" help ").padding(Padding::horizontal(1));
    frame.render_widget(Paragraph::new(lines).block(block), at);
}

/// A line in as many as it needs; a key's meaning goes on below where it begins.
fn wrapped(line: &str, room: usize) -> Vec<String> {
    let begin = line.rfind("  ").map_or(0, |at| at + 2);
    let indent = if begin + MEANING_LEAST <= room { begin } else { 0 };
    let mut lines = Vec::new();
    let mut last = line[..begin].to_owned();
    let mut is_begun = false;
    for word in line[begin..].split(' ') {
        if is_begun && last.chars().count() + 1 + word.chars().count() > room {
            lines.push(std::mem::replace(&mut last, " ".repeat(indent)));
            is_begun = false;
        }
        if is_begun {
            last.push(' ');
        }
        last.push_str(word);
        is_begun = true;
    }
    lines.push(last);
    lines
}

/// What the foot of a sparkline stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// 0, for rates and counts: what is nothing is a space.
    Nought,
    /// The lowest of those shown, for prices.
    Lowest,
}

/// The newest `width` of some values as one line, oldest first: each as high as its share of the way from the base to the
/// highest. What is not known is a space.
pub(super) fn sparkline(values: impl DoubleEndedIterator<Item = Option<f64>>, width: usize, base: Base) -> String {
    const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let mut newest: Vec<Option<f64>> = values.rev().take(width).collect();
    newest.reverse();
    let known = || newest.iter().flatten().copied();
    let (least, most) = (known().fold(f64::MAX, f64::min), known().fold(f64::MIN, f64::max));
    // The highest is 8 of 8; what is next to nothing is one step all the same.
    let step = |share: f64| STEPS[((share * 8.0).ceil() as usize).clamp(1, 8) - 1];
    let bar = |value: &Option<f64>| match (*value, base) {
        (Some(value), Base::Nought) if value > 0.0 => step(value / most),
        (Some(_), Base::Lowest) if least == most => STEPS[3],
        (Some(value), Base::Lowest) => step((value - least) / (most - least)),
        _ => ' ',
    };
    let line: String = newest.iter().map(bar).collect();
    format!("{line:>width$}")
}

#[cfg(test)]
mod tests {
    use std::fs::{File, OpenOptions};
    use std::io::Read;
    use std::process::{Command, Stdio};

    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use rustix::termios::{LocalModes, tcgetattr};

    use super::*;

    /// Set where the test is run once more, by itself, on a terminal.
    const INSIDE: &str = "TICKWIRE_TEST_INSIDE_TERMINAL";

    /// A terminal: what shows it, and what a program writes to.
    fn terminal() -> (File, File) {
        let shown = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&shown).and_then(|()| unlockpt(&shown)).expect("a terminal");
        let name = ptsname(&shown, Vec::new())
            .expect("its name")
            .into_string()
            .expect("UTF-8");
        let written = OpenOptions::new().read(true).write(true).open(name).expect("its file");
        (File::from(shown), written)
    }

    #[test]
    fn a_panic_is_told_on_the_terminal_that_was_there_before() {
        if std::env::var_os(INSIDE).is_some() {
            let mut screen = FullScreen::take().expect("the terminal is taken");
            screen.draw(|_| panic!("as it was meant to")).expect("it panics");
        }
        let (mut shown, written) = terminal();
        let is_as_before = |file: &File| {
            let modes = tcgetattr(file).expect("a terminal").local_modes;
            modes.contains(LocalModes::ICANON | LocalModes::ECHO)
        };
        let other = || Stdio::from(written.try_clone().expect("the same file"));
        let name = concat!(
            module_path!(),
            "::a_panic_is_told_on_the_terminal_that_was_there_before"
        );
        let name = name.split_once("::").expect("a path").1;
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", name, "--nocapture"])
            .env(INSIDE, "1")
            .stdin(other())
            .stdout(other())
            .stderr(other())
            .spawn()
            .expect("it runs again");
        let mut text = String::new();
        let mut bytes = [0; 4_096];
        // The end of the test's own report, which stands behind all else.
        while !text.contains("test result: FAILED") {
            let count = shown.read(&mut bytes).expect("it is written to");
            text.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
        assert!(!child.wait().expect("an end").success());
        let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("no {part:?} in {text:?}"));
        assert!(place("\x1b[?1049h") < place("\x1b[?1049l") && place("\x1b[?25l") < place("\x1b[?25h"));
        assert!(place("\x1b[?1049l") < place("as it was meant to"));
        assert!(is_as_before(&written));
    }

    #[test]
    fn names_that_are_too_long_still_differ_and_fit() {
        for (name, room, want) in [
            ("$stats:venue.kraken.lag_p99_us", 30, "$stats:venue.kraken.lag_p99_us"),
            ("$stats:venue.kraken.lag_p99_us", 20, "$stats…en.lag_p99_us"),
            ("$stats:venue.kraken.lag_p50_us", 20, "$stats…en.lag_p50_us"),
            ("a:日本語の銘柄名前長い", 10, "a:…前長い"),
            ("a:e\u{301}long", 4, "a…ng"),
            ("abc", 1, "…"),
            ("abc", 0, ""),
        ] {
            assert_eq!(shortened(name, room), want);
        }
    }

    #[test]
    fn help_goes_on_below_where_it_is_narrow() {
        assert_eq!(wrapped("up, down  move by a row", 30), ["up, down  move by a row"]);
        assert_eq!(
            wrapped("q  ends this and what else runs", 20),
            ["q  ends this and", "   what else runs"]
        );
        assert_eq!(wrapped("up, down  moves it", 12), ["up, down  moves", "it"]);
        assert_eq!(wrapped("", 12), [""]);
    }

    #[test]
    fn a_sparkline_is_as_wide_as_asked_and_its_highest_is_full() {
        let values = [Some(9e9), Some(0.0), None, Some(1.0), Some(4.0), Some(8.0), Some(-3.0)];
        assert_eq!(sparkline(values.into_iter(), 6, Base::Nought), "  ▁▄█ ");
        assert_eq!(sparkline(values.into_iter().take(1), 3, Base::Nought), "  █");
        assert_eq!(sparkline([].into_iter(), 3, Base::Nought), "   ");
        assert_eq!(
            sparkline([Some(f64::MIN_POSITIVE), Some(1e300)].into_iter(), 2, Base::Nought),
            "▁█"
        );
        let prices = [Some(-2.0), None, Some(6.0), Some(2.0)];
        assert_eq!(sparkline(prices.into_iter(), 5, Base::Lowest), " ▁ █▄");
        assert_eq!(sparkline([Some(7.0), Some(7.0)].into_iter(), 2, Base::Lowest), "▄▄");
    }
}
