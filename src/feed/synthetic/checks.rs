//! What the tests of every model look at.

use super::Model;
use crate::market::{Decimal, FIELDS, Field, Fields, Value};

/// The newest values, as a subscriber would hold them.
pub(super) struct View {
    pub(super) rows: Vec<[Option<Decimal>; FIELDS]>,
}

impl View {
    pub(super) fn new(symbols: usize) -> View {
        View {
            rows: vec![[None; FIELDS]; symbols],
        }
    }

    /// Applies an update and says which values differ from those before.
    pub(super) fn apply(&mut self, (at, fields): (usize, Fields)) -> Vec<Field> {
        let mut changed = Vec::new();
        for (field, value) in fields.iter() {
            let Value::Set(new) = value else {
                panic!("{field:?} is {value:?}");
            };
            if self.rows[at][field.index()].replace(new) != Some(new) {
                changed.push(field);
            }
        }
        changed
    }
}

/// The first pass gives whole rows in order; then each row stays sane for so many updates.
pub(super) fn rows_are_whole_and_sane(mut model: impl Model, symbols: usize, updates: usize) {
    let mut view = View::new(symbols);
    for n in 0..symbols {
        let (at, fields) = model.next_update();
        assert_eq!((at, fields.named().iter().count()), (n, FIELDS));
        view.apply((at, fields));
    }
    for _ in 0..updates {
        let (at, fields) = model.next_update();
        assert!(!fields.is_empty());
        view.apply((at, fields));
        let row = |field: Field| view.rows[at][field.index()].expect("a whole row");
        assert!(Decimal::ZERO < row(Field::BidPrice) && row(Field::BidPrice) < row(Field::AskPrice));
        for (field, value) in fields.iter() {
            let Value::Set(value) = value else {
                panic!("{field:?} is {value:?}");
            };
            assert!(value > Decimal::ZERO && value.decimals() <= 5, "{field:?} is {value}");
        }
    }
}

/// The same seed gives the same sequence, another seed another.
pub(super) fn follows_its_seed<M: Model>(make: impl Fn(u64) -> M) {
    let sequence = |seed| {
        let mut model = make(seed);
        (0..5000).map(|_| model.next_update()).collect::<Vec<_>>()
    };
    assert!(sequence(7) == sequence(7));
    assert!(sequence(7) != sequence(8));
}

/// Updates of each instrument after the first pass.
pub(super) fn counts(mut model: impl Model, symbols: usize, updates: usize) -> Vec<usize> {
    let mut counts = vec![0; symbols];
    for _ in 0..symbols {
        model.next_update();
    }
    for _ in 0..updates {
        counts[model.next_update().0] += 1;
    }
    counts
}
