use proptest::prelude::*;

use super::*;
use crate::fanout::SubscriberId;
use crate::market::{Event, VenueName};
use crate::store::Writer;

const MEMBERS: u32 = 3;

fn listed(writer: &mut Writer, table: &mut Table, groups: &mut Groups, number: u8) {
    let venue = VenueName::parse("v").expect("a venue");
    let symbol = Symbol::new(&venue, &format!("S{number}")).expect("a symbol");
    let (price_decimals, size_decimals, volume_decimals) = (None, None, None);
    let event = Event::Listed {
        symbol: symbol.clone(),
        price_decimals,
        size_decimals,
        volume_decimals,
    };
    writer.apply(&event, crate::market::Ts(1));
    let known = table.len();
    if let Some(beat) = writer.seal(crate::market::Ts(1)) {
        table.apply(&beat);
    }
    if table.len() > known {
        groups.listed(InstrumentId::from_index(known), &symbol);
    }
}

/// All, one venue, a few by their name, none.
fn rights(which: u8) -> Rights {
    let some: &[&str] = match which {
        0 => return Rights::all(),
        1 => &["v:*"],
        2 => &["v:S1", "*2", "*7"],
        _ => &[],
    };
    Rights::of(some.iter().map(|s| SymbolPattern::parse(s).expect(s)))
}

fn key(strings: &[&str], rights: Rights, pace: u64) -> GroupKey {
    let mut strings: Vec<&str> = strings.to_vec();
    strings.sort_unstable();
    strings.dedup();
    let strings = strings
        .iter()
        .map(|s| SymbolPattern::parse(s).expect("a string"))
        .collect();
    GroupKey {
        strings,
        rights,
        encoding: Encoding::Protobuf,
        compression: Compression::None,
        pace: Pace::new(pace, SubscriberId(1)),
    }
}

/// Whom a change of each instrument concerns, and whom the listing of each symbol.
fn told(groups: &Groups, table: &Table) -> (Vec<Vec<u32>>, Vec<Vec<u32>>) {
    let members = |ids: &mut dyn Iterator<Item = GroupId>| {
        let mut members: Vec<u32> = ids.flat_map(|id| groups.get(id).members.clone()).collect();
        members.sort_unstable();
        members
    };
    let ids = (0..table.len()).map(InstrumentId::from_index);
    let concerned = ids.map(|id| members(&mut groups.interest.get(id.index()).into_iter().flatten().copied()));
    let symbols = (0..8).map(|n| Symbol::parse(&format!("v:S{n}")).expect("a symbol"));
    let waiting = symbols.map(|s| {
        let mut ids: Vec<GroupId> = groups.exact.get(&s).into_iter().flatten().copied().collect();
        ids.extend(groups.globs.iter().copied().filter(|g| groups.get(*g).wants(&s)));
        ids.sort_unstable_by_key(|id| id.0);
        ids.dedup();
        members(&mut ids.into_iter())
    });
    (concerned.collect(), waiting.collect())
}

proptest! {
    /// Moving keeps, changes, shares and makes groups; what is told to whom is as if all were made now.
    #[test]
    fn a_group_changed_in_place_is_as_one_made_now(
        steps in prop::collection::vec(
            (0..MEMBERS, prop::collection::vec(0u8..10, 1..5), 0u8..4, 0u8..8, 1u64..3),
            1..40,
        ),
    ) {
        const STRINGS: [&str; 10] = ["v:S0", "v:S1", "v:S2", "v:S3", "v:S4", "v:S5", "v:*", "v:S1*", "w:*", "v:S7"];
        let (mut writer, mut table, mut groups) = (Writer::new(20), Table::new(), Groups::default());
        let mut asked: [Option<(GroupId, GroupKey)>; MEMBERS as usize] = Default::default();
        for (member, strings, may_see, new, pace) in steps {
            listed(&mut writer, &mut table, &mut groups, new);
            let strings: Vec<&str> = strings.iter().map(|n| STRINGS[*n as usize]).collect();
            let key = key(&strings, rights(may_see), pace);
            let place = &mut asked[member as usize];
            let old = place.take().map(|(id, _)| id);
            *place = Some((groups.move_to(key.clone(), member, old, &table), key));
            let mut anew = Groups::default();
            for (member, (id, key)) in asked.iter().enumerate().filter_map(|(n, a)| Some((n, a.as_ref()?))) {
                anew.join(key.clone(), member as u32, &table);
                prop_assert_eq!(&groups.get(*id).key, key);
                prop_assert_eq!(&groups.get(*id).held, &resolve(&key.strings, &key.rights, &table));
                prop_assert!(groups.get(*id).members.contains(&(member as u32)));
                prop_assert_eq!(groups.by_key.get(key), Some(id));
            }
            prop_assert_eq!(told(&groups, &table), told(&anew, &table));
            prop_assert_eq!(groups.by_key.len(), anew.by_key.len());
            prop_assert_eq!(groups.paced.len(), anew.paced.len());
        }
    }
}
