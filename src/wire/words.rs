//! Enum values as JSON's lower-case words: `TICKER_STATE_STALE` is `stale`.

use super::proto;

/// An enum of the schema with its words.
pub(crate) trait Words {
    /// What an unknown word is read as: unspecified, or -1 where 0 already means something. A server that
    /// finds -1 as channel answers UNSUPPORTED, as for any number that it does not have.
    const UNKNOWN: i32;

    /// The word of a number.
    fn word(number: i32) -> Option<String>;

    /// The number of a word.
    fn number(word: &str) -> Option<i32>;
}

macro_rules! words {
    ($($name:ident $prefix:literal $unknown:literal;)*) => { $(
        impl Words for proto::$name {
            const UNKNOWN: i32 = $unknown;

            fn word(number: i32) -> Option<String> {
                let name = proto::$name::try_from(number).ok()?.as_str_name();
                name.strip_prefix($prefix).map(str::to_ascii_lowercase)
            }

            fn number(word: &str) -> Option<i32> {
                // Words are lower case only, so that each value has one spelling.
                let is_lower = !word.bytes().any(|b| b.is_ascii_uppercase());
                let name = format!(concat!($prefix, "{}"), word.to_ascii_uppercase());
                proto::$name::from_str_name(&name).filter(|_| is_lower).map(|value| value as i32)
            }
        }
    )* };
}
words! {
    Channel "CHANNEL_" -1;
    Clock "CLOCK_" -1;
    TickerState "TICKER_STATE_" 0;
    StaleCause "STALE_CAUSE_" 0;
    VenueState "VENUE_STATE_" 0;
    Side "SIDE_" 0;
    ErrorCode "ERROR_CODE_" 0;
}

/// An error code as JSON and metrics write it: `invalid_symbol`.
pub fn error_word(code: proto::ErrorCode) -> String {
    <proto::ErrorCode as Words>::word(code as i32).unwrap_or_default()
}
