//! A URL's query: an input is what stands behind the `?`.

use tickwire::server::query_pairs;

/// Any text. What is taken can be written with every byte encoded; what is not taken has a `%` in the wrong place, or is no
/// UTF-8 once decoded.
pub fn query_string(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Some(pairs) = query_pairs(text) else {
        return assert!(text.contains('%'), "{text}");
    };
    let parts = text.split('&').filter(|part| !part.is_empty());
    assert_eq!(pairs.len(), parts.clone().count(), "{text}");
    for (part, (key, value)) in parts.zip(&pairs) {
        assert!(key.len() + value.len() <= part.len(), "{part}");
        if !part.contains('%') {
            let (plain_key, plain_value) = part.split_once('=').unwrap_or((part, ""));
            assert_eq!((key.as_str(), value.as_str()), (plain_key, plain_value));
        }
    }
    let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let written: Vec<_> = pairs
        .iter()
        .map(|(key, value)| format!("{}={}", encode(key), encode(value)))
        .collect();
    assert_eq!(query_pairs(&written.join("&")), Some(pairs), "{text}");
}
