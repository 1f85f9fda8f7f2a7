//! The pages for people, in a real browser; each promise is kept by tests in `tests/js/dashboard`.

mod support;

use support::node;

#[test]
fn what_is_computed_of_prices_is_exact_and_a_list_keeps_its_order() {
    node::tests(&["dashboard/pure.test.js"]);
}

#[test]
fn rows_are_the_servers_values_and_move_and_names_are_text() {
    node::page_tests(&["dashboard/rows.test.js"]);
}

#[test]
fn what_is_lost_is_seen_to_be_lost_and_comes_back_right() {
    node::page_tests(&["dashboard/loss.test.js"]);
}

#[test]
fn the_watchlist_is_used_by_keyboard_by_mouse_and_on_a_phone() {
    node::page_tests(&["dashboard/use.test.js"]);
}

#[test]
fn rows_are_selected_by_keyboard_and_sorted_without_jumping_under_a_reader() {
    node::page_tests(&["dashboard/order.test.js"]);
}

#[test]
fn the_replay_bar_drives_a_replay() {
    node::page_tests(&["dashboard/replay.test.js"]);
}

#[test]
fn the_monitor_plots_the_servers_statistics() {
    node::page_tests(&["dashboard/monitor.test.js"]);
}

#[test]
fn five_hundred_rows_cost_little_and_leave_nothing_behind() {
    node::page_tests(&["dashboard/cost.test.js"]);
}

#[test]
fn a_page_signs_in_where_the_server_wants_to_know_who_reads() {
    node::page_tests(&["dashboard/signin.test.js"]);
}
