//! Files of certificates that cannot be used: what comes of it, and when it is told.

use crate::server::bounds::CERTIFICATE_LOOK;

/// Looks within five minutes.
const LOOKS_TO_TELL: u32 = 300 / CERTIFICATE_LOOK.as_secs() as u32;

/// Whose files cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Certificate,
    Authorities,
    Revocations,
}

impl What {
    pub(super) fn label(self) -> &'static str {
        match self {
            What::Certificate => "certificate",
            What::Authorities | What::Revocations => "clients",
        }
    }

    /// What comes of it: the files are taken together or not at all.
    pub(super) fn consequence(self) -> &'static str {
        match self {
            What::Certificate => {
                "the changed certificate cannot be used: the one before is shown, and no later change of authorities of \
                 clients or lists of revoked certificates counts"
            }
            What::Authorities => {
                "the changed authorities of clients cannot be used: the ones before count, and the list of revoked \
                 certificates before"
            }
            What::Revocations => {
                "the changed list of revoked certificates cannot be used: the one before counts, and what was revoked \
                 since is believed"
            }
        }
    }
}

/// Looks in a row at files that could not be used.
#[derive(Default)]
pub(super) struct Faults {
    what: Option<What>,
    count: u32,
}

impl Faults {
    /// Whether one more is told: the second, for files are replaced one after the other, and then one every five minutes.
    pub(super) fn is_told(&mut self, what: What) -> bool {
        if self.what.replace(what) != Some(what) {
            self.count = 0;
        }
        self.count = self.count.saturating_add(1);
        self.count % LOOKS_TO_TELL == 2
    }

    /// Whether there were any that were told.
    pub(super) fn end(&mut self) -> bool {
        std::mem::take(self).count >= 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_told_at_its_second_look_and_every_five_minutes_and_its_end_once() {
        let mut faults = Faults::default();
        assert!(!faults.end());
        let told = |faults: &mut Faults, what, looks: u32| {
            let told = (1..=looks).filter(|_| faults.is_told(what));
            told.count()
        };
        assert_eq!(told(&mut faults, What::Revocations, 1), 0);
        assert!(!faults.end(), "a renewal under way");
        let at: Vec<u32> = (1..=130).filter(|_| faults.is_told(What::Revocations)).collect();
        assert_eq!(at, [2, 62, 122]);
        // Of another file it is another fault.
        assert_eq!(told(&mut faults, What::Certificate, 2), 1);
        assert!(faults.end() && !faults.end());
    }
}
