//! The rules of the protocol, one test a rule.

use super::*;
use crate::client::{Breach, Outcome, View};
use crate::market::{Field, StaleCause, TickerState, Ts};
use crate::wire::proto::client_message::Body as ClientBody;
use crate::wire::proto::{Ack, Error, Position, Rejected, Subscribe, Venue};

/// A view and the numbers of its requests.
struct Peer {
    view: View,
    requests: u64,
}

impl Peer {
    fn new(strings: &[&str]) -> Peer {
        let mut peer = Peer {
            view: View::new(),
            requests: 0,
        };
        assert_eq!(peer.view.want(strings.iter().map(|s| pattern(s))), 0);
        peer
    }

    /// Takes the subscribes that it would send.
    fn asks(&mut self) -> Vec<Subscribe> {
        let requests = &mut self.requests;
        let messages = self.view.requests(|| {
            *requests += 1;
            *requests
        });
        let subscribe = |body| match body {
            Some(ClientBody::Subscribe(subscribe)) => subscribe,
            other => panic!("{other:?}"),
        };
        messages.into_iter().map(|m| subscribe(m.body)).collect()
    }

    fn apply(&mut self, message: impl Into<ServerMessage>) -> Outcome {
        self.view.apply(&message.into())
    }

    fn applied(&mut self, message: impl Into<ServerMessage>) {
        let message = message.into();
        let outcome = self.view.apply(&message);
        assert!(matches!(outcome, Outcome::Applied(_)), "{outcome:?} of {message:?}");
    }

    fn text(&self, symbol: &str, field: Field) -> Option<String> {
        Some(self.view.get(symbol)?.value(field)?.to_string())
    }

    fn symbols(&self) -> Vec<String> {
        self.view.dump().into_keys().collect()
    }
}

/// Holds `a:*` at seq 5 with `a:A` (id 1) and `a:B` (id 2).
fn holding() -> Peer {
    let mut peer = Peer::new(&["a:*"]);
    assert_eq!(peer.asks()[0].resume, None);
    let instruments = vec![instrument(1, "a:A"), instrument(2, "a:B")];
    peer.applied(whole(1, 5, instruments, vec![counted(1, 100, 3), counted(2, 200, 4)]));
    assert!(peer.view.is_caught_up(5));
    peer
}

#[test]
fn a_snapshot_gives_exact_values_with_the_instruments_decimals() {
    let mut peer = holding();
    assert_eq!(peer.text("a:A", Field::BidPrice).as_deref(), Some("1.00"));
    let entry = Ticker {
        bid_price: Some(i64::MIN),
        bid_size: Some(u64::MAX),
        ..bid(1, 0)
    };
    peer.applied(delta(
        5,
        6,
        vec![Ticker {
            volume: Some(7),
            last_side: Some(2),
            ..entry
        }],
    ));
    let row = &peer.view.dump()["a:A"];
    let values: Vec<_> = row.values.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let (price, size) = ("-92233720368547758.08", "18446744073709551.615");
    assert_eq!(
        values,
        [
            ("bid_price", price),
            ("bid_size", size),
            ("last_side", "2"),
            ("volume", "7")
        ]
    );
}

#[test]
fn an_old_delta_is_ignored_a_fitting_one_applied_and_a_hole_is_lost_once() {
    let mut peer = holding();
    assert_eq!(peer.apply(delta(4, 5, vec![bid(1, 1)])), Outcome::Ignored);
    // From before own seq, conflated: absolute values do no harm.
    peer.applied(delta(
        2,
        6,
        vec![Ticker {
            update_count: Some(9),
            ..bid(1, 101)
        }],
    ));
    assert_eq!(peer.view.get("a:A").expect("held").update_count(), 9);
    // An absent prev_seq is seq - 1.
    peer.applied(Delta {
        prev_seq: None,
        ..delta(0, 7, vec![bid(1, 102)])
    });
    assert_eq!(peer.apply(delta(8, 9, vec![bid(1, 1)])), Outcome::Lost);
    let asks = peer.asks();
    assert_eq!((asks.len(), asks[0].resume), (1, Some(Position { epoch: 9, seq: 7 })));
    assert_eq!(peer.apply(delta(9, 10, vec![bid(1, 1)])), Outcome::Ignored);
    assert!(peer.asks().is_empty() && !peer.view.is_complete());
    peer.applied(Snapshot {
        resumed: true,
        ..whole(2, 11, vec![], vec![counted(1, 111, 20)])
    });
    peer.applied(delta(
        11,
        12,
        vec![Ticker {
            updates: Some(3),
            ..bid(2, 222)
        }],
    ));
    assert!(peer.view.is_caught_up(12));
    assert_eq!(peer.view.get("a:A").expect("held").update_count(), 20);
    assert_eq!(peer.view.get("a:B").expect("held").update_count(), 7);
    assert_eq!(peer.view.losses(), 1);
}

