//! The real binary as a process of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread;

use super::output::Output;
use super::skipped;

/// A new directory for one process, which removes it.
pub(crate) fn directory() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("test-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&path).expect("a directory for the test");
    path
}

/// The same with a file in it.
pub(crate) fn directory_with((name, content): (&str, &[u8])) -> PathBuf {
    let directory = directory();
    std::fs::write(directory.join(name), content).expect("written");
    directory
}

/// `tickwire` with these arguments and pipes; nothing in the environment of whoever runs the test sets anything.
pub(crate) fn command(args: &[&str]) -> Command {
    command_of(env!("CARGO_BIN_EXE_tickwire"), args)
}

fn command_of(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    let own = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TICKWIRE_"));
    own.for_each(|(name, _)| {
        command.env_remove(name);
    });
    command.args(args).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs `tickwire` to its end.
pub(crate) fn run(args: &[&str]) -> Ended {
    Process::spawn(args).wait()
}

/// A running `tickwire`; killed when dropped, and its log is shown if the test has failed.
pub(crate) struct Process {
    child: Child,
    directory: PathBuf,
    out: Output,
    err: Output,
}

/// What a process left behind: its exit code, and what nobody had read by then.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Process {
    /// Starts it in an empty directory.
    pub(crate) fn spawn(args: &[&str]) -> Process {
        Process::spawn_in(directory(), args, &[])
    }

    /// Starts it in a directory, which is removed at the end, with these variables set.
    pub(crate) fn spawn_in(directory: PathBuf, args: &[&str], env: &[(&str, &str)]) -> Process {
        // Shown where the test fails; the feeds' seeds stand in it.
        eprintln!("running {args:?}");
        let mut command = command(args);
        command.envs(env.iter().copied());
        Process::start(directory, command)
    }

    /// Starts it in an empty directory, with a pipe for what it reads from standard input.
    pub(crate) fn spawn_piped(args: &[&str]) -> (Process, ChildStdin) {
        let mut command = command(args);
        command.stdin(Stdio::piped());
        let mut process = Process::start(directory(), command);
        let stdin = process.child.stdin.take().expect("piped");
        (process, stdin)
    }

    /// Starts it in an empty directory, on a disk that takes so many blocks of 512 bytes of a file and no more.
    pub(crate) fn spawn_on_small_disk(blocks: u32, args: &[&str]) -> Process {
        // Who ignores the signal is told by the write, as by a disk that is full.
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        Process::spawn_in_shell(&script, args)
    }

    /// Starts it in an empty directory with a bound on its open files, which it cannot raise.
    pub(crate) fn spawn_with_few_files(files: u32, args: &[&str]) -> Process {
        Process::spawn_in_shell(&format!("ulimit -n {files}; exec \"$0\" \"$@\""), args)
    }

    fn spawn_in_shell(script: &str, args: &[&str]) -> Process {
        let program = ["-c", script, env!("CARGO_BIN_EXE_tickwire")];
        eprintln!("running {args:?} with `{script}`");
        Process::start(directory(), command_of("sh", &[&program, args].concat()))
    }

    /// Its number among the system's processes.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where it runs.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    fn start(directory: PathBuf, mut command: Command) -> Process {
        let mut child = command.current_dir(&directory).spawn().expect("the binary starts");
        let out = Output::of(child.stdout.take().expect("piped"));
        let err = Output::of(child.stderr.take().expect("piped"));
        Process {
            child,
            directory,
            out,
            err,
        }
    }

    /// The next line of standard output.
    pub(crate) fn line(&self) -> String {
        let line = self.out.next();
        line.unwrap_or_else(|| panic!("no line on stdout; log:\n{}", self.err.all()))
    }

    /// The next line of the log that contains a part.
    pub(crate) fn log_line(&self, part: &str) -> String {
        self.err.next_with(part)
    }

    /// Sends a signal to this process and no other.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.expect("kill runs").success(), "the process is there");
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait(mut self) -> Ended {
        let (out, err) = (self.out.rest(), self.err.rest());
        let code = self.child.wait().expect("its pipes are closed, so it has ended").code();
        Ended { code, out, err }
    }

    /// SIGKILL: no goodbye.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it was running");
        self.child.wait().expect("a child's status");
    }

    /// Descriptors that it has open; 0, said aloud, where there is no `/proc` to count them in.
    pub(crate) fn descriptors(&self) -> usize {
        let path = format!("/proc/{}/fd", self.child.id());
        let Ok(entries) = std::fs::read_dir(&path) else {
            skipped(&format!("{path} cannot be read, so descriptors are not counted"));
            return 0;
        };
        entries.count()
    }

    /// Resident memory in bytes; `None`, said aloud, where there is no `/proc` to read it from.
    pub(crate) fn resident_bytes(&self) -> Option<u64> {
        let path = format!("/proc/{}/status", self.child.id());
        let Ok(status) = std::fs::read_to_string(&path) else {
            skipped(&format!("{path} cannot be read, so memory is not looked at"));
            return None;
        };
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        Some(kib.expect("a process that has not ended has a VmRSS in kB") * 1_024)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The first two fail only where it has ended already; a directory is left in the build's folder at worst.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
        if thread::panicking() {
            eprintln!("its log:\n{}", self.err.all());
        }
    }
}
