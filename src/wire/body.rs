//! A data message's body: fields in ascending order, lists copied together from chunks.

use super::head::{Refused, SnapshotTail};
use super::primitive::*;
use super::words::error_word;
use super::{Chunks, Encoding};

/// What a frame's picks hold, counted before the first byte is written.
#[derive(Default)]
pub(super) struct Sections {
    removed: usize,
    instruments: usize,
    tickers: usize,
    venues: usize,
    removed_bytes: usize,
}

impl Sections {
    pub(super) fn count(chunks: &Chunks, picks: &[u32]) -> Sections {
        let mut sections = Sections::default();
        if chunks.is_plain() {
            sections.tickers = picks.len();
            return sections;
        }
        for pick in picks {
            let unit = chunks.unit(*pick as usize);
            if unit.is_removed {
                sections.removed += 1;
                sections.removed_bytes += varint_len(u64::from(unit.id));
            }
            sections.instruments += usize::from(!chunks.instrument(unit).is_empty());
            sections.tickers += usize::from(!chunks.ticker(unit).is_empty());
            sections.venues += usize::from(!chunks.venue(unit).is_empty());
        }
        sections
    }

    pub(super) fn fields(&self) -> usize {
        [self.removed, self.instruments, self.tickers, self.venues]
            .iter()
            .filter(|n| **n > 0)
            .count()
    }
}

/// A body's fields, written in ascending order.
pub(super) struct Body<'a> {
    out: &'a mut Vec<u8>,
    encoding: Encoding,
    is_first: bool,
}

impl<'a> Body<'a> {
    pub(super) fn open(out: &'a mut Vec<u8>, encoding: Encoding, number: u32, name: &str, fields: usize) -> Body<'a> {
        match encoding {
            Encoding::Protobuf => {}
            Encoding::Msgpack => out.extend_from_slice(&[0x81, number as u8, 0x80 | fields as u8]),
            Encoding::Json => {
                out.extend_from_slice(b"{\"");
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(b"\":{");
            }
        }
        Body {
            out,
            encoding,
            is_first: true,
        }
    }

    pub(super) fn close(self) {
        if self.encoding == Encoding::Json {
            self.out.extend_from_slice(b"}}");
        }
    }

    fn key(&mut self, number: u32, wire_type: u32, name: &str) {
        match self.encoding {
            Encoding::Protobuf => put_tag(self.out, number, wire_type),
            Encoding::Msgpack => put_uint(self.out, u64::from(number)),
            Encoding::Json => {
                if !std::mem::take(&mut self.is_first) {
                    self.out.push(b',');
                }
                self.out.push(b'"');
                self.out.extend_from_slice(name.as_bytes());
                self.out.extend_from_slice(b"\":");
            }
        }
    }

    pub(super) fn uint(&mut self, number: u32, name: &str, value: u64) {
        self.key(number, VARINT, name);
        match self.encoding {
            Encoding::Protobuf => put_varint(self.out, value),
            Encoding::Msgpack => put_uint(self.out, value),
            Encoding::Json => put_digits(self.out, value),
        }
    }

    pub(super) fn uint_unless_zero(&mut self, number: u32, name: &str, value: u64) {
        if value > 0 {
            self.uint(number, name, value);
        }
    }

    pub(super) fn stamp(&mut self, number: u32, name: &str, value: u64) {
        self.key(number, FIXED64, name);
        match self.encoding {
            Encoding::Protobuf => self.out.extend_from_slice(&value.to_le_bytes()),
            Encoding::Msgpack => put_uint(self.out, value),
            Encoding::Json => {
                self.out.push(b'"');
                put_digits(self.out, value);
                self.out.push(b'"');
            }
        }
    }

    pub(super) fn flag(&mut self, number: u32, name: &str, value: bool) {
        if value {
            self.key(number, VARINT, name);
            match self.encoding {
                Encoding::Protobuf => self.out.push(1),
                Encoding::Msgpack => self.out.push(0xc3),
                Encoding::Json => self.out.extend_from_slice(b"true"),
            }
        }
    }

    /// Removed, instruments, tickers and venues, whose numbers follow each other from `first`.
    pub(super) fn sections(&mut self, chunks: &Chunks, picks: &[u32], sections: &Sections, first: u32) {
        if sections.removed > 0 {
            self.removed(chunks, picks, sections, first);
        }
        let units = || picks.iter().map(|pick| chunks.unit(*pick as usize));
        self.list(
            first + 1,
            "instruments",
            sections.instruments,
            units().map(|u| chunks.instrument(u)),
        );
        self.list(
            first + 2,
            "tickers",
            sections.tickers,
            units().map(|u| chunks.ticker(u)),
        );
        self.list(first + 3, "venues", sections.venues, units().map(|u| chunks.venue(u)));
    }

    fn removed(&mut self, chunks: &Chunks, picks: &[u32], sections: &Sections, number: u32) {
        self.key(number, LEN, "removed");
        match self.encoding {
            Encoding::Protobuf => put_varint(self.out, sections.removed_bytes as u64),
            Encoding::Msgpack => put_array_head(self.out, sections.removed),
            Encoding::Json => {}
        }
        let mut before = b'[';
        for unit in picks.iter().map(|p| chunks.unit(*p as usize)).filter(|u| u.is_removed) {
            match self.encoding {
                Encoding::Protobuf => put_varint(self.out, u64::from(unit.id)),
                Encoding::Msgpack => put_uint(self.out, u64::from(unit.id)),
                Encoding::Json => {
                    self.out.push(before);
                    before = b',';
                    put_digits(self.out, unit.id);
                }
            }
        }
        if self.encoding == Encoding::Json {
            self.out.push(b']');
        }
    }

    fn list<'b>(&mut self, number: u32, name: &str, count: usize, elements: impl Iterator<Item = &'b [u8]>) {
        if count == 0 {
            return;
        }
        let elements = elements.filter(|e| !e.is_empty());
        match self.encoding {
            Encoding::Protobuf => {
                for element in elements {
                    put_tag(self.out, number, LEN);
                    self.out.extend_from_slice(element);
                }
            }
            Encoding::Msgpack => {
                self.key(number, LEN, name);
                put_array_head(self.out, count);
                elements.for_each(|e| self.out.extend_from_slice(e));
            }
            Encoding::Json => {
                self.key(number, LEN, name);
                let mut before = b'[';
                for element in elements {
                    self.out.push(before);
                    before = b',';
                    self.out.extend_from_slice(element);
                }
                self.out.push(b']');
            }
        }
    }

