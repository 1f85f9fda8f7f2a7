//! The JavaScript client's promises: each is kept by tests in `tests/js`.

mod support;

use support::node;

#[test]
fn what_is_made_is_what_the_types_say() {
    node::types();
}

#[test]
fn its_decoders_read_what_other_peoples_code_writes_and_refuse_what_is_no_message() {
    node::tests(&["decoders.test.js", "decimal.test.js"]);
}

#[test]
fn its_view_equals_the_truth_once_it_has_caught_up() {
    node::tests(&["view.test.js"]);
}

#[test]
fn it_asks_hands_over_and_comes_back_as_it_should() {
    node::tests(&[
        "client.test.js",
        "clock.test.js",
        "close.test.js",
        "credentials.test.js",
        "handover.test.js",
        "refusal.test.js",
    ]);
}

#[test]
fn in_all_encodings_over_cuts_and_slow_reading_it_ends_with_the_servers_values() {
    node::tests(&["convergence.test.js"]);
}

#[test]
fn after_the_end_of_a_server_it_has_its_successors_values() {
    node::tests(&["resume.test.js"]);
}

#[test]
fn the_five_lines_of_the_readme_show_a_price_in_a_blank_page() {
    node::page_tests(&["readme.test.js"]);
}

#[test]
fn a_blocked_page_is_conflated_and_does_not_grow() {
    node::page_tests(&["blocked_page.test.js"]);
}
