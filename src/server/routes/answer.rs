//! Answers of one part: `/v1/snapshot` and `/v1/changes`.

use std::ops::ControlFlow;

use crate::market::InstrumentId;
use crate::server::bounds::TAKEN_MAX;
use crate::server::error::ApiError;
use crate::server::table::asked::{Asked, Position, Since};
use crate::server::table::search::Search;
use crate::server::table::{Query, State};
use crate::store::{Seq, VenueRow};
use crate::wire::{Chunks, Encoding, FrameBuf, SnapshotHead, SnapshotTail};

/// An answer of `/v1/snapshot`.
#[derive(Debug)]
pub(in crate::server) enum Snapshot {
    /// The message, and the tag of what it says.
    Whole { tag: String, body: Vec<u8> },
    /// The tag is one of those that the asker knows.
    Known { tag: String },
}

/// An answer of `/v1/changes`.
#[derive(Debug)]
pub(in crate::server) enum Changes {
    /// Something changed, or all is told.
    Some(Vec<u8>),
    /// Nothing changed; the message that says so.
    Nothing(Vec<u8>),
    /// The seq lies ahead of this table; the whole snapshot.
    Ahead(Vec<u8>),
}

/// A snapshot under way. Its values are taken a piece at a time, and the table goes on between two pieces: so they may be newer
/// than its seq, and whoever goes on from that seq is told them again. Values are absolute, so that does no harm.
struct Assembly {
    head: SnapshotHead,
    after: Seq,
    ids: Vec<InstrumentId>,
    at: usize,
    tail: SnapshotTail,
    chunks: Chunks,
}

/// An answer's text, and whether it says anything of instruments and venues.
type Assembled = (Vec<u8>, bool);

/// What is done for an answer, and what is told besides.
enum Work<T> {
    Search(Search),
    Assembly(T, Assembly),
}

impl Query {
    /// The answer of `/v1/snapshot`.
    ///
    /// Its tag is the epoch as the reader has it and the newest change of what is asked for. It is a weak one (RFC 9110, 8.8.1): `seq` and
    /// `ts` go on while what is said stays the same.
    ///
    /// # Errors
    /// Where more instruments are asked for than the reader may hold.
    pub(in crate::server) fn snapshot(
        &self,
        asked: &Asked,
        is_known: impl Fn(&str) -> bool,
    ) -> Result<Snapshot, ApiError> {
        let begin = |state: &State, search: Search| {
            asked.check_count(&search.ids, &state.table)?;
            let epoch = state.epoch.under(asked.rights());
            let tag = format!("W/\"{epoch}-{}\"", newest_change(state, asked, &search.ids));
            let assembly = (!is_known(&tag)).then(|| Assembly::begin(asked, state, search, None));
            Ok((tag, assembly))
        };
        match self.assemble(asked, begin)? {
            (tag, Some((body, _))) => Ok(Snapshot::Whole { tag, body }),
            (tag, None) => Ok(Snapshot::Known { tag }),
        }
    }

    /// The answer of `/v1/changes`, as things stand.
    ///
    /// # Errors
    /// Where more instruments are asked for than the reader may hold.
    pub(in crate::server) fn changes(&self, asked: &Asked, position: Option<Position>) -> Result<Changes, ApiError> {
        let begin = |state: &State, search: Search| {
            asked.check_count(&search.ids, &state.table)?;
            let from = Position::from(position, state.epoch.under(asked.rights()), state.table.seq());
            let since = match from {
                Since::Seq(seq) => Some(seq),
                Since::Start | Since::Ahead => None,
            };
            Ok((from, Some(Assembly::begin(asked, state, search, since))))
        };
        let (from, assembled) = self.assemble(asked, begin)?;
        let (body, is_news) = assembled.unwrap_or_default();
        Ok(match from {
            Since::Ahead => Changes::Ahead(body),
            Since::Seq(_) if !is_news => Changes::Nothing(body),
            Since::Seq(_) | Since::Start => Changes::Some(body),
        })
    }

    /// Finds what is asked for, begins an answer, where there is to be one, and brings it to its end.
    fn assemble<T>(
        &self,
        asked: &Asked,
        begin: impl Fn(&State, Search) -> Result<(T, Option<Assembly>), ApiError>,
    ) -> Result<(T, Option<Assembled>), ApiError> {
        let search = |state: &State| Work::Search(Search::begin(asked, state));
        let (told, assembly) = self.in_pieces(search, |work, state| {
            let (told, mut assembly) = match work {
                Work::Search(mut search) => {
                    if !search.step(asked, &state.table) {
                        return ControlFlow::Continue(Work::Search(search));
                    }
                    match begin(state, search) {
                        Ok((told, Some(assembly))) => (told, assembly),
                        Ok((told, None)) => return ControlFlow::Break(Ok((told, None))),
                        Err(error) => return ControlFlow::Break(Err(error)),
                    }
                }
                Work::Assembly(told, assembly) => (told, assembly),
            };
            match assembly.take(asked, state) {
                true => ControlFlow::Break(Ok((told, Some(assembly)))),
                false => ControlFlow::Continue(Work::Assembly(told, assembly)),
            }
        })?;
        Ok((told, assembly.map(Assembly::end)))
    }
}

