//! The folder on a real disk.

use std::fs;
use std::path::PathBuf;

use super::super::{Checkpoint, Folder, StateError};
use super::world::epoch;
use crate::market::Ts;
use crate::store::Versioned;

/// A folder that is empty, and removed at the end.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Dir {
        let path = std::env::temp_dir().join(format!("tickwire-state-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a folder");
        Dir(path)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("a folder");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn final_checkpoint() -> Checkpoint {
    Checkpoint {
        epoch: epoch(9),
        is_final: true,
        taken: Ts(1),
        state: Versioned::default(),
    }
}

#[test]
fn what_a_clean_stop_promised_holds_for_one_start() {
    let dir = Dir::new("promise");
    let path = dir.0.join("made/too");
    let (folder, none) = Folder::open(&path).expect("a name that is free");
    assert_eq!(none, None);
    folder.write(&final_checkpoint().encode()).expect("room");
    drop(folder);
    let (folder, there) = Folder::open(&path).expect("the folder");
    assert_eq!(there, Some(final_checkpoint()));
    let timeline = folder.begin(there.as_ref(), epoch(10), 10, Ts(2)).expect("room");
    assert_eq!(timeline.epoch, epoch(9));
    drop(folder);
    let (_, there) = Folder::open(&path).expect("the folder");
    assert_eq!(
        there.map(|there| there.is_final),
        Some(false),
        "a crash comes before any checkpoint"
    );
}

#[test]
fn a_file_that_cannot_be_used_is_set_aside_with_its_reason_and_lost_by_nobody() {
    let damaged = {
        let mut bytes = final_checkpoint().encode();
        bytes[20] ^= 1;
        bytes
    };
    for (word, bytes) in [("foreign", b"hello".to_vec()), ("damaged", damaged)] {
        let dir = Dir::new(word);
        fs::write(dir.0.join("store.state"), &bytes).expect("written");
        let (_folder, none) = Folder::open(&dir.0).expect("it begins");
        assert_eq!(none, None);
        let names = dir.names();
        let beginning = format!("store.state.{word}-");
        let aside = names.iter().find(|name| name.starts_with(&beginning));
        let aside = aside.unwrap_or_else(|| panic!("{names:?}"));
        assert_eq!(fs::read(dir.0.join(aside)).expect("it is there"), bytes);
        assert!(!names.contains(&"store.state".to_owned()), "{names:?}");
    }
}

#[test]
fn a_folder_is_one_processs_until_it_lets_go_of_it() {
    let dir = Dir::new("lock");
    let (folder, _) = Folder::open(&dir.0).expect("a folder");
    let second = Folder::open(&dir.0).expect_err("in use");
    assert!(matches!(second, StateError::InUse { .. }), "{second}");
    drop(folder);
    assert!(Folder::open(&dir.0).is_ok());
}

#[test]
fn a_name_that_is_no_folder_is_a_wrong_setting() {
    let dir = Dir::new("file");
    let file = dir.0.join("file");
    fs::write(&file, b"").expect("written");
    let error = Folder::open(&file).expect_err("a file");
    assert!(error.is_usage(), "{error}");
}

#[test]
fn what_cannot_be_written_leaves_the_file_as_it_was() {
    let dir = Dir::new("fails");
    let (folder, _) = Folder::open(&dir.0).expect("a folder");
    let bytes = final_checkpoint().encode();
    folder.write(&bytes).expect("room");
    // Where the new file is to be made, something else stands.
    fs::create_dir(dir.0.join("store.state.new")).expect("a folder");
    folder.write(b"other").expect_err("not made");
    assert_eq!(fs::read(dir.0.join("store.state")).expect("it is there"), bytes);
    fs::remove_dir(dir.0.join("store.state.new")).expect("empty");
    folder.write(&bytes).expect("well again");
    // Removed and made again: another process may have taken it.
    fs::remove_dir_all(&dir.0).expect("removed");
    folder.write(&bytes).expect_err("no folder");
    fs::create_dir(&dir.0).expect("made again");
    let (other, _) = Folder::open(&dir.0).expect("taken by another");
    let error = folder.write(&bytes).expect_err("no longer ours");
    assert!(error.to_string().contains("lock"), "{error}");
    other.write(&bytes).expect("it is the other's");
}
