//! States, fields and precisions as numbers, and back.

use crate::market::{DECIMALS_MAX, FieldSet, StaleCause, TickerState, VenueState};
use crate::tape::BlockFault;

/// 0 says no cause.
pub(super) fn cause_number(cause: Option<StaleCause>) -> u32 {
    cause.map_or(0, |cause| cause as u32)
}

pub(super) fn cause(number: u32) -> Result<Option<StaleCause>, BlockFault> {
    let causes = [
        StaleCause::Gap,
        StaleCause::Silent,
        StaleCause::Disconnected,
        StaleCause::Checksum,
        StaleCause::Restart,
    ];
    match number {
        0 => Ok(None),
        _ => match causes.into_iter().find(|cause| *cause as u32 == number) {
            Some(cause) => Ok(Some(cause)),
            None => Err(BlockFault::Content("an unknown cause")),
        },
    }
}

pub(super) fn ticker_state(number: u32) -> Result<TickerState, BlockFault> {
    [TickerState::Live, TickerState::Stale, TickerState::Halted]
        .into_iter()
        .find(|state| *state as u32 == number)
        .ok_or(BlockFault::Content("an unknown state"))
}

pub(super) fn venue_state(number: u32) -> Result<VenueState, BlockFault> {
    [VenueState::Up, VenueState::Stale, VenueState::Down]
        .into_iter()
        .find(|state| *state as u32 == number)
        .ok_or(BlockFault::Content("an unknown state of a venue"))
}

/// Bit n for the field with number n of the protocol's `Ticker`.
pub(super) fn field_bits(fields: FieldSet) -> u32 {
    fields.to_number_bits() as u32
}

pub(super) fn fields(bits: u32) -> Result<FieldSet, BlockFault> {
    let fields = FieldSet::from_number_bits(u64::from(bits));
    if field_bits(fields) == bits {
        Ok(fields)
    } else {
        Err(BlockFault::Content("an unknown field"))
    }
}

pub(super) fn decimals(number: u32) -> Result<u8, BlockFault> {
    match u8::try_from(number) {
        Ok(decimals) if decimals <= DECIMALS_MAX => Ok(decimals),
        _ => Err(BlockFault::Content("more decimals than there can be")),
    }
}
