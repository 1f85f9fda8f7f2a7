//! The newest state of instruments and venues: what a keyframe of a tape holds, and what a store begins with.

use crate::market::{Decimal, Event, FIELDS, Field, FieldSet, Fields, Scale, StaleCause, TickerState, Ts, Update};

use super::{Listing, Seq, VenueRow};

/// The newest state of some instruments and venues, without versions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Image {
    /// In the order of their listing.
    pub instruments: Vec<InstrumentImage>,
    /// In the order in which they were first heard of.
    pub venues: Vec<VenueRow>,
}

impl Image {
    /// What a feed would have to say, to whoever knows nothing, for it to be so; but for how many updates there were.
    pub fn events(&self, ts_recv: Ts) -> Vec<Event> {
        let mut events = Vec::new();
        for venue in &self.venues {
            events.push(Event::Venue {
                venue: venue.name.clone(),
                state: venue.state,
                reason: venue.reason.clone(),
            });
        }
        for instrument in &self.instruments {
            instrument.say(ts_recv, &mut events);
        }
        events
    }
}

/// An image and the beats in which its parts last changed: all that a table needs to go on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Versioned {
    /// The newest beat.
    pub seq: Seq,
    /// What is so in it: instruments in the order of their ids, tombstones included.
    pub image: Image,
    /// Of each instrument, the beat of its last change of any kind.
    pub instruments_changed: Vec<Seq>,
    /// The same of each venue.
    pub venues_changed: Vec<Seq>,
}

/// The newest state of one instrument.
#[derive(Clone, Debug, PartialEq)]
pub struct InstrumentImage {
    /// Symbol and precision.
    pub listing: Listing,
    /// Fields that have a value.
    pub present: FieldSet,
    /// Values of all fields, in units of the precision; those outside `present` are 0.
    pub values: [i64; FIELDS],
    /// Its own state.
    pub state: (TickerState, Option<StaleCause>),
    /// The feed took it away; it has no values then.
    pub is_removed: bool,
    /// Source updates that changed something.
    pub update_count: u64,
    /// The venue's stamp of the newest of them.
    pub ts_event: Option<Ts>,
    /// The venue's stamp of the last trade.
    pub ts_trade: Option<Ts>,
}

/// What a trade says.
const TRADE: [Field; 3] = [Field::LastPrice, Field::LastSize, Field::LastSide];

impl InstrumentImage {
    fn say(&self, ts_recv: Ts, events: &mut Vec<Event>) {
        let symbol = &self.listing.symbol;
        if self.is_removed {
            return events.push(Event::Removed(symbol.clone()));
        }
        let decimals = |scale| Some(self.listing.decimals.of(scale));
        events.push(Event::Listed {
            symbol: symbol.clone(),
            price_decimals: decimals(Scale::Price),
            size_decimals: decimals(Scale::Size),
            volume_decimals: decimals(Scale::Volume),
        });
        // The trade first: its stamp may be the older one.
        let mut trade = self.fields(|field| TRADE.contains(&field));
        if !trade.is_empty() {
            trade.mark_trade();
        }
        let others = self.fields(|field| !TRADE.contains(&field));
        for (fields, ts_event) in [(trade, self.ts_trade), (others, self.ts_event)] {
            if !fields.is_empty() {
                events.push(Event::Update(Update {
                    symbol: symbol.clone(),
                    fields,
                    ts_event,
                    ts_recv,
                }));
            }
        }
        let (state, cause) = self.state;
        events.push(Event::State {
            symbol: symbol.clone(),
            state,
            cause,
        });
    }

    /// Those of its values.
    fn fields(&self, is_one: impl Fn(Field) -> bool) -> Fields {
        let mut fields = Fields::new();
        for field in self.present.iter().filter(|field| is_one(*field)) {
            let decimals = self.listing.decimals.of(field.scale());
            if let Some(value) = Decimal::new(self.values[field.index()], decimals) {
                fields.set(field, value);
            }
        }
        fields
    }
}

#[cfg(test)]
mod tests {
    use super::super::Writer;
    use super::*;
    use crate::market::{Symbol, VenueName, VenueState};

    #[test]
    fn what_a_feed_would_have_to_say_makes_the_same_image_but_for_the_counts() {
        let decimal = |text: &str| Decimal::parse(text).expect(text);
        let update = |symbol: &str, ts, say: &dyn Fn(&mut Fields)| {
            let mut fields = Fields::new();
            say(&mut fields);
            let symbol = Symbol::parse(symbol).expect(symbol);
            let ts_event = Some(Ts(ts));
            Event::Update(Update {
                symbol,
                fields,
                ts_event,
                ts_recv: Ts(0),
            })
        };
        let symbol = |text: &str| Symbol::parse(text).expect(text);
        let mut writer = Writer::new(10);
        for event in [
            Event::Venue {
                venue: VenueName::parse("a").expect("a venue"),
                state: VenueState::Stale,
                reason: "no data".into(),
            },
            update("a:A", 1, &|fields| {
                fields
                    .set(Field::BidPrice, decimal("1.250"))
                    .set(Field::Volume, decimal("7.5"));
            }),
            update("a:A", 2, &|fields| {
                fields.set(Field::LastPrice, decimal("-1.5")).mark_trade();
            }),
            update("a:A", 3, &|fields| {
                fields
                    .set(Field::AskPrice, decimal("1.3"))
                    .set(Field::TradeCount, decimal("12"));
            }),
            Event::State {
                symbol: symbol("a:A"),
                state: TickerState::Stale,
                cause: Some(StaleCause::Gap),
            },
            Event::Listed {
                symbol: symbol("a:EMPTY"),
                price_decimals: Some(4),
                size_decimals: None,
                volume_decimals: None,
            },
            update("a:GONE", 1, &|fields| {
                fields.set(Field::Low, decimal("1"));
            }),
            Event::Removed(symbol("a:GONE")),
        ] {
            writer.apply(&event, Ts(5));
        }
        let image = writer.image();
        let mut again = Writer::new(10);
        image.events(Ts(9)).iter().for_each(|event| again.apply(event, Ts(5)));
        let strip = |mut image: Image| {
            // What is gone need not be known.
            image.instruments.retain(|instrument| !instrument.is_removed);
            image
                .instruments
                .iter_mut()
                .for_each(|instrument| instrument.update_count = 0);
            image
        };
        assert_eq!(strip(again.image()), strip(image));
    }
}
