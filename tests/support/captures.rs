//! Recordings: the real ones, where there are any, and small ones that a test writes itself.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::skipped;

/// The file in the folder that `TICKWIRE_CAPTURES` names; `None`, said aloud, where it is not there.
pub(crate) fn real(file: &str) -> Option<PathBuf> {
    let path = std::env::var_os("TICKWIRE_CAPTURES").map(|folder| PathBuf::from(folder).join(file));
    let found = path.filter(|p| p.exists());
    if found.is_none() {
        skipped(&format!("{file} is in no folder that TICKWIRE_CAPTURES names"));
    }
    found
}

/// The project's own recording, which everybody has.
pub(crate) fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("feeds/demo.capture.gz")
}

/// The text of a capture.
pub(crate) fn text(path: &Path) -> String {
    let file = std::fs::File::open(path).expect("the capture opens");
    let mut text = String::new();
    GzDecoder::new(file).read_to_string(&mut text).expect("gzip of UTF-8");
    text
}

/// Writes a capture of Binance of these frames, received one every `every_ms`; its folder is the build's.
pub(crate) fn write(name: &str, every_ms: u64, frames: &[String]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}.capture.gz", std::process::id()));
    let file = std::fs::File::create(&path).expect("a file in the build's folder");
    let mut gzip = GzEncoder::new(file, Compression::fast());
    writeln!(gzip, "#tickwire-capture 1 venue=binance").expect("written");
    for (at, frame) in frames.iter().enumerate() {
        let ts = 1_700_000_000_000_000_000 + at as u64 * every_ms * 1_000_000;
        writeln!(gzip, "{ts} {frame}").expect("written");
    }
    gzip.finish().expect("written");
    path
}

/// A bookTicker frame: update number, symbol, bid price and size, ask price and size.
pub(crate) fn quote(number: u64, symbol: &str, bid: (&str, &str), ask: (&str, &str)) -> String {
    let (b, bs, a, als) = (bid.0, bid.1, ask.0, ask.1);
    format!(r#"{{"u":{number},"s":"{symbol}","b":"{b}","B":"{bs}","a":"{a}","A":"{als}"}}"#)
}

/// The feed that replays a file, with options such as `speed=50`.
pub(crate) fn replay(path: &Path, options: &str) -> String {
    let text = path.to_str().expect("a path in UTF-8");
    let encoded: String = text
        .bytes()
        .map(|b| match b {
            b'?' | b'%' | b'&' => format!("%{b:02X}"),
            _ => char::from(b).to_string(),
        })
        .collect();
    format!("replay:{encoded}?{options}")
}
