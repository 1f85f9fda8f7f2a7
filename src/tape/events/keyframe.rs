//! A store's image as the parts of a keyframe.

use prost::Message as _;

use super::scan::{Wire, field};
use super::{proto, words};
use crate::market::{Decimals, FIELDS, Symbol, Ts, VenueName};
use crate::store::{INSTRUMENTS_MAX, Image, InstrumentImage, Listing, VENUES_MAX, VenueRow};
use crate::tape::BlockFault;
use crate::tape::bounds::PART_INSTRUMENTS;

const INVALID: BlockFault = BlockFault::Content("not a keyframe");

/// Numbers of the schema's fields.
const INSTRUMENTS: u32 = 1;
const VENUES: u32 = 2;
const NAMED: u32 = 3;

/// The payloads of a keyframe's parts; the venues that the tape has named stand in the first.
pub(super) fn encode<'a>(image: &'a Image, named: &'a [VenueName]) -> impl ExactSizeIterator<Item = Vec<u8>> + 'a {
    let parts = image.instruments.len().div_ceil(PART_INSTRUMENTS).max(1);
    (0..parts).map(move |part| {
        let rest = &image.instruments[part * PART_INSTRUMENTS..];
        let is_first = part == 0;
        let message = proto::Keyframe {
            instruments: rest.iter().take(PART_INSTRUMENTS).map(instrument).collect(),
            venues: image.venues.iter().filter(|_| is_first).map(venue).collect(),
            named: named.iter().filter(|_| is_first).map(VenueName::to_string).collect(),
        };
        message.encode_to_vec()
    })
}

/// An image as the messages `Keyframe` of the schema, each of at most 4,096 instruments; the venues stand in the first.
pub fn encode_image(image: &Image) -> impl ExactSizeIterator<Item = Vec<u8>> + '_ {
    encode(image, &[])
}

/// Appends what one of those messages says.
///
/// # Errors
/// Where the bytes are no such message, or say what no store can hold.
pub fn decode_image_part(payload: &[u8], image: &mut Image) -> Result<(), BlockFault> {
    decode(payload, image, &mut Vec::new())
}

/// Takes a part in.
pub(super) fn decode(mut payload: &[u8], image: &mut Image, named: &mut Vec<VenueName>) -> Result<(), BlockFault> {
    // One after the other, so that a part full of nothing takes no memory.
    while let Some((number, wire)) = field(&mut payload)? {
        let is_full = match (number, wire) {
            (INSTRUMENTS, Wire::Bytes(bytes)) => {
                let message = proto::Instrument::decode(bytes).map_err(|_| INVALID)?;
                image.instruments.push(instrument_image(&message)?);
                image.instruments.len() > INSTRUMENTS_MAX
            }
            (VENUES, Wire::Bytes(bytes)) => {
                let message = proto::Venue::decode(bytes).map_err(|_| INVALID)?;
                image.venues.push(venue_row(message)?);
                image.venues.len() > VENUES_MAX
            }
            (NAMED, Wire::Bytes(bytes)) => {
                let name = std::str::from_utf8(bytes).ok();
                named.push(name.and_then(|name| VenueName::parse(name).ok()).ok_or(INVALID)?);
                named.len() > VENUES_MAX
            }
            _ => false,
        };
        if is_full {
            return Err(BlockFault::TooLarge);
        }
    }
    Ok(())
}

fn instrument(image: &InstrumentImage) -> proto::Instrument {
    let decimals = image.listing.decimals;
    proto::Instrument {
        symbol: image.listing.symbol.to_string(),
        price_decimals: u32::from(decimals.price),
        size_decimals: u32::from(decimals.size),
        volume_decimals: u32::from(decimals.volume),
        present: words::field_bits(image.present),
        values: image.present.iter().map(|f| image.values[f.index()]).collect(),
        state: image.state.0 as u32,
        cause: words::cause_number(image.state.1),
        removed: image.is_removed,
        update_count: image.update_count,
        ts_event: image.ts_event.map(|ts| ts.0),
        ts_trade: image.ts_trade.map(|ts| ts.0),
    }
}

fn instrument_image(instrument: &proto::Instrument) -> Result<InstrumentImage, BlockFault> {
    let present = words::fields(instrument.present)?;
    if present.len() != instrument.values.len() {
        return Err(BlockFault::Content("not as many values as fields"));
    }
    let mut values = [0; FIELDS];
    for (field, value) in present.iter().zip(&instrument.values) {
        values[field.index()] = *value;
    }
    Ok(InstrumentImage {
        listing: Listing {
            symbol: Symbol::parse(&instrument.symbol).map_err(|_| BlockFault::Content("not a symbol"))?,
            decimals: Decimals {
                price: words::decimals(instrument.price_decimals)?,
                size: words::decimals(instrument.size_decimals)?,
                volume: words::decimals(instrument.volume_decimals)?,
            },
        },
        present,
        values,
        state: (words::ticker_state(instrument.state)?, words::cause(instrument.cause)?),
        is_removed: instrument.removed,
        update_count: instrument.update_count,
        ts_event: instrument.ts_event.map(Ts),
        ts_trade: instrument.ts_trade.map(Ts),
    })
}

fn venue_row(venue: proto::Venue) -> Result<VenueRow, BlockFault> {
    Ok(VenueRow {
        name: VenueName::parse(&venue.name).map_err(|_| BlockFault::Content("not a venue"))?,
        state: words::venue_state(venue.state)?,
        since: Ts(venue.since),
        reason: venue.reason,
    })
}

fn venue(row: &VenueRow) -> proto::Venue {
    proto::Venue {
        name: row.name.to_string(),
        state: row.state as u32,
        since: row.since.0,
        reason: row.reason.clone(),
    }
}
