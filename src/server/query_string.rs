//! A URL's query as pairs: percent-decoded once and nothing else, so that a `+` in a symbol stays one.

use super::error::ApiError;

/// Keys and values in their order; a key without `=` has an empty value. `None` for `%` without two hexadecimal digits, and
/// for bytes that are not UTF-8.
pub fn query_pairs(query: &str) -> Option<Vec<(String, String)>> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let decoded = pairs.map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decode(key)?, decode(value)?))
    });
    decoded.collect()
}

/// The same of a URL.
///
/// # Errors
/// Where it is not percent-encoded UTF-8.
pub(super) fn pairs(query: Option<&str>) -> Result<Vec<(String, String)>, ApiError> {
    let wrong = || ApiError::invalid("the query is not percent-encoded UTF-8: `%` itself is written `%25`");
    query_pairs(query.unwrap_or_default()).ok_or_else(wrong)
}

/// The values of these keys; any other key, and one that is given twice, is refused.
pub(super) fn values<const N: usize>(query: Option<&str>, keys: [&str; N]) -> Result<[Option<String>; N], ApiError> {
    let mut found = [const { None }; N];
    for (name, value) in pairs(query)? {
        let Some(at) = keys.iter().position(|key| *key == name) else {
            let name: String = name.chars().take(60).collect();
            let allowed = keys.map(|key| format!("`{key}`")).join(", ");
            let is = if N == 1 { "is" } else { "are" };
            return Err(ApiError::invalid(format!(
                "there is no parameter `{name}`: {allowed} {is} allowed"
            )));
        };
        if found[at].replace(value).is_some() {
            let key = keys[at];
            return Err(ApiError::invalid(format!("parameter `{key}` is given more than once")));
        }
    }
    Ok(found)
}

/// A number in digits alone: `+10` and ` 10` are typing errors.
pub(super) fn digits(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
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

    #[test]
    fn only_known_keys_are_taken_and_each_once() {
        let of = |query| values(Some(query), ["a", "b"]);
        assert_eq!(of("b=1").expect("known"), [None, Some("1".to_owned())]);
        for (query, part) in [
            ("c=1", "`c`: `a`, `b` are allowed"),
            ("a=1&a=1", "`a` is given more than once"),
        ] {
            let error = format!("{:?}", of(query).expect_err(query));
            assert!(error.contains(part), "{error}");
        }
        assert_eq!(["0", "18446744073709551615"].map(digits), [Some(0), Some(u64::MAX)]);
        assert_eq!(
            ["", "+1", " 1", "1.0", "18446744073709551616", "x"].map(digits),
            [None; 6]
        );
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
