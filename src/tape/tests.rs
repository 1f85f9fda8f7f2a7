//! What the tests of captures and tapes share: a folder, and a disk that runs full.

use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use super::sink::{Create, Sink};

/// An empty folder, removed at the end.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("tickwire-tape-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Folder(path)
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The names of its files, in order.
    pub(super) fn names(&self) -> Vec<String> {
        let entries = self.0.read_dir().expect("the folder").map(|e| e.expect("an entry"));
        let mut names: Vec<_> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A disk in memory of one file, with so much room.
#[derive(Clone)]
pub(super) struct SmallDisk(Arc<Mutex<State>>);

struct State {
    bytes: Vec<u8>,
    room: usize,
}

impl SmallDisk {
    pub(super) fn new(room: usize) -> SmallDisk {
        SmallDisk(Arc::new(Mutex::new(State {
            bytes: Vec::new(),
            room,
        })))
    }

    pub(super) fn create(&self) -> Create {
        let disk = self.clone();
        Box::new(move |_: &Path| Ok(Box::new(disk.clone())))
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.0.lock().expect("no panic").bytes.clone()
    }

    pub(super) fn make_room(&self) {
        self.0.lock().expect("no panic").room = usize::MAX;
    }
}

impl Write for SmallDisk {
    /// Takes what there is room for, as a disk does, and the next time nothing.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.lock().expect("no panic");
        let taken = bytes.len().min(state.room - state.bytes.len().min(state.room));
        if taken == 0 && !bytes.is_empty() {
            return Err(ErrorKind::StorageFull.into());
        }
        state.bytes.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for SmallDisk {
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}
