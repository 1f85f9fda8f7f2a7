//! A terminal for the real binary: what it draws, and the keys that are pressed.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use super::eventually;
use super::process::command;

const COLUMNS: u16 = 100;
const ROWS: u16 = 30;

/// `tickwire` on a terminal of 100 by 30; killed when dropped.
pub(crate) struct OnTerminal {
    child: Child,
    keys: File,
    program: File,
    drawn: Arc<Mutex<String>>,
}

impl OnTerminal {
    pub(crate) fn spawn(args: &[&str]) -> OnTerminal {
        OnTerminal::spawn_with(args, &[])
    }

    /// With these variables set.
    pub(crate) fn spawn_with(args: &[&str], env: &[(&str, &str)]) -> OnTerminal {
        let shown = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&shown).and_then(|()| unlockpt(&shown)).expect("a terminal");
        let size = Winsize {
            ws_row: ROWS,
            ws_col: COLUMNS,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&shown, size).expect("a size");
        let name = ptsname(&shown, Vec::new())
            .expect("its name")
            .into_string()
            .expect("UTF-8");
        let program = OpenOptions::new().read(true).write(true).open(name).expect("its file");
        let end = || Stdio::from(program.try_clone().expect("the same file"));
        let mut command = command(args);
        command.env_remove("NO_COLOR").envs(env.iter().copied());
        let child = command
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .expect("the binary starts");
        let keys = File::from(shown);
        let drawn = Arc::new(Mutex::new(String::new()));
        let (mut reader, writer) = (keys.try_clone().expect("the same file"), drawn.clone());
        thread::spawn(move || {
            let mut bytes = [0; 65_536];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                let text = String::from_utf8_lossy(&bytes[..count]);
                writer.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text);
            }
        });
        OnTerminal {
            child,
            keys,
            program,
            drawn,
        }
    }

    /// Sends a signal to this process and no other.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.expect("kill runs").success(), "the process is there");
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("keys are taken");
    }

    /// All that was written so far.
    pub(crate) fn drawn(&self) -> String {
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until something is written, behind so many bytes; says where it ends.
    pub(crate) fn until(&self, after: usize, part: &str) -> usize {
        eventually(part, || {
            let drawn = self.drawn();
            let found = drawn.get(after..)?.find(part)?;
            Some(after + found + part.len())
        })
    }

    /// Waits until something stands on the screen.
    pub(crate) fn until_shown(&self, part: &str) {
        eventually(part, || shown(&self.drawn()).contains(part).then_some(()));
    }

    /// Waits for its end: its exit code, once the terminal is as it was before.
    pub(crate) fn wait(mut self) -> Option<i32> {
        let status = eventually("its end", || self.child.try_wait().expect("a child"));
        let modes = tcgetattr(&self.program).expect("a terminal").local_modes;
        assert!(
            modes.contains(LocalModes::ICANON | LocalModes::ECHO),
            "keys are shown again"
        );
        for (taken, given_back) in [("\x1b[?1049h", "\x1b[?1049l"), ("\x1b[?25l", "\x1b[?25h")] {
            let drawn = self.drawn();
            eventually(given_back, || {
                (self.drawn().rfind(given_back) > self.drawn().rfind(taken)).then_some(())
            });
            assert_eq!(drawn.matches("\x1b[?1049h").count(), 1, "taken once");
        }
        status.code()
    }
}

impl Drop for OnTerminal {
    fn drop(&mut self) {
        // Fails only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let drawn = self.drawn();
            let newest = drawn.char_indices().rev().nth(5_000).map_or(0, |(at, _)| at);
            eprintln!("drawn last:\n{:?}", &drawn[newest..]);
        }
    }
}

/// What stands on the screen after all of it, line by line: only as much of a terminal as is used here.
fn shown(drawn: &str) -> String {
    let mut cells = vec![vec![' '; usize::from(COLUMNS)]; usize::from(ROWS)];
    let (mut x, mut y) = (0, 0);
    let mut rest = drawn;
    while let Some(next) = rest.chars().next() {
        rest = &rest[next.len_utf8()..];
        if next != '\u{1b}' {
            if let Some(cell) = cells.get_mut(y).and_then(|row: &mut Vec<char>| row.get_mut(x)) {
                *cell = next;
            }
            x += 1;
        } else if let Some((numbers, order)) = sequence(&mut rest) {
            match order {
                'H' => {
                    let mut at = numbers.split(';').map(|n| n.parse::<usize>().unwrap_or(1) - 1);
                    (y, x) = (at.next().unwrap_or(0), at.next().unwrap_or(0));
                }
                'J' => cells.iter_mut().for_each(|row| row.fill(' ')),
                _ => {}
            }
        }
    }
    let lines = cells.into_iter().map(|row| row.into_iter().collect::<String>());
    lines.collect::<Vec<_>>().join("\n")
}

/// Takes a control sequence: what stands in it, and the letter at its end; `None` where it is cut.
fn sequence<'a>(rest: &mut &'a str) -> Option<(&'a str, char)> {
    let text = rest.strip_prefix('[')?;
    let end = text.find(|c: char| c.is_ascii_alphabetic())?;
    let order = text[end..].chars().next()?;
    *rest = &text[end + 1..];
    Some((&text[..end], order))
}