impl Assembly {
    /// All of what was found, or what changed of it since a seq.
    fn begin(asked: &Asked, state: &State, search: Search, since: Option<Seq>) -> Assembly {
        Assembly {
            head: SnapshotHead {
                epoch: state.epoch.under(asked.rights()),
                seq: state.table.seq(),
                ts: state.ts,
                request_id: 0,
                resumed: since.is_some(),
            },
            after: since.unwrap_or(Seq::ZERO),
            ids: search.ids,
            at: 0,
            tail: asked.tail(&state.table),
            chunks: Chunks::new(Encoding::Json),
        }
    }

    /// Takes the next values, and the venues with the last; true once it has all.
    fn take(&mut self, asked: &Asked, state: &State) -> bool {
        let (table, after, ts) = (&state.table, self.after, self.head.ts);
        let to = self.ids.len().min(self.at + TAKEN_MAX);
        let ids = &self.ids[std::mem::replace(&mut self.at, to)..to];
        let entries = ids.iter().filter_map(|id| table.changes_since(*id, after));
        entries.for_each(|entry| self.chunks.push(&entry, ts));
        let is_whole = to == self.ids.len();
        if is_whole {
            let is_told = |at: usize| !self.head.resumed || table.is_venue_news(at, after);
            let news = venues(state, asked).filter(|(at, _)| is_told(*at));
            let rights = asked.rights();
            news.for_each(|(_, venue)| self.chunks.push_venue(venue, rights.cover_venue(venue.name.as_str())));
        }
        is_whole
    }

    /// One part, whatever its size.
    fn end(self) -> Assembled {
        let picks: Vec<u32> = (0..self.chunks.len() as u32).collect();
        let mut frame = FrameBuf::new();
        frame.snapshot(&self.head, &self.chunks, &picks, Some(&self.tail));
        (frame.as_bytes().to_vec(), !self.chunks.is_empty())
    }
}

/// The venues that are touched, with their positions in the table.
fn venues<'a>(state: &'a State, asked: &'a Asked) -> impl Iterator<Item = (usize, &'a VenueRow)> {
    let all = state.table.venues().enumerate();
    all.filter(|(_, venue)| asked.touches(venue.name.as_str()))
}