#[test]
fn a_heartbeat_moves_own_seq_and_tells_of_what_was_lost() {
    let mut peer = holding();
    peer.applied(heartbeat(5, 8));
    peer.applied(heartbeat(5, 3));
    assert_eq!(peer.view.seq(), 8);
    assert_eq!(peer.apply(heartbeat(9, 9)), Outcome::Lost);
    assert_eq!(peer.asks()[0].resume, Some(Position { epoch: 9, seq: 8 }));
}

#[test]
fn before_its_first_snapshot_part_a_new_connection_moves_nothing() {
    let mut peer = holding();
    peer.view.disconnected();
    // Nothing is held there yet, so `everything` is nothing: own seq 50 would lose 6 to 50.
    assert_eq!(peer.apply(heartbeat(0, 50)), Outcome::Ignored);
    assert_eq!(peer.apply(delta(5, 6, vec![bid(1, 1)])), Outcome::Ignored);
    assert_eq!(peer.asks()[0].resume, Some(Position { epoch: 9, seq: 5 }));
}

#[test]
fn own_seq_moves_with_the_last_part_of_a_delta_and_skipped_counts_once() {
    let mut peer = holding();
    peer.applied(Delta {
        more: true,
        skipped: 2,
        ..delta(5, 9, vec![bid(1, 1)])
    });
    assert_eq!((peer.view.seq(), peer.view.skipped()), (5, 0));
    peer.applied(Delta {
        skipped: 2,
        ..delta(5, 9, vec![bid(2, 2)])
    });
    assert_eq!((peer.view.seq(), peer.view.skipped()), (9, 2));
}

#[test]
fn strings_are_named_in_a_resume_only_after_their_last_part() {
    let mut peer = holding();
    assert_eq!(peer.view.want([pattern("b:*")]), 0);
    assert_eq!(peer.asks()[0].symbols, ["b:*"]);
    peer.applied(Snapshot {
        more: true,
        ..whole(2, 8, vec![instrument(3, "b:A")], vec![counted(3, 1, 1)])
    });
    assert_eq!(peer.view.seq(), 8);
    peer.view.disconnected();
    let asks = peer.asks();
    let told: Vec<_> = asks
        .iter()
        .map(|a| (a.symbols[0].as_str(), a.resume.map(|p| p.seq)))
        .collect();
    assert_eq!(told, [("b:*", None), ("a:*", Some(8))]);
}

#[test]
fn a_loss_between_the_parts_of_an_answer_has_it_asked_again() {
    let mut peer = Peer::new(&["a:*"]);
    peer.asks();
    peer.applied(Snapshot {
        more: true,
        ..whole(1, 5, vec![instrument(1, "a:A")], vec![counted(1, 1, 1)])
    });
    assert_eq!(peer.apply(delta(6, 7, vec![bid(1, 2)])), Outcome::Ignored);
    peer.applied(whole(1, 8, vec![instrument(2, "a:B")], vec![counted(2, 1, 1)]));
    assert!(!peer.view.is_complete());
    assert_eq!(peer.asks()[0].resume, None);
}

#[test]
fn a_whole_answer_replaces_its_symbols_and_no_others() {
    let mut peer = holding();
    assert_eq!(peer.view.want([pattern("b:A")]), 0);
    peer.asks();
    peer.applied(whole(2, 6, vec![instrument(7, "b:A")], vec![counted(7, 1, 1)]));
    assert_eq!(peer.view.want([pattern("a:*")]), 0);
    peer.asks();
    peer.applied(Snapshot {
        more: true,
        ..whole(3, 7, vec![instrument(1, "a:A")], vec![])
    });
    // Appears between the parts: no part names it, it stays.
    peer.applied(Delta {
        instruments: vec![instrument(8, "a:NEW")],
        ..delta(7, 8, vec![bid(8, 5)])
    });
    assert_eq!(peer.symbols(), ["a:A", "a:B", "a:NEW", "b:A"]);
    peer.applied(whole(3, 9, vec![], vec![]));
    assert_eq!(peer.symbols(), ["a:A", "a:NEW", "b:A"]);
    // Absent means no value in a whole snapshot.
    let row = &peer.view.dump()["a:A"];
    assert_eq!((row.values.len(), row.update_count, row.state), (0, 0, None));
}

