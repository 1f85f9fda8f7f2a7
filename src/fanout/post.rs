//! Writing what was gathered: many frames with one system call where the system can.

use std::io;

use crate::store::Seq;

use super::Socket;
use super::bounds::{OUTGOING_BYTES, OUTGOING_MAX, RING_LEAST};
use super::letter::{Letter, Part, Send};
use super::ring::Ring;
use super::shard::Shard;
use super::subscriber::Sent;

impl<S: Socket> Shard<S> {
    /// Writes through io_uring from now on, where many are written to. For the thread that runs the shard.
    ///
    /// # Errors
    /// Where the system has none, or forbids it; then each frame is a call of its own.
    pub fn use_ring(&mut self) -> io::Result<()> {
        self.outgoing.ring = Some(Ring::new()?);
        Ok(())
    }

    /// Makes room for the frames of one more group.
    pub(super) fn begin_frames(&mut self) {
        if self.outgoing.frames.len() > OUTGOING_BYTES {
            self.post();
        }
        if self.outgoing.letters.is_empty() {
            self.outgoing.frames.clear();
        }
    }

    /// Takes a frame for one subscriber, who is written to by [`Shard::post`] at the latest.
    pub(super) fn send(&mut self, slot: u32, part: &Part, seq: Seq, beats: u32) {
        let letter = Letter {
            slot,
            frame: part.frame.clone(),
            seq,
            entries: part.entries,
            beats,
        };
        self.outgoing.letters.push(letter);
        if self.outgoing.letters.len() >= OUTGOING_MAX {
            self.post();
        }
    }

    /// Writes all that was taken.
    pub(super) fn post(&mut self) {
        let mut outgoing = std::mem::take(&mut self.outgoing);
        let is_worth_it = outgoing.letters.len() >= RING_LEAST;
        if let Some(ring) = outgoing.ring.as_mut().filter(|_| is_worth_it) {
            outgoing.sends.clear();
            let sends = outgoing.letters.iter().filter_map(|letter| {
                let subscriber = self.subscribers[letter.slot as usize].as_ref()?;
                Some(Send {
                    number: letter.slot,
                    socket: subscriber.socket.descriptor()?,
                    frame: letter.frame.clone(),
                })
            });
            outgoing.sends.extend(sends);
            ring.send(&outgoing.frames, &outgoing.sends, &mut outgoing.taken);
        }
        let mut taken = outgoing.taken.drain(..);
        for letter in outgoing.letters.drain(..) {
            let Some(subscriber) = self.subscribers[letter.slot as usize].as_mut() else {
                continue;
            };
            let frame = &outgoing.frames[letter.frame];
            let posted = subscriber.socket.descriptor().and_then(|_| taken.next());
            let sent = match posted {
                Some(taken) => subscriber.offered(frame, taken, self.wall),
                None => subscriber.offer(frame, self.wall),
            };
            if sent.is_taken() {
                self.meters.note(subscriber.encoding, frame.len(), letter.entries);
                subscriber.note_data(letter.seq, true);
            }
            match sent {
                // The tape waits until the window is opened.
                Sent::Whole if !self.config.clock.is_tape() || !subscriber.is_window_closed() => {}
                Sent::Whole | Sent::Begun => self.make_busy(letter.slot),
                Sent::Nothing => self.owe(letter.slot, letter.beats),
                // Its group may be gone through, so it is taken out later.
                Sent::Broken => self.broken.push(letter.slot),
            }
        }
        drop(taken);
        self.outgoing = outgoing;
    }
}