fn newest_change(state: &State, asked: &Asked, ids: &[InstrumentId]) -> Seq {
    let instruments = ids.iter().filter_map(|id| state.table.last_change(*id));
    let venues = venues(state, asked).filter_map(|(at, _)| state.table.last_venue_change(at));
    instruments.chain(venues).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::Value;

    use super::*;
    use crate::engine::tick_channel;
    use crate::fanout::Allowance;
    use crate::market::{
        Decimal, Event, Field, Fields, Rights, Symbol, SymbolPattern, Ts, Update, VenueName, VenueState,
    };
    use crate::server::table::VenueStatus;
    use crate::store::{Epoch, Table, Writer};

    const EPOCH: Epoch = Epoch::new(7).expect("an epoch");

    fn bid(symbol: &str, price: i64) -> Event {
        let mut fields = Fields::new();
        fields.set(Field::BidPrice, Decimal::from_int(price));
        Event::Update(Update {
            symbol: Symbol::parse(symbol).expect(symbol),
            fields,
            ts_event: None,
            ts_recv: Ts(1),
        })
    }

    fn up(venue: &str) -> Event {
        let (state, reason) = (VenueState::Up, format!("1 refused: {venue}:SECRET"));
        let venue = VenueName::parse(venue).expect(venue);
        Event::Venue { venue, state, reason }
    }

    /// A table at seq 2, in whose newest beat only venue `b` changed.
    fn query() -> Arc<Query> {
        let (mut writer, mut table) = (Writer::new(10), Table::new());
        let first = [
            bid("a:B", 1),
            bid("b:SECRET", 1),
            bid("$stats:x", 1),
            up("a"),
            up("b"),
            up("$stats"),
        ];
        for events in [&first[..], &[bid("b:SECRET", 2), bid("b:LATER", 1)]] {
            events.iter().for_each(|event| writer.apply(event, Ts(1)));
            table.apply(&writer.seal(Ts(1)).expect("a beat"));
        }
        let (_, ticks) = tick_channel(1);
        Query::spawn(EPOCH, Ts(1), table, ticks).expect("a thread").0
    }

    fn rights(texts: &[&str]) -> Rights {
        Rights::of(texts.iter().map(|text| SymbolPattern::parse(text).expect(text)))
    }

    fn asked(list: &str, rights: &Rights) -> Asked {
        let allowance = Allowance {
            rights: rights.clone(),
            ..Allowance::everything(100)
        };
        Asked::parse(list, allowance).expect(list)
    }

    fn json(body: &[u8]) -> Value {
        serde_json::from_slice(body).expect("JSON")
    }

    fn names(list: &Value, name: &str) -> Vec<String> {
        let of = |item: &Value| item[name].as_str().expect("a name").to_owned();
        list.as_array().map_or(Vec::new(), |list| list.iter().map(of).collect())
    }

    #[test]
    fn a_snapshot_and_its_tag_tell_only_what_may_be_seen() {
        let (query, only_a) = (query(), rights(&["a:*"]));
        let answer = query.snapshot(&asked("*,b:SECRET,b:NEVER,a:LATER", &only_a), |_| false);
        let Ok(Snapshot::Whole { tag, body }) = answer else {
            panic!("no snapshot: {answer:?}")
        };
        let own = EPOCH.under(&only_a);
        let snapshot = &json(&body)["snapshot"];
        assert_eq!(snapshot["epoch"], own.to_string());
        assert_eq!(names(&snapshot["instruments"], "symbol"), ["a:B"]);
        assert_eq!(names(&snapshot["venues"], "name"), ["a"]);
        assert_eq!(names(&snapshot["rejected"], "symbol"), ["b:SECRET", "b:NEVER"]);
        assert_eq!(names(&snapshot["rejected"], "code"), ["forbidden", "forbidden"]);
        assert_eq!(snapshot["pending"], serde_json::json!(["a:LATER"]));
        // What changes out of sight changes no tag, and one reader's tag says nothing to another.
        assert_eq!(tag, format!("W/\"{own}-1\""));
        let all = query.snapshot(&asked("*", &Rights::all()), |known| known == tag);
        assert!(matches!(all, Ok(Snapshot::Whole { tag, .. }) if tag == "W/\"7-2\""));
    }

    #[test]
    fn changes_are_resumed_from_the_readers_own_epoch_alone() {
        let (query, only_a) = (query(), rights(&["a:*"]));
        let resumed = |rights: &Rights, epoch: Epoch| {
            let (epoch, seq) = (epoch.get(), Seq(1));
            let changes = query.changes(&asked("*", rights), Some(Position { epoch, seq }));
            let (body, is_news) = match changes.expect("within bounds") {
                Changes::Nothing(body) => (body, false),
                Changes::Some(body) | Changes::Ahead(body) => (body, true),
            };
            (json(&body)["snapshot"]["resumed"] == true, is_news)
        };
        assert_eq!(resumed(&only_a, EPOCH.under(&only_a)), (true, false));
        assert_eq!(resumed(&only_a, EPOCH), (false, true));
        assert_eq!(resumed(&Rights::all(), EPOCH), (true, true));
        assert_eq!(resumed(&Rights::all(), EPOCH.under(&only_a)), (false, true));
    }

    #[test]
    fn symbols_and_figures_go_by_rights() {
        let query = query();
        let listed = |pattern: Option<&str>, rights: &Rights| {
            let pattern = pattern.map(|text| SymbolPattern::parse(text).expect(text));
            let json = json(query.symbols(pattern.as_ref(), rights).as_bytes());
            names(&json["instruments"], "symbol")
        };
        for (rights, of_feeds, own, venues) in [
            (Rights::all(), vec!["a:B", "b:SECRET", "b:LATER"], 1, vec!["a", "b"]),
            (rights(&["a:*"]), vec!["a:B"], 0, vec!["a"]),
            (rights(&["$stats:*", "b:LATER"]), vec!["b:LATER"], 1, vec!["b"]),
            (rights(&[]), vec![], 0, vec![]),
        ] {
            assert_eq!(listed(None, &rights), of_feeds);
            assert_eq!(listed(Some("$stats:*"), &rights).len(), own);
            let figures = query.figures(&rights);
            let seen: Vec<&str> = figures.venues.iter().map(|venue| venue.name.as_str()).collect();
            assert_eq!((figures.instruments, seen), (of_feeds.len(), venues));
            let feeds = query.feeds(&rights);
            assert_eq!((feeds.count, feeds.up), (2, 2));
            assert_eq!(figures.epoch, EPOCH.under(&rights));
        }
    }

    #[test]
    fn a_venues_reason_is_told_to_who_may_see_all_of_the_venue() {
        let query = query();
        for (texts, is_told) in [(&["b:*"][..], true), (&["b:LATER"], false), (&["b:L*", "a:*"], false)] {
            let rights = rights(texts);
            let Ok(Snapshot::Whole { body, .. }) = query.snapshot(&asked("b:*", &rights), |_| false) else {
                panic!("no snapshot")
            };
            let Ok(Changes::Some(changes)) = query.changes(&asked("b:*", &rights), None) else {
                panic!("no changes")
            };
            let of = |venues: Vec<VenueStatus>| {
                let venue = venues.into_iter().find(|venue| venue.name == "b");
                venue.expect("it is touched").reason
            };
            let reasons = [of(query.figures(&rights).venues), of(query.feeds(&rights).venues)];
            let told = [&body, &changes].map(|body| json(body)["snapshot"]["venues"][0]["reason"].clone());
            let want = "1 refused: b:SECRET";
            assert_eq!(reasons.map(|reason| reason == want), [is_told; 2], "{texts:?}");
            assert_eq!(told.map(|reason| reason == want), [is_told; 2], "{texts:?}");
            let text = String::from_utf8_lossy(&body);
            assert_eq!(text.contains("SECRET"), is_told, "{text}");
        }
    }
}
