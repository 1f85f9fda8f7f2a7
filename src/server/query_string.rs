//! A URL's query as pairs: percent-decoded once and nothing else, so that a `+` in a symbol stays one.

use super::error::ApiError;

/// Keys and values in their order; a key without `=` has an empty value.
///
/// # Errors
/// `%` without two hexadecimal digits, or bytes that are not UTF-8.
pub(super) fn pairs(query: Option<&str>) -> Result<Vec<(String, String)>, ApiError> {
    let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(key)?, decode(value)?))
        })
        .collect::<Option<_>>()
        .ok_or_else(|| ApiError::invalid("the query is not percent-encoded UTF-8: `%` itself is written `%25`"))
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte != b'%' {
            bytes.push(byte);
            rest = after;
            continue;
        }
        let digit = |at: usize| after.get(at).and_then(|b| char::from(*b).to_digit(16));
        bytes.push((digit(0)? * 16 + digit(1)?) as u8);
        rest = &after[2..];
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_decoded_once_and_plus_is_plus() {
        let got = pairs(Some("a=x%3Ay%2Cb+c&b&=%2525&c=%C3%A9==&&")).expect("a query");
        let want = [("a", "x:y,b+c"), ("b", ""), ("", "%25"), ("c", "é==")];
        assert_eq!(got, want.map(|(k, v)| (k.to_owned(), v.to_owned())));
        assert_eq!(pairs(None).expect("no query"), []);
    }

    #[test]
    fn what_is_not_percent_encoded_utf8_is_refused() {
        for query in ["a=%", "a=%2", "a=%zz", "a=%+1", "a=%ff", "%e9=1"] {
            assert!(pairs(Some(query)).is_err(), "{query}");
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_written(text in any::<String>()) {
            let written: String = text.bytes().map(|b| format!("%{b:02X}")).collect();
            let got = pairs(Some(&format!("k={written}"))).expect("encoded");
            prop_assert_eq!(got, [("k".to_owned(), text)]);
        }
    }
}
