//! What is revoked, which lists count, and what authorities are told of.

use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject;

use super::*;

#[test]
fn what_was_revoked_is_not_believed_and_nothing_is_of_whom_nothing_is_known() {
    let (ca, unlisted) = (Ca::new("one"), Ca::new("unlisted"));
    let both = || authorities("revoked.pem", &[&ca, &unlisted]);
    let with = |serial: u64| {
        let mut params = params(&[], NOW + HOUR);
        params.serial_number = Some(SerialNumber::from(serial));
        params
    };
    let (kept, revoked) = (ca.issue(&with(7)), ca.issue(&with(8)));
    let of = |authorities: &Authorities, der: &CertificateDer<'static>| {
        authorities.recognise(std::slice::from_ref(der), ts(NOW)).is_ok()
    };
    let list = Kept::new("list.pem", &ca.list(&[8]));
    let narrowed = both().without(&list.0).expect("a list");
    assert_eq!([&kept, &revoked].map(|der| of(&both(), der)), [true, true]);
    assert_eq!([&kept, &revoked].map(|der| of(&narrowed, der)), [true, false]);
    assert!(!of(&narrowed, &unlisted.issue(&with(1))), "its authority has no list");
    assert!(both() == both() && both() != narrowed);
}

/// Why these authorities cannot have these lists.
fn refused(name: &str, all: &[&Ca], lists: &[String]) -> String {
    let file = Kept::new(name, &lists.concat());
    let refused = authorities(&format!("of-{name}"), all).without(&file.0);
    refused.expect_err(name).to_string()
}

#[test]
fn a_newer_list_behind_an_older_one_is_refused_and_not_passed_over() {
    let (ca, other) = (Ca::new("one"), Ca::new("other"));
    let (old, new) = (ca.list_of(&[], 1), ca.list_of(&[8], 2));
    for lists in [[old.clone(), other.list(&[]), new.clone()], [new, old, other.list(&[])]] {
        let why = refused("twice.pem", &[&ca, &other], &lists);
        assert!(why.contains("two lists in it are of authority `CN=one`"), "{why}");
    }
    // Nobody here has the certificate of an authority between.
    let between = Ca::of("between", Some(&ca), NOW + HOUR);
    let lists = [between.list(&[]), ca.list(&[]), between.list_of(&[8], 2)];
    let why = refused("between-twice.pem", &[&ca], &lists);
    assert!(why.contains("two lists in it are of authority `CN=between`"), "{why}");
}

#[test]
fn a_list_that_its_authority_has_not_signed_is_refused() {
    let (ca, forger) = (Ca::new("one"), Ca::new("one"));
    let why = refused("forged.pem", &[&ca], &[forger.list(&[])]);
    assert!(
        why.contains("the list of authority `CN=one` was not signed by it"),
        "{why}"
    );
    // Another key, or what is signed changed since.
    let file = Kept::new("signed.pem", &ca.list(&[8]));
    let der = CertificateRevocationListDer::from_pem_file(&file.0).expect("a list");
    let at = der.windows(3).position(|bytes| bytes == [2, 1, 8]).expect("its serial");
    let mut changed = der.to_vec();
    changed[at + 2] = 9;
    let why = refused(
        "changed.pem",
        &[&ca],
        &[pem(&changed.into()).replace("CERTIFICATE", "X509 CRL")],
    );
    assert!(why.contains("was not signed by it"), "{why}");
    assert!(authorities("signs.pem", &[&ca]).without(&file.0).is_ok());
    // Of more than 64 KiB.
    let many: Vec<u64> = (0..5_000).collect();
    let many = Kept::new("many.pem", &ca.list(&many));
    assert!(authorities("signs-many.pem", &[&ca]).without(&many.0).is_ok());
}