#[test]
fn a_new_epoch_voids_everything_and_is_asked_for_whole() {
    let mut peer = holding();
    assert_eq!(peer.view.want([pattern("b:A")]), 0);
    peer.asks();
    peer.applied(Snapshot {
        epoch: 10,
        ..whole(2, 2, vec![instrument(1, "b:A")], vec![counted(1, 1, 1)])
    });
    assert_eq!(
        (peer.symbols(), peer.view.seq(), peer.view.epoch()),
        (vec!["b:A".into()], 2, Some(10))
    );
    let asks = peer.asks();
    assert_eq!(
        (asks.len(), asks[0].symbols[0].as_str(), asks[0].resume),
        (1, "a:*", None)
    );
}

#[test]
fn a_new_epoch_told_unasked_is_complete_with_its_last_part_and_is_not_asked_for_again() {
    let mut peer = holding();
    assert_eq!(peer.view.want([pattern("a:LATER")]), 0);
    peer.asks();
    peer.applied(whole(2, 6, vec![], vec![]));
    let part = |seq, id, symbol| Snapshot {
        epoch: 10,
        more: true,
        ..whole(0, seq, vec![instrument(id, symbol)], vec![counted(id, 7, 1)])
    };
    peer.applied(part(8, 1, "a:C"));
    assert_eq!((peer.symbols(), peer.view.epoch()), (vec!["a:C".into()], Some(10)));
    assert!(!peer.view.is_complete(), "the last part is still to come");
    peer.applied(delta(8, 9, vec![bid(1, 8)]));
    assert!(!peer.view.is_caught_up(9));
    peer.applied(Snapshot {
        more: false,
        pending: vec!["a:LATER".into()],
        ..part(9, 2, "a:A")
    });
    assert_eq!(peer.symbols(), ["a:A", "a:C"]);
    assert_eq!(Vec::from_iter(peer.view.pending()), ["a:LATER"]);
    assert!(peer.view.is_caught_up(9) && peer.asks().is_empty());
    peer.applied(delta(9, 10, vec![bid(2, 9)]));
    assert_eq!(peer.text("a:A", Field::BidPrice).as_deref(), Some("0.09"));
}

#[test]
fn a_new_epoch_told_unasked_that_breaks_off_is_asked_for_whole() {
    let mut peer = holding();
    peer.applied(Snapshot {
        epoch: 10,
        more: true,
        ..whole(0, 8, vec![instrument(1, "a:C")], vec![counted(1, 7, 1)])
    });
    peer.view.disconnected();
    let asks = peer.asks();
    assert_eq!((asks.len(), asks[0].resume), (1, None));
}

#[test]
fn a_second_announcement_forgets_the_values_but_not_the_count() {
    let mut peer = holding();
    let finer = Instrument {
        price_decimals: 4,
        ..instrument(1, "a:A")
    };
    let ask = Ticker {
        id: 1,
        ask_price: Some(12345),
        ..Default::default()
    };
    peer.applied(Delta {
        instruments: vec![finer],
        ..delta(5, 6, vec![ask])
    });
    assert_eq!(peer.text("a:A", Field::AskPrice).as_deref(), Some("1.2345"));
    assert_eq!(peer.text("a:A", Field::BidPrice), None);
    assert_eq!(peer.view.get("a:A").expect("held").update_count(), 4);
}

#[test]
fn removed_comes_first_so_a_message_can_list_the_symbol_anew() {
    let mut peer = holding();
    let again = Delta {
        removed: vec![1, 2, 77],
        instruments: vec![instrument(3, "a:A")],
        ..Default::default()
    };
    peer.applied(Delta {
        tickers: vec![bid(3, 9)],
        seq: 6,
        ..again
    });
    assert_eq!(peer.symbols(), ["a:A"]);
    assert_eq!(peer.view.dump()["a:A"].update_count, 1);
}

