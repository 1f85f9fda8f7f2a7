//! Every message of the protocol once: field numbers, names and kinds. A test compares it with the schema.

use super::kinds::{
    Bytes, Entry, FieldNames, Fixed, Flag, Many, Maybe, Nested, Price, Size, Text, Volume, Whole, Word,
};
use super::proto::{self, Channel, Clock, ErrorCode, Side, StaleCause, TickerState, VenueState};
use super::tree::{Kind, ReadContext, Tree, WriteContext, messages};
use super::walk::{pass_over, read_value, write_field};
use serde::de::MapAccess;
use serde::ser::SerializeMap;

messages! {
    ClientMessage { 1 request_id: Whole } => client_message {
        2 authenticate Authenticate: Nested,
        3 subscribe Subscribe: Nested,
        4 unsubscribe Unsubscribe: Nested,
        5 ping Ping: Nested,
        6 configure Configure: Nested,
        7 received Received: Nested,
    }
    Authenticate { 1 token: Text }
    Subscribe { 1 symbols: Many<Text>, 2 resume: Maybe<Nested>, 3 channel: Word<Channel> }
    Unsubscribe { 1 symbols: Many<Text> }
    Ping { 1 nonce: Whole, 2 ts: Fixed }
    Configure { 1 interval_ms: Maybe<Whole>, 2 window: Maybe<Whole> }
    Received { 1 seq: Whole }
    Position { 1 epoch: Fixed, 2 seq: Whole }

    ServerMessage {} => server_message {
        1 welcome Welcome: Nested,
        2 snapshot Snapshot: Nested,
        3 delta Delta: Nested,
        4 heartbeat Heartbeat: Nested,
        6 ack Ack: Nested,
        7 error Error: Nested,
        8 pong Pong: Nested,
        9 goaway Goaway: Nested,
        15 deflated Deflated: Bytes,
    }
    Welcome {
        1 server: Text,
        2 epoch: Fixed,
        3 seq: Whole,
        4 ts: Fixed,
        5 interval_ms: Whole,
        6 heartbeat_ms: Whole,
        7 max_symbols: Whole,
        8 max_message_bytes: Whole,
        9 session: Text,
        10 authenticated: Flag,
        11 frame_bytes_max: Whole,
        12 clock: Word<Clock>,
    }
    Snapshot {
        1 epoch: Fixed,
        2 seq: Whole,
        3 ts: Fixed,
        4 request_id: Whole,
        5 removed: Many<Whole>,
        6 instruments: Many<Nested>,
        7 tickers: Many<Entry>,
        8 venues: Many<Nested>,
        9 resumed: Flag,
        10 more: Flag,
        11 pending: Many<Text>,
        12 rejected: Many<Nested>,
    }
    Delta {
        1 seq: Whole,
        2 prev_seq: Maybe<Whole>,
        3 ts: Fixed,
        4 removed: Many<Whole>,
        5 instruments: Many<Nested>,
        6 tickers: Many<Entry>,
        7 venues: Many<Nested>,
        8 skipped: Whole,
        9 more: Flag,
    }
    Heartbeat { 1 seq: Whole, 2 ts: Fixed, 3 prev_seq: Whole }
    Ack { 1 request_id: Whole, 2 interval_ms: Whole, 3 window: Whole, 4 symbols: Whole }
    Error { 1 request_id: Whole, 2 code: Word<ErrorCode>, 3 message: Text }
    Pong { 1 nonce: Whole, 2 ts_client: Fixed, 3 ts_recv: Fixed, 4 ts_sent: Fixed }
    Goaway { 1 reason: Text, 2 reconnect_after_ms: Whole, 3 url: Text }
    Rejected { 1 symbol: Text, 2 code: Word<ErrorCode>, 3 message: Text }
    Venue { 1 name: Text, 2 state: Word<VenueState>, 3 since: Fixed, 4 reason: Text }
    Instrument {
        1 id: Whole,
        2 symbol: Text,
        3 price_decimals: Whole,
        4 size_decimals: Whole,
        5 volume_decimals: Whole,
    }
    Ticker {
        1 id: Whole,
        2 bid_price: Maybe<Price>,
        3 bid_size: Maybe<Size>,
        4 ask_price: Maybe<Price>,
        5 ask_size: Maybe<Size>,
        6 last_price: Maybe<Price>,
        7 last_size: Maybe<Size>,
        8 volume: Maybe<Volume>,
        9 open: Maybe<Price>,
        10 high: Maybe<Price>,
        11 low: Maybe<Price>,
        12 event_age_us: Maybe<Whole>,
        13 cleared: Maybe<FieldNames>,
        14 updates: Maybe<Whole>,
        15 update_count: Maybe<Whole>,
        16 state: Maybe<Word<TickerState>>,
        17 last_age_us: Maybe<Whole>,
        18 trade_count: Maybe<Whole>,
        19 last_side: Maybe<Word<Side>>,
        20 cause: Maybe<Word<StaleCause>>,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Numbers and names of a message's fields, read from the text of the schema.
    fn in_schema(message: &str) -> Vec<(u32, String)> {
        let schema = include_str!("../../proto/tickwire.proto");
        let start = schema.find(&format!("message {message} {{\n")).unwrap();
        let text = &schema[start..start + schema[start..].find("\n}").unwrap()];
        let mut fields: Vec<(u32, String)> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.starts_with("//"))
            .filter_map(|line| line.strip_suffix(';')?.split_once(" = "))
            .map(|(left, number)| (number.parse().unwrap(), left.rsplit(' ').next().unwrap().to_owned()))
            .collect();
        fields.sort_unstable();
        fields
    }

    macro_rules! agree {
        ($($message:ident)*) => { $({
            let described: Vec<(u32, String)> =
                proto::$message::FIELDS.iter().map(|(number, name)| (*number, (*name).to_owned())).collect();
            assert_eq!(described, in_schema(stringify!($message)), stringify!($message));
        })* };
    }

    #[test]
    fn numbers_and_names_are_the_schemas_and_ascend() {
        agree!(ClientMessage Authenticate Subscribe Unsubscribe Ping Configure Received Position);
        agree!(ServerMessage Welcome Snapshot Delta Heartbeat Ack Error Pong Goaway Rejected Venue Instrument Ticker);
    }
}
