use proptest::prelude::*;

use super::*;
use crate::market::Decimal;

fn parsed(text: &str) -> Line<'_> {
    parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refused(text: &str) -> String {
    parse(text.as_bytes()).expect_err(text).to_string()
}

fn decimal(text: &str) -> Value {
    Value::Set(Decimal::parse(text).expect(text))
}

#[test]
fn a_line_says_what_it_names_and_nothing_else() {
    let line = parsed(
        r#" {"symbol": "x:A", "bid_price": "61837.630", "ask_size":1e-7, "open": null, "trade_count": 12, "ts_event": "1700000000000000001"} "#,
    );
    assert_eq!(
        (&*line.symbol, line.ts_event),
        ("x:A", Some(Ts(1_700_000_000_000_000_001)))
    );
    let said: Vec<_> = line.fields.iter().collect();
    let want = [
        (Field::BidPrice, decimal("61837.63")),
        (Field::AskSize, decimal("0.0000001")),
        (Field::Open, Value::Cleared),
        (Field::TradeCount, decimal("12")),
    ];
    assert_eq!(said, want);
    assert!(!line.fields.is_trade() && line.state.is_none());
}

#[test]
fn a_last_price_is_a_trade_of_which_only_what_is_named_changes() {
    let price = parsed(r#"{"symbol":"x:A","last_price":5}"#);
    assert!(price.fields.is_trade());
    assert_eq!(price.fields.named().len(), 1);
    for side in ["\"buy\"", "\"1\"", "1"] {
        let text = format!(r#"{{"last_side":{side},"symbol":"x:A","last_size":"2","last_price":"5"}}"#);
        let whole = parsed(&text).fields;
        assert!(
            whole.is_trade() && whole.get(Field::LastSide) == Some(decimal("1")),
            "{text}"
        );
    }
    for no_trade in [r#""last_size":1"#, r#""last_side":"sell""#, r#""last_price":null"#] {
        let text = format!(r#"{{"symbol":"x:A",{no_trade}}}"#);
        assert!(!parsed(&text).fields.is_trade(), "{text}");
    }
}

#[test]
fn what_cannot_be_held_exactly_is_a_misfit_and_never_rounded() {
    for number in ["9223372036854775808", "\"0.0000000000000000001\"", "1e999999999"] {
        let text = format!(r#"{{"symbol":"x:A","bid_price":{number}}}"#);
        assert_eq!(parsed(&text).fields.get(Field::BidPrice), Some(Value::Misfit), "{text}");
    }
}

#[test]
fn escapes_are_read_wherever_they_stand_and_states_are_words() {
    let line = parsed(r#"{"s\u0079mbol":"x:\u0041","bid\u005fprice":"1\u002e5","state":"h\u0061lted","ts_event":7}"#);
    assert_eq!((&*line.symbol, line.state), ("x:A", Some(TickerState::Halted)));
    assert_eq!(line.fields.get(Field::BidPrice), Some(decimal("1.5")));
    assert_eq!(
        parsed(r#"{"symbol":"x:A","state":"live"}"#).state,
        Some(TickerState::Live)
    );
    let nulls = parsed(r#"{"symbol":"x:A","state":null,"ts_event":null,"low":0}"#);
    assert_eq!((nulls.state, nulls.ts_event), (None, None));
}

#[test]
fn what_is_wrong_is_named_with_what_is_allowed() {
    for (text, parts) in [
        (
            r#"{"symbol":"x:A","price":1}"#,
            &["`price`", "`bid_price`", "`ts_event`"][..],
        ),
        (
            r#"{"symbol":"x:A","bid_price":1,"bid_price":1}"#,
            &["`bid_price`", "more than once"],
        ),
        (
            r#"{"symbol":"x:A","symbol":"x:A","low":1}"#,
            &["`symbol`", "more than once"],
        ),
        (
            r#"{"symbol":"x:A","low":1,"ts_event":1,"ts_event":null}"#,
            &["`ts_event`", "more than once"],
        ),
        (r#"{"symbol":"x:A","low":"1,5"}"#, &["`low`", "1,5", "is no number"]),
        (r#"{"symbol":"x:A","low":""}"#, &["`low`", "is no number"]),
        (r#"{"symbol":"x:A","low":"NaN"}"#, &["NaN"]),
        (r#"{"symbol":"x:A","low":true}"#, &["`true`", "is no number"]),
        (r#"{"symbol":"x:A","low":[1]}"#, &["`[1]`"]),
        (r#"{"symbol":"x:A","low":{"a":1}}"#, &["is no number"]),
        (r#"{"symbol":"x:A","low":"\ud800"}"#, &["is no number"]),
        (r#"{"symbol":"x:A","last_side":"BUY"}"#, &["BUY", "\"sell\""]),
        (r#"{"symbol":"x:A","last_side":3}"#, &["`3`"]),
        (r#"{"symbol":"x:A","low":1,"ts_event":"-1"}"#, &["-1", "nanoseconds"]),
        (r#"{"symbol":"x:A","low":1,"ts_event":1.5}"#, &["1.5"]),
        (
            r#"{"symbol":"x:A","low":1,"ts_event":9223372036854775808}"#,
            &["9223372036854775808"],
        ),
        (r#"{"symbol":"x:A","low":1,"ts_event":""}"#, &["is no time"]),
        (r#"{"symbol":"x:A","state":"stale"}"#, &["stale", "\"halted\""]),
        (r#"{"low":1}"#, &["`symbol` is missing"]),
        (r#"{"symbol":"x:A","ts_event":1}"#, &["says nothing"]),
        (r#"{"symbol":7,"low":1}"#, &["not a JSON object"]),
        (r#"{"symbol":"x:A","low":1"#, &["not a JSON object", "EOF"]),
        (r#"{"symbol":"x:A","low":01}"#, &["not a JSON object"]),
        (r#"{"symbol":"x:A","low":1} {}"#, &["trailing"]),
        (r#"{"nothing":1, no JSON"#, &["not a JSON object"]),
        ("[]", &["an object of a symbol"]),
        ("17", &["an object of a symbol"]),
        ("\u{feff}{}", &["not a JSON object"]),
    ] {
        let error = refused(text);
        for part in parts {
            assert!(error.contains(part), "{text}: {error}");
        }
    }
    let error = parse(b"{\"symbol\":\"x:\xff\"}").expect_err("no text").to_string();
    assert_eq!(error, "not UTF-8 from byte 14 on");
}

#[test]
fn a_refusal_repeats_little_and_no_control_characters() {
    let long = "k".repeat(60_000);
    for text in [
        format!(r#"{{"{long}":1}}"#),
        format!(r#""{long}""#),
        format!(r#"{{"symbol":["{long}"]}}"#),
        format!(r#"{{"symbol":"x:A","low":"{long}"}}"#),
        format!(r#"{{"symbol":"x:A","last_side":"{long}"}}"#),
        format!(r#"{{"symbol":"x:A","state":"{long}"}}"#),
        format!("{}{}", "[".repeat(30_000), "]".repeat(30_000)),
        r#"{"\u001b[31m\n":1}"#.to_owned(),
        r#"{"symbol":"x:A","low":"\u001b\n"}"#.to_owned(),
    ] {
        let error = refused(&text);
        assert!(error.len() < 400, "{error}");
        assert!(!error.chars().any(char::is_control), "{error:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_line_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn nearly_right_lines_are_a_line_or_an_error(
        bytes in "\\{(\"(symbol|low|last_side|ts_event|state|x)\":(null|1e5|-0\\.1|\"[a-z:\\\\u0]{0,6}\"|\\[\\]),?){0,4}\\}?"
    ) {
        let _ = parse(bytes.as_bytes());
    }

    #[test]
    fn a_numbers_text_is_exact_in_any_order_of_keys(
        numbers in prop::collection::vec((any::<i64>(), 0u8..=18, any::<bool>()), 11),
        order in Just((0..11).collect::<Vec<usize>>()).prop_shuffle(),
        count in 1usize..=11,
    ) {
        let named = &order[..count];
        let text = |at: usize| {
            let (mantissa, decimals, is_string) = numbers[at];
            let number = Decimal::new(mantissa, decimals).expect("in range").to_string();
            if is_string { format!("\"{number}\"") } else { number }
        };
        let keys: Vec<_> = named.iter().map(|at| format!("\"{}\":{}", Field::ALL[*at].name(), text(*at))).collect();
        let json = format!("{{{},\"symbol\":\"x:A\"}}", keys.join(","));
        let line = parse(json.as_bytes()).expect("a line");
        prop_assert_eq!(line.fields.named().len(), count);
        for at in named {
            let (mantissa, decimals, _) = numbers[*at];
            let want = Decimal::new(mantissa, decimals).map(Value::Set);
            prop_assert_eq!(line.fields.get(Field::ALL[*at]), want);
        }
    }
}