#[test]
fn cleared_fields_have_no_value_and_unknown_bits_and_enums_are_ignored() {
    let mut peer = holding();
    let odd = Ticker {
        id: 1,
        cleared: Some(1 << 2 | 1 << 63),
        state: Some(99),
        last_side: Some(9),
        ..Default::default()
    };
    peer.applied(delta(5, 6, vec![odd]));
    let row = &peer.view.dump()["a:A"];
    assert!(row.values.is_empty());
    assert_eq!(row.state, Some(TickerState::Live));
    assert_eq!(peer.apply(ServerMessage { body: None }), Outcome::Ignored);
}

#[test]
fn a_price_is_live_only_if_its_venue_is_up_and_its_own_state_live() {
    let mut peer = holding();
    let is_live = |peer: &Peer| peer.view.is_live(peer.view.get("a:A").expect("held"));
    let venue = |state| Venue {
        name: "a".into(),
        state,
        since: 5,
        reason: "x\u{7}y".into(),
    };
    assert!(!is_live(&peer));
    peer.applied(Delta {
        venues: vec![venue(1)],
        ..delta(5, 6, vec![])
    });
    assert!(is_live(&peer));
    peer.applied(Delta {
        venues: vec![venue(7)],
        ..delta(6, 7, vec![])
    });
    assert!(is_live(&peer), "an unknown state is ignored");
    peer.applied(Delta {
        venues: vec![venue(3)],
        ..delta(7, 8, vec![])
    });
    assert!(!is_live(&peer));
    let stale = Ticker {
        id: 1,
        state: Some(2),
        cause: Some(1),
        ..Default::default()
    };
    peer.applied(Delta {
        venues: vec![venue(1)],
        ..delta(8, 9, vec![stale])
    });
    assert!(!is_live(&peer));
    assert_eq!(peer.view.dump()["a:A"].cause, Some(StaleCause::Gap));
    peer.applied(delta(
        9,
        10,
        vec![Ticker {
            id: 1,
            state: Some(1),
            ..Default::default()
        }],
    ));
    assert_eq!(peer.view.dump()["a:A"].cause, None);
    assert!(is_live(&peer));
    peer.view.disconnected();
    assert!(!is_live(&peer), "the connection is lost");
    let request_id = peer.requests + 1;
    assert_eq!(peer.asks().len(), 1);
    let resume = |more| Snapshot {
        resumed: true,
        more,
        ..whole(request_id, 11, vec![], vec![])
    };
    peer.applied(resume(true));
    assert!(!is_live(&peer), "it may be among what comes");
    peer.applied(resume(false));
    assert!(is_live(&peer), "it has not changed meanwhile");
    let status = peer.view.venues().values().next().expect("told");
    assert_eq!((status.reason.as_str(), status.since), ("x\u{fffd}y", Ts(5)));
}

#[test]
fn stamps_are_the_messages_minus_the_age_and_are_kept() {
    let mut peer = holding();
    let aged = Ticker {
        event_age_us: Some(-2),
        last_age_us: Some(3),
        ..bid(1, 1)
    };
    peer.applied(Delta {
        ts: 10_000,
        ..delta(5, 6, vec![aged])
    });
    peer.applied(Delta {
        ts: 90_000,
        ..delta(6, 7, vec![bid(1, 2)])
    });
    let ticker = peer.view.get("a:A").expect("held");
    assert_eq!(
        (ticker.ts_event(), ticker.ts_last()),
        (Some(Ts(12_000)), Some(Ts(7_000)))
    );
}

#[test]
fn what_is_taken_back_leaves_with_the_ack_unless_another_string_covers_it() {
    let mut peer = holding();
    assert_eq!(peer.view.want([pattern("a:B")]), 0);
    peer.asks();
    peer.applied(whole(2, 5, vec![instrument(2, "a:B")], vec![counted(2, 200, 4)]));
    let (sent, _) = peer.view.leave(&["a:*".into(), "never:given".into()], 3);
    assert!(matches!(sent.and_then(|m| m.body), Some(ClientBody::Unsubscribe(u)) if u.symbols == ["a:*"]));
    peer.applied(delta(5, 6, vec![bid(1, 7)]));
    assert_eq!(peer.symbols(), ["a:A", "a:B"]);
    peer.applied(message(Body::Ack(Ack {
        request_id: 3,
        ..Default::default()
    })));
    assert_eq!(peer.symbols(), ["a:B"]);
    // A refusal takes nothing back.
    let (sent, _) = peer.view.leave(&["a:B".into()], 4);
    assert!(sent.is_some());
    peer.applied(message(Body::Error(Error {
        request_id: 4,
        code: 8,
        message: String::new(),
    })));
    assert_eq!(
        (peer.symbols(), peer.asks()[0].symbols.clone()),
        (vec!["a:B".into()], vec!["a:B".into()])
    );
}