#[test]
fn authorities_of_one_name_have_to_have_one_key_where_lists_count() {
    let (old, new) = (Ca::new("one"), Ca::new("one"));
    let why = refused("rollover.pem", &[&old, &new], &[old.list(&[])]);
    assert!(why.contains("two authorities of clients are named `CN=one`"), "{why}");
    let without_lists = authorities("rollover-ca.pem", &[&old, &new]);
    for ca in [&old, &new] {
        let leaf = ca.issue(&params(&[], NOW + HOUR));
        assert!(without_lists.recognise(&[leaf], ts(NOW)).is_ok());
    }
    let list = Kept::new("renewed.pem", &old.list(&[]));
    assert!(authorities("renewed-ca.pem", &[&old, &old]).without(&list.0).is_ok());
}

#[test]
fn a_list_of_an_authority_between_counts_and_is_verified_with_its_certificate() {
    let root = Ca::new("root");
    let (between, forger) = (Ca::of("between", Some(&root), NOW + HOUR), Ca::new("between"));
    let serial = |serial: u64| {
        let mut params = params(&[], NOW + HOUR);
        params.serial_number = Some(SerialNumber::from(serial));
        between.issue(&params)
    };
    let (kept, revoked) = (serial(7), serial(8));
    let of = |list: String, der: &CertificateDer<'static>| {
        let file = Kept::new("between-list.pem", &(root.list(&[]) + &list));
        let authorities = authorities("between-root.pem", &[&root]).without(&file.0);
        let chain = [der.clone(), between.der.clone()];
        authorities.expect("lists").recognise(&chain, ts(NOW)).is_ok()
    };
    assert!(of(between.list(&[8]), &kept));
    assert!(!of(between.list(&[8]), &revoked));
    assert!(!of(forger.list(&[]), &kept), "not signed by it");
}

#[test]
fn a_new_list_that_revokes_the_same_has_nobody_verified_anew() {
    let ca = Ca::new("one");
    let with = |list: String| {
        let file = Kept::new("meaning.pem", &list);
        authorities("meaning-ca.pem", &[&ca]).without(&file.0).expect("a list")
    };
    let (first, later, more) = (
        with(ca.list_of(&[8, 9], 1)),
        with(ca.list_of(&[9, 8], 2)),
        with(ca.list_of(&[8, 9, 10], 3)),
    );
    assert!(first != later, "another list all the same");
    let der = ca.issue(&params(&[], NOW + HOUR));
    let shown = first.recognise(&[der], ts(NOW)).expect("believed");
    let is_asked = |authorities: &Authorities| {
        let mut is_asked = false;
        shown.asked(authorities.edition, || {
            is_asked = true;
            Some(ts(NOW + HOUR))
        });
        is_asked
    };
    assert!(!is_asked(&later) && is_asked(&more) && !is_asked(&more));
    assert!(is_asked(&authorities("meaning-none.pem", &[&ca])), "without lists");
    // Whoever was not believed is asked about by all others.
    shown.asked(with(ca.list_of(&[], 4)).edition, || None);
    assert!(is_asked(&with(ca.list_of(&[], 5))));
}

#[test]
fn authorities_that_have_ended_or_soon_will_and_such_without_a_list_are_told_of() {
    let day = 24 * HOUR;
    let (ended, soon) = (Ca::of("ended", None, NOW - 1), Ca::of("soon", None, NOW + 29 * day));
    let later = Ca::of("later", None, NOW + 31 * day);
    let all = authorities("notes.pem", &[&ended, &soon, &later]);
    let notes = all.notes(ts(NOW));
    assert!(
        notes[0].contains("authority `CN=ended` has ended at 2027-01-15T07:59:59Z"),
        "{notes:?}"
    );
    assert!(
        notes[1].contains("authority `CN=soon` ends at 2027-02-13T"),
        "{notes:?}"
    );
    assert_eq!(notes.len(), 2);
    let leaf = ended.issue(&params(&[], NOW + HOUR));
    assert!(all.recognise(&[leaf], ts(NOW)).is_ok(), "it is believed nevertheless");
    let list = Kept::new("notes-list.pem", &soon.list(&[]));
    let notes = authorities("notes-later.pem", &[&later, &soon]).without(&list.0);
    let notes = notes.expect("a list").notes(ts(NOW - 10 * day));
    assert_eq!(
        notes,
        ["authority `CN=later` has no list: nothing that it has issued is believed"]
    );
}
