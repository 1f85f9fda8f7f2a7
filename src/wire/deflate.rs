//! Compressed messages: raw DEFLATE (RFC 1951), never twice.

use super::{DecodeError, Encoding};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// Shortest message that is compressed; below it a deflated message is seldom smaller and never by much.
pub const DEFLATE_BYTES_MIN: usize = 256;

/// Compresses messages one after another with the same state.
///
/// The state holds a window and hash tables of some 300 KiB, so there is one per thread that compresses, not
/// one per subscriber.
pub struct Deflater {
    state: Compress,
    deflated: Vec<u8>,
}

impl Default for Deflater {
    fn default() -> Deflater {
        Deflater::new()
    }
}

impl Deflater {
    /// Makes the state.
    pub fn new() -> Deflater {
        Deflater {
            // Level 1: what is sent is sent within a beat, and a 2 KB batch takes 10 µs.
            state: Compress::new(Compression::new(1), false),
            deflated: Vec::new(),
        }
    }

    /// Appends the compressed form of an encoded message to `out`, or nothing where it would not be smaller or
    /// the message is under [`DEFLATE_BYTES_MIN`]; says whether it did.
    ///
    /// In protobuf and MessagePack the result is a `ServerMessage` with `deflated`, in JSON it is the bare DEFLATE
    /// stream, which travels in a binary frame.
    pub fn compress(&mut self, encoding: Encoding, message: &[u8], out: &mut Vec<u8>) -> bool {
        if message.len() < DEFLATE_BYTES_MIN {
            return false;
        }
        self.state.reset();
        self.deflated.clear();
        // A stream that does not fit is none that we want.
        self.deflated.reserve(message.len());
        let done = self
            .state
            .compress_vec(message, &mut self.deflated, FlushCompress::Finish);
        if !matches!(done, Ok(Status::StreamEnd)) {
            return false;
        }
        let (header, header_len) = header(encoding, self.deflated.len());
        if header_len + self.deflated.len() >= message.len() {
            return false;
        }
        out.extend(header.into_iter().take(header_len));
        out.extend_from_slice(&self.deflated);
        true
    }
}

/// Compresses one message with a state of its own; see [`Deflater::compress`].
pub fn compress(encoding: Encoding, message: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    Deflater::new().compress(encoding, message, &mut out).then_some(out)
}

/// What stands before `len` bytes of DEFLATE: field 15 of a `ServerMessage`.
fn header(encoding: Encoding, len: usize) -> ([u8; 11], usize) {
    let mut bytes = [0; 11];
    let mut used = 0;
    let mut push = |part: &[u8]| {
        bytes[used..used + part.len()].copy_from_slice(part);
        used += part.len();
    };
    match encoding {
        Encoding::Protobuf => {
            push(&[15 << 3 | 2]);
            let mut left = len;
            while left >= 0x80 {
                push(&[left as u8 | 0x80]);
                left >>= 7;
            }
            push(&[left as u8]);
        }
        Encoding::Msgpack => {
            // A map of one, key 15, then bin 8, 16 or 32.
            push(&[0x81, 15]);
            match (u8::try_from(len), u16::try_from(len)) {
                (Ok(len), _) => push(&[0xc4, len]),
                (_, Ok(len)) => (push(&[0xc5]), push(&len.to_be_bytes())).1,
                _ => (push(&[0xc6]), push(&(len as u32).to_be_bytes())).1,
            }
        }
        Encoding::Json => {}
    }
    (bytes, used)
}

/// Inflates streams one after another with the same state and the same memory.
#[derive(Debug)]
pub struct Inflater {
    state: Decompress,
    out: Vec<u8>,
}

impl Default for Inflater {
    fn default() -> Inflater {
        Inflater::new()
    }
}

impl Inflater {
    /// Makes the state.
    pub fn new() -> Inflater {
        Inflater {
            state: Decompress::new(false),
            out: Vec::new(),
        }
    }

    /// Inflates a whole stream to at most `bytes_max` bytes.
    ///
    /// # Errors
    /// It is no raw DEFLATE, ends too early, is too large, or something follows it.
    pub fn inflate(&mut self, bytes: &[u8], bytes_max: usize) -> Result<&[u8], DecodeError> {
        let (state, out) = (&mut self.state, &mut self.out);
        state.reset(false);
        out.clear();
        loop {
            // One byte over the limit shows that it is passed; growing by what is there keeps a small message small.
            let room = bytes_max.saturating_add(1).saturating_sub(out.len());
            out.reserve_exact(room.min(out.len() + 4096));
            let before = (state.total_in(), out.len());
            let status = state
                .decompress_vec(&bytes[before.0 as usize..], out, FlushDecompress::None)
                .map_err(DecodeError::Inflate)?;
            if out.len() > bytes_max {
                return Err(DecodeError::InflatedTooLarge { bytes_max });
            }
            if status == Status::StreamEnd {
                break;
            }
            if before == (state.total_in(), out.len()) {
                return Err(DecodeError::InflateTruncated);
            }
        }
        match bytes.len() - state.total_in() as usize {
            0 => Ok(out),
            bytes => Err(DecodeError::Trailing { bytes }),
        }
    }
}

/// Inflates a whole stream to at most `bytes_max` bytes.
pub(crate) fn inflate(bytes: &[u8], bytes_max: usize) -> Result<Vec<u8>, DecodeError> {
    let mut inflater = Inflater::new();
    inflater.inflate(bytes, bytes_max)?;
    Ok(inflater.out)
}