    pub(super) fn tail(&mut self, tail: &SnapshotTail) {
        let encoding = self.encoding;
        let element = |put: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = Vec::new();
            put(&mut bytes);
            bytes
        };
        let pending: Vec<Vec<u8>> = tail
            .pending
            .iter()
            .map(|s| element(&|o| put_text(o, encoding, s)))
            .collect();
        self.list(11, "pending", pending.len(), pending.iter().map(Vec::as_slice));
        let rejected: Vec<Vec<u8>> = tail
            .rejected
            .iter()
            .map(|r| element(&|o| put_refused(o, encoding, r)))
            .collect();
        self.list(12, "rejected", rejected.len(), rejected.iter().map(Vec::as_slice));
    }
}

/// A text as an element of a list.
fn put_text(out: &mut Vec<u8>, encoding: Encoding, text: &str) {
    match encoding {
        Encoding::Protobuf => {
            put_varint(out, text.len() as u64);
            out.extend_from_slice(text.as_bytes());
        }
        Encoding::Msgpack => put_str(out, text),
        Encoding::Json => put_json_text(out, text),
    }
}

fn put_refused(out: &mut Vec<u8>, encoding: Encoding, refused: &Refused) {
    let code = refused.code as u64;
    match encoding {
        Encoding::Protobuf => {
            let mut body = Vec::new();
            put_tag(&mut body, 1, LEN);
            put_text(&mut body, encoding, &refused.symbol);
            put_tag(&mut body, 2, VARINT);
            put_varint(&mut body, code);
            put_tag(&mut body, 3, LEN);
            put_text(&mut body, encoding, &refused.message);
            put_varint(out, body.len() as u64);
            out.extend_from_slice(&body);
        }
        Encoding::Msgpack => {
            out.extend_from_slice(&[0x83, 1]);
            put_str(out, &refused.symbol);
            out.extend_from_slice(&[2, code as u8, 3]);
            put_str(out, &refused.message);
        }
        Encoding::Json => {
            out.extend_from_slice(b"{\"symbol\":");
            put_json_text(out, &refused.symbol);
            let word = error_word(refused.code);
            out.extend_from_slice(format!(",\"code\":\"{word}\",\"message\":").as_bytes());
            put_json_text(out, &refused.message);
            out.push(b'}');
        }
    }
}
