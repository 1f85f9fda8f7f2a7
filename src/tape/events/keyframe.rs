//! A store's image as the parts of a keyframe.

use prost::Message as _;

use super::{proto, words};
use crate::market::{DECIMALS_MAX, Decimals, FIELDS, FieldSet, Symbol, Ts, VenueName};
use crate::store::{INSTRUMENTS_MAX, Image, InstrumentImage, Listing, VENUES_MAX, VenueRow};
use crate::tape::BlockFault;
use crate::tape::bounds::PART_INSTRUMENTS;

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

/// Takes a part in.
pub(super) fn decode(payload: &[u8], image: &mut Image, named: &mut Vec<String>) -> Result<(), BlockFault> {
    let part = proto::Keyframe::decode(payload).map_err(|_| BlockFault::Content("not a keyframe"))?;
    if image.instruments.len() + part.instruments.len() > INSTRUMENTS_MAX
        || image.venues.len() + part.venues.len() > VENUES_MAX
    {
        return Err(BlockFault::TooLarge);
    }
    for instrument in part.instruments {
        image.instruments.push(instrument_image(&instrument)?);
    }
    for venue in part.venues {
        image.venues.push(VenueRow {
            name: VenueName::parse(&venue.name).map_err(|_| BlockFault::Content("not a venue"))?,
            state: words::venue_state(venue.state)?,
            since: Ts(venue.since),
            reason: venue.reason,
        });
    }
    named.extend(part.named);
    Ok(())
}

fn instrument(image: &InstrumentImage) -> proto::Instrument {
    let decimals = image.listing.decimals;
    proto::Instrument {
        symbol: image.listing.symbol.to_string(),
        price_decimals: u32::from(decimals.price),
        size_decimals: u32::from(decimals.size),
        volume_decimals: u32::from(decimals.volume),
        present: u32::from(image.present.bits()),
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
    let places = |decimals: u32| {
        u8::try_from(decimals)
            .ok()
            .filter(|decimals| *decimals <= DECIMALS_MAX)
            .ok_or(BlockFault::Content("more decimals than there can be"))
    };
    let present = u16::try_from(instrument.present).ok().and_then(FieldSet::from_bits);
    let present = present
        .filter(|present| present.len() == instrument.values.len())
        .ok_or(BlockFault::Content("not as many values as fields"))?;
    let mut values = [0; FIELDS];
    for (field, value) in present.iter().zip(&instrument.values) {
        values[field.index()] = *value;
    }
    Ok(InstrumentImage {
        listing: Listing {
            symbol: Symbol::parse(&instrument.symbol).map_err(|_| BlockFault::Content("not a symbol"))?,
            decimals: Decimals {
                price: places(instrument.price_decimals)?,
                size: places(instrument.size_decimals)?,
                volume: places(instrument.volume_decimals)?,
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

fn venue(row: &VenueRow) -> proto::Venue {
    proto::Venue {
        name: row.name.to_string(),
        state: row.state as u32,
        since: row.since.0,
        reason: row.reason.clone(),
    }
}
