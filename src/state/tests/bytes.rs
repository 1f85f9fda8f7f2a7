//! The bytes of a checkpoint: what goes in comes out, and nothing else ever does.

use proptest::prelude::*;

use super::super::{Checkpoint, Fault};
use super::world::{World, epoch};
use crate::market::{Symbol, Ts};

fn checkpoint(events: &[crate::market::Event]) -> Checkpoint {
    let mut world = World::new(0);
    for event in events {
        world.apply(event);
        world.beat();
    }
    Checkpoint {
        epoch: epoch(77),
        is_final: events.len() % 2 == 1,
        taken: Ts(-5),
        state: world.timeline.table.versioned(),
    }
}

fn events() -> impl Strategy<Value = Vec<crate::market::Event>> {
    let symbols = ["v0:A", "v1:B/C", "$stats:x"].map(|name| Symbol::parse(name).expect(name));
    prop::collection::vec(crate::market::arbitrary::event(symbols.to_vec(), -10..100), 0..30)
}

/// A checkpoint with everything in it.
fn some() -> Vec<u8> {
    let list = |name: &str| crate::market::Event::Listed {
        symbol: Symbol::parse(name).expect(name),
        price_decimals: Some(2),
        size_decimals: None,
        volume_decimals: None,
    };
    let venue = crate::market::Event::Venue {
        venue: crate::market::VenueName::parse("v0").expect("a venue"),
        state: crate::market::VenueState::Up,
        reason: "well".to_owned(),
    };
    checkpoint(&[list("v0:A"), venue, list("v0:B")]).encode()
}

proptest! {
    #[test]
    fn what_is_written_is_what_is_read(events in events()) {
        let checkpoint = checkpoint(&events);
        prop_assert_eq!(Checkpoint::decode(&checkpoint.encode()), Ok(checkpoint));
    }

    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), is_ours in any::<bool>()) {
        let bytes = if is_ours { [&some()[..8], &bytes].concat() } else { bytes };
        prop_assert!(Checkpoint::decode(&bytes).is_err());
    }

    /// With right checksums, so that what is behind them is looked at.
    #[test]
    fn a_body_of_any_bytes_is_no_panic(body in prop::collection::vec(any::<u8>(), 0..200), counts in any::<[u8; 2]>()) {
        let mut bytes = [&some()[..64], &body].concat();
        bytes[40..48].copy_from_slice(&(body.len() as u64).to_le_bytes());
        bytes[48..52].copy_from_slice(&u32::from(counts[0] % 4).to_le_bytes());
        bytes[52..56].copy_from_slice(&u32::from(counts[1] % 4).to_le_bytes());
        bytes[56..60].copy_from_slice(&crc32c::crc32c(&body).to_le_bytes());
        sign(&mut bytes);
        let _ = Checkpoint::decode(&bytes);
    }
}

fn sign(bytes: &mut [u8]) {
    let crc = crc32c::crc32c(&bytes[..60]);
    bytes[60..64].copy_from_slice(&crc.to_le_bytes());
}

#[test]
fn a_file_that_lost_its_end_or_has_a_wrong_bit_anywhere_is_refused() {
    let bytes = some();
    assert!(Checkpoint::decode(&bytes).is_ok());
    for length in 0..bytes.len() {
        assert!(Checkpoint::decode(&bytes[..length]).is_err(), "{length} bytes");
    }
    for at in 0..bytes.len() * 8 {
        let mut wrong = bytes.clone();
        wrong[at / 8] ^= 1 << (at % 8);
        assert!(Checkpoint::decode(&wrong).is_err(), "bit {at}");
    }
    let longer = [&bytes[..], &[0]].concat();
    let fault = Checkpoint::decode(&longer).expect_err("longer");
    assert!(fault.to_string().contains("length"), "{fault}");
}

#[test]
fn what_is_wrong_is_said() {
    let foreign = Checkpoint::decode(b"PK\x03\x04 something else");
    assert_eq!(foreign, Err(Fault::Foreign));
    let mut newer = some();
    newer[8] = 2;
    sign(&mut newer);
    assert_eq!(Checkpoint::decode(&newer), Err(Fault::Version(2)));
    // The seq of the first instrument's last change, behind the newest beat.
    let mut ahead = some();
    ahead[64] = 200;
    let crc = crc32c::crc32c(&ahead[64..]);
    ahead[56..60].copy_from_slice(&crc.to_le_bytes());
    sign(&mut ahead);
    let fault = Fault::Damaged("a change outside the timeline");
    assert_eq!(Checkpoint::decode(&ahead), Err(fault));
    // The second instrument under the first one's name.
    let mut twice = some();
    let at = twice.windows(4).position(|bytes| bytes == b"v0:B").expect("its name");
    twice[at + 3] = b'A';
    let crc = crc32c::crc32c(&twice[64..]);
    twice[56..60].copy_from_slice(&crc.to_le_bytes());
    sign(&mut twice);
    let fault = Fault::Damaged("an instrument or a venue stands there twice");
    assert_eq!(Checkpoint::decode(&twice), Err(fault));
}
