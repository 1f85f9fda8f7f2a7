//! Kraken's list of instruments as text, so that its numbers stay as they were written.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

/// The snapshot of channel `instrument`.
pub(super) struct Instruments {
    text: String,
    pub(super) symbols: BTreeSet<String>,
}

impl Instruments {
    /// The venue's own snapshot; without a file, one that has nothing but these symbols, with the decimals of Bitcoin.
    pub(super) fn new(file: Option<&Path>, symbols: &BTreeSet<String>) -> Instruments {
        let text = match file {
            Some(file) => compact(&std::fs::read_to_string(file).expect("the instruments are read")),
            None => {
                let pairs = symbols.iter().map(|symbol| {
                    let (base, quote) = symbol.split_once('/').expect("a pair");
                    format!(
                        r#"{{"symbol":"{symbol}","base":"{base}","quote":"{quote}","status":"online","qty_precision":8,"qty_increment":1E-8,"price_precision":1,"price_increment":0.1}}"#
                    )
                });
                let pairs = pairs.collect::<Vec<_>>().join(",");
                format!(r#"{{"channel":"instrument","type":"snapshot","data":{{"assets":[],"pairs":[{pairs}]}}}}"#)
            }
        };
        let read: Value = serde_json::from_str(&text).expect("JSON");
        let pairs = read["data"]["pairs"].as_array().expect("pairs");
        let symbols = pairs
            .iter()
            .filter_map(|pair| pair["symbol"].as_str().map(str::to_owned))
            .collect();
        Instruments { text, symbols }
    }

    pub(super) fn text(&self) -> String {
        self.text.clone()
    }

    /// The same, with other numbers of decimals for these symbols.
    pub(super) fn with_decimals<'a>(&self, of: impl Iterator<Item = &'a String>, price: usize, size: usize) -> String {
        let mut text = self.text();
        for symbol in of {
            let Some(at) = text.find(&format!(r#""symbol":"{symbol}""#)) else {
                continue;
            };
            let end = at + text[at..].find('}').expect("the end of an object");
            let mut pair = text[at..end].to_owned();
            for (key, value) in [
                (r#""price_precision":"#, price.to_string()),
                (r#""qty_precision":"#, size.to_string()),
                (r#""price_increment":"#, format!("1E-{price}")),
                (r#""tick_size":"#, format!("1E-{price}")),
                (r#""qty_increment":"#, format!("1E-{size}")),
            ] {
                let Some(start) = pair.find(key).map(|at| at + key.len()) else {
                    continue;
                };
                let length = pair[start..].find(',').unwrap_or(pair.len() - start);
                pair.replace_range(start..start + length, &value);
            }
            text.replace_range(at..end, &pair);
        }
        text
    }
}

/// JSON without the white space between its parts.
fn compact(text: &str) -> String {
    let mut is_string = false;
    let mut before = ' ';
    let is_kept = |c: &char| {
        if *c == '"' && before != '\\' {
            is_string = !is_string;
        }
        before = *c;
        is_string || !c.is_ascii_whitespace()
    };
    text.chars().filter(is_kept).collect()
}
