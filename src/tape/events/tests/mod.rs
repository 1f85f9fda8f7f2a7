//! What is taped can be read, exactly, from anywhere, whatever happened to the file.

mod round_trip;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use proptest::prelude::*;

use super::*;
use crate::market::{Symbol, arbitrary};
use crate::tape::Rotation;

/// An empty folder, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("tickwire-events-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Folder(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn symbols() -> Vec<Symbol> {
    let names = ["v0:A", "v0:B/C", "v1:A", "$own:é"];
    names.map(|name| Symbol::parse(name).expect("a symbol")).to_vec()
}

/// Any event with any time; an update's is its own.
fn taped() -> impl Strategy<Value = (Ts, Event)> {
    let event = arbitrary::event(symbols(), -1_000..1_000_000_000_000);
    (event, prop_oneof![9 => 0..2_000_000_000i64, 1 => any::<i64>()]).prop_map(|(mut event, ts)| {
        if let Event::Update(update) = &mut event {
            update.ts_recv = Ts(ts);
        }
        (Ts(ts), event)
    })
}

fn read_all(reader: &mut TapeReader) -> Result<Vec<Taped>, TapeError> {
    let mut out = Vec::new();
    while reader.read(&mut out)? {}
    Ok(out)
}

fn open(path: &Path) -> TapeReader {
    TapeReader::open(path, OnDamage::Stop).expect("a tape")
}