#[test]
fn refused_strings_are_not_asked_for_again_and_pending_ones_are_told() {
    let mut peer = Peer::new(&["a:LATER", "a:NO", "a:*"]);
    peer.asks();
    let rejected = vec![Rejected {
        symbol: "a:NO".into(),
        code: 3,
        message: "no".into(),
    }];
    peer.applied(Snapshot {
        rejected,
        pending: vec!["a:LATER".into()],
        ..whole(1, 1, vec![], vec![])
    });
    assert_eq!(Vec::from_iter(peer.view.pending()), ["a:LATER"]);
    peer.applied(Delta {
        instruments: vec![instrument(4, "a:LATER")],
        ..delta(1, 2, vec![bid(4, 1)])
    });
    assert!(peer.view.pending().is_empty());
    peer.view.disconnected();
    assert_eq!(peer.asks()[0].symbols, ["a:*", "a:LATER"]);
    let _ = peer.view.apply(&message(Body::Error(Error {
        request_id: 2,
        code: 5,
        message: String::new(),
    })));
    peer.view.disconnected();
    assert!(peer.asks().is_empty() && peer.view.is_empty());
}

#[test]
fn a_refused_pattern_takes_nothing_away_from_another_string_that_holds_it() {
    let mut peer = Peer::new(&["a:A"]);
    peer.asks();
    peer.applied(whole(1, 1, vec![instrument(1, "a:A")], vec![counted(1, 1, 1)]));
    peer.view.want([pattern("a:*")]);
    peer.asks();
    let rejected = vec![Rejected {
        symbol: "a:*".into(),
        code: 5,
        message: "too many".into(),
    }];
    peer.applied(Snapshot {
        rejected,
        ..whole(2, 2, vec![], vec![])
    });
    assert_eq!(peer.symbols(), ["a:A"]);
    peer.applied(delta(2, 3, vec![bid(1, 7)]));
}

#[test]
fn a_breach_is_counted_and_all_is_asked_for_whole_once() {
    for (bad, breach) in [
        (delta(5, 6, vec![bid(42, 1)]), Breach::Unannounced(42)),
        (
            Delta {
                instruments: vec![instrument(1, "a:OTHER")],
                ..delta(5, 6, vec![])
            },
            Breach::IdReused(1),
        ),
        (
            Delta {
                instruments: vec![instrument(9, "a:A B")],
                ..delta(5, 6, vec![])
            },
            Breach::Symbol(9),
        ),
        (
            Delta {
                instruments: vec![Instrument {
                    size_decimals: 19,
                    ..instrument(9, "a:C")
                }],
                ..delta(5, 6, vec![])
            },
            Breach::Decimals(9),
        ),
    ] {
        let mut peer = holding();
        assert_eq!(peer.apply(bad.clone()), Outcome::Broken(breach));
        assert_eq!(
            (peer.asks()[0].resume, peer.view.breaches(), peer.view.seq()),
            (None, 1, 5)
        );
        assert_eq!(peer.apply(bad), Outcome::Ignored);
        peer.applied(whole(2, 7, vec![instrument(1, "a:A")], vec![counted(1, 5, 5)]));
        assert_eq!(peer.symbols(), ["a:A"]);
        assert!(peer.view.is_caught_up(7));
    }
    let mut peer = holding();
    let other = Snapshot {
        epoch: 8,
        resumed: true,
        ..whole(1, 6, vec![], vec![])
    };
    assert_eq!(peer.apply(other), Outcome::Broken(Breach::Epoch));
}

#[test]
fn many_strings_go_in_several_requests() {
    let names: Vec<String> = (0..2_000).map(|n| format!("venue:NAME-THAT-IS-LONG-{n}")).collect();
    let mut peer = Peer::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let asks = peer.asks();
    assert!(asks.len() > 1);
    assert_eq!(asks.iter().map(|a| a.symbols.len()).sum::<usize>(), 2_000);
    for n in 1..=asks.len() as u64 {
        assert!(!peer.view.is_complete());
        peer.applied(whole(n, n, vec![], vec![]));
    }
    assert!(peer.view.is_complete());
}
