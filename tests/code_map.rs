//! The code map in `src/lib.rs` and the code say the same: which room uses which.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

type Arrows = BTreeMap<String, BTreeSet<String>>;

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The words in back quotes.
fn quoted(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split('`').skip(1).step_by(2).map(str::to_owned)
}

/// The table under "Rooms and arrows".
fn map() -> Arrows {
    let text = read(&source().join("lib.rs"));
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! | `"));
    rows.map(|row| {
        let (room, uses) = row.split_once("` |").expect("two columns");
        (room.to_owned(), quoted(uses).collect())
    })
    .collect()
}

/// Every room there is: a folder or a file beside `lib.rs`.
fn rooms() -> BTreeSet<String> {
    let entries = std::fs::read_dir(source())
        .expect("src")
        .map(|entry| entry.expect("an entry").path());
    let names = entries.map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned());
    names.filter(|name| name != "lib" && name != "main").collect()
}

fn files(path: &Path, into: &mut Vec<PathBuf>) {
    if path.is_dir() {
        let entries = std::fs::read_dir(path).expect("a folder");
        entries.for_each(|entry| files(&entry.expect("an entry").path(), into));
    } else if path.extension().is_some_and(|ext| ext == "rs") {
        into.push(path.to_owned());
    }
}

/// Test code may use any room: files of tests, and what stands behind `mod tests {` at the end of a file.
fn is_test_file(path: &Path) -> bool {
    let mut parts = path.components().map(|part| part.as_os_str().to_string_lossy());
    parts.any(|part| {
        matches!(
            &*part,
            "tests" | "tests.rs" | "golden" | "arbitrary.rs" | "assembled.rs" | "checks.rs"
        )
    })
}

/// Code without comments and without its tests.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// Rooms named behind `crate::`, also in `use crate::{a::B, c}`.
fn used(code: &str, rooms: &BTreeSet<String>) -> BTreeSet<String> {
    let word = |text: &str| {
        text.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect::<String>()
    };
    let mut found = BTreeSet::new();
    for (at, path) in code.match_indices("crate::") {
        let rest = &code[at + path.len()..];
        let Some(list) = rest.strip_prefix('{') else {
            found.insert(word(rest));
            continue;
        };
        let (mut depth, mut item) = (0, String::new());
        for c in list.chars() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => drop(found.insert(word(std::mem::take(&mut item).trim()))),
                _ if depth == 0 => item.push(c),
                _ => {}
            }
        }
        found.insert(word(item.trim()));
    }
    found.intersection(rooms).cloned().collect()
}

fn arrows(rooms: &BTreeSet<String>) -> Arrows {
    let mut arrows: Arrows = rooms.iter().map(|room| (room.clone(), BTreeSet::new())).collect();
    let mut all = Vec::new();
    files(&source(), &mut all);
    for path in all {
        let inside = path.strip_prefix(source()).expect("below src");
        let first = inside.iter().next().expect("a name").to_string_lossy();
        let room = first.trim_end_matches(".rs").to_owned();
        if let (Some(own), false) = (arrows.get_mut(&room), is_test_file(inside)) {
            own.extend(
                used(&code(&read(&path)), rooms)
                    .into_iter()
                    .filter(|other| *other != room),
            );
        }
    }
    arrows
}

#[test]
fn every_room_stands_in_the_map() {
    assert_eq!(map().into_keys().collect::<BTreeSet<_>>(), rooms());
}

#[test]
fn the_code_uses_what_the_map_says_no_more_and_no_less() {
    let (map, code) = (map(), arrows(&rooms()));
    for (room, uses) in &code {
        let allowed = map.get(room).cloned().unwrap_or_default();
        let more: Vec<_> = uses.difference(&allowed).collect();
        let less: Vec<_> = allowed.difference(uses).collect();
        assert!(
            more.is_empty(),
            "`{room}` uses {more:?}, which the map in src/lib.rs does not have"
        );
        assert!(
            less.is_empty(),
            "`{room}` does not use {less:?}, which the map in src/lib.rs has"
        );
    }
}

#[test]
fn the_arrows_go_one_way() {
    let mut left = map();
    while !left.is_empty() {
        let free: Vec<String> = left
            .iter()
            .filter(|(_, uses)| uses.is_empty())
            .map(|(room, _)| room.clone())
            .collect();
        assert!(!free.is_empty(), "a circle among {:?}", left.keys());
        left.retain(|room, _| !free.contains(room));
        left.values_mut()
            .for_each(|uses| uses.retain(|room| !free.contains(room)));
    }
}

#[test]
fn feed_and_server_never_meet() {
    let map = map();
    assert!(!map["feed"].contains("server") && !map["server"].contains("feed"));
}

#[test]
fn the_scan_sees_every_form_of_a_use() {
    let rooms = ["a", "b", "c", "d"].map(str::to_owned).into();
    let text = "use crate::{a::{X, Y}, b as z};\nfn f() { crate::c::g(); } // crate::d::h\n#[cfg(test)]\nmod tests {\nuse crate::d;";
    assert_eq!(used(&code(text), &rooms), ["a", "b", "c"].map(str::to_owned).into());
}
