//! One recording: a tape or a raw capture, told apart by what is in it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::beats::beat_of;
use super::captured::{Captured, captured};
use crate::feed::SpecError;
use crate::market::{Event, Symbol, Ts, Update, VenueName};
use crate::store::{Image, Writer};
use crate::tape::{CaptureReader, OnDamage, TAPE_MAGIC, TapeError, TapeReader, Taped, What};

/// What a recording says at one time.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)] // nearly all is events
pub(super) enum Said {
    Event(Event),
    /// A tape begins with a state.
    Image(Box<Image>),
}

/// What is known of a recording before it is played.
#[derive(Clone, Debug)]
pub(super) struct Label {
    pub(super) file: PathBuf,
    /// Captures in which the recorder went on.
    rest: Vec<PathBuf>,
    pub(super) venues: Vec<VenueName>,
    pub(super) first: Ts,
    pub(super) last: Ts,
    /// Whatever has an earlier time comes at this one: before, another recording of its venue is played.
    pub(super) floor: Ts,
    is_tape: bool,
    /// Another name for its venue.
    rename: Option<VenueName>,
    on_damage: OnDamage,
}

impl Label {
    /// Looks into a file. Blocks; a capture is read through for its last time.
    ///
    /// # Errors
    /// The file cannot be played.
    pub(super) fn read(file: &Path, rename: Option<VenueName>, on_damage: OnDamage) -> Result<Label, SpecError> {
        let mut label = Label {
            file: file.to_owned(),
            rest: Vec::new(),
            venues: Vec::new(),
            first: Ts(0),
            last: Ts(0),
            floor: Ts(i64::MIN),
            is_tape: is_tape(file)?,
            rename,
            on_damage,
        };
        if label.is_tape {
            let reader = TapeReader::open(file, on_damage)?;
            let info = reader.info();
            (label.first, label.last) = (info.first, info.last);
            label.venues = info.venues.clone();
            if let Some(rename) = &label.rename {
                if label.venues.len() > 1 {
                    return Err(SpecError::RenameOfMany {
                        file: file.to_owned(),
                        venues: label.venues.len(),
                    });
                }
                label.venues = vec![rename.clone()];
            }
        } else {
            label.venues = vec![captured(file, label.rename.clone())?.venue().clone()];
            (label.first, label.last) = span_of_capture(file)?;
        }
        Ok(label)
    }

    /// Its file, and those in which it goes on.
    pub(super) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.file).chain(&self.rest)
    }

    /// Whether nothing was recorded: then it has no times either.
    pub(super) fn is_empty(&self) -> bool {
        (self.first, self.last) == (Ts(0), Ts(0))
    }

    /// Where both are files of one recorder, whether this one has the lower number.
    pub(super) fn number_before(&self, other: &Label) -> Option<bool> {
        let (one, other) = (numbered(&self.file)?, numbered(&other.file)?);
        let is_one_recorder = (&one.0, &one.2) == (&other.0, &other.2);
        (is_one_recorder && one.1 != other.1).then_some(one.1 < other.1)
    }

    /// Whether the other file is the same capture's next: its first frames need what the parser knows from here.
    pub(super) fn goes_on_in(&self, next: &Label) -> bool {
        !self.is_tape && !next.is_tape && self.venues == next.venues && self.number_before(next) == Some(true)
    }

    /// Goes on in another file.
    pub(super) fn join(&mut self, next: Label) {
        self.last = self.last.max(next.last);
        self.rest.push(next.file);
    }
}

/// What stands before and behind the number in the name of a recorder's file, `x.0001.tape`, and the number.
fn numbered(file: &Path) -> Option<(PathBuf, u64, String)> {
    let name = file.file_name()?.to_str()?;
    let parts: Vec<&str> = name.split('.').collect();
    let is_number = |part: &&str| part.len() >= 4 && part.bytes().all(|b| b.is_ascii_digit());
    let at = parts.iter().rposition(is_number).filter(|at| *at > 0)?;
    let head = file.with_file_name(parts[..at].join("."));
    Some((head, parts[at].parse().ok()?, parts[at + 1..].join(".")))
}

fn is_tape(file: &Path) -> Result<bool, TapeError> {
    let open = |source| TapeError::Open {
        file: file.to_owned(),
        source,
    };
    let mut start = Vec::new();
    let input = File::open(file).map_err(open)?;
    input
        .take(TAPE_MAGIC.len() as u64)
        .read_to_end(&mut start)
        .map_err(open)?;
    Ok(start == TAPE_MAGIC)
}

/// The first and the newest receive time; where a fault ends it, up to there: it is told when it is played.
fn span_of_capture(file: &Path) -> Result<(Ts, Ts), TapeError> {
    let mut reader = CaptureReader::open(file)?;
    let mut span = None;
    while let Ok(Some(record)) = reader.next_record() {
        let (first, last) = span.unwrap_or((record.ts_recv, record.ts_recv));
        span = Some((first, last.max(record.ts_recv)));
    }
    Ok(span.unwrap_or_default())
}

/// A recording being read.
pub(super) struct Source {
    label: Label,
    from: From,
    /// The newest time so far: what steps back counts as that.
    now: Ts,
}

enum From {
    Capture(Box<Captured>),
    Tape {
        reader: Box<TapeReader>,
        /// What was read of the file and not given out.
        block: Vec<Taped>,
        ready: VecDeque<Taped>,
        /// The state that it begins with, until it was given out.
        image: Option<Box<Image>>,
        renamed: Renamed,
        /// Damaged places that were logged.
        logged: usize,
    },
}

impl Source {
    /// Opens a recording at its beginning.
    ///
    /// # Errors
    /// The file has changed since it was looked into.
    pub(super) fn open(label: &Label) -> Result<Source, SpecError> {
        let from = if label.is_tape {
            let reader = Box::new(TapeReader::open(&label.file, label.on_damage)?);
            let renamed = Renamed::new(label.rename.clone());
            let image = Some(reader.image()).filter(|image| **image != Image::default());
            From::Tape {
                image: image.map(|image| Box::new(renamed.image(image.clone()))),
                reader,
                block: Vec::new(),
                ready: VecDeque::new(),
                renamed,
                logged: 0,
            }
        } else {
            let mut events = captured(&label.file, label.rename.clone())?;
            events.go_on_in(label.rest.clone());
            From::Capture(Box::new(events))
        };
        Ok(Source {
            label: label.clone(),
            from,
            now: label.floor,
        })
    }

    /// The next of what it says, and when; `None` at the end. Blocks on the file system.
    ///
    /// # Errors
    /// The first fault; after it comes nothing.
    pub(super) fn next(&mut self) -> Result<Option<(Ts, Said)>, TapeError> {
        let next = match &mut self.from {
            From::Capture(events) => {
                let next = events.next().transpose()?;
                next.map(|(ts, event)| (ts, Said::Event(event)))
            }
            From::Tape {
                image: image @ Some(_), ..
            } => image.take().map(|image| (self.label.first, Said::Image(image))),
            From::Tape {
                reader,
                block,
                ready,
                renamed,
                logged,
                ..
            } => loop {
                if let Some(Taped { ts, what }) = ready.pop_front() {
                    match what {
                        What::Event(event) => break Some((ts, Said::Event(renamed.event(event)))),
                        // The states that it means stand behind it.
                        What::Gap { .. } => {}
                    }
                } else {
                    let goes_on = reader.read(block)?;
                    for damage in &reader.damages()[*logged..] {
                        let (file, offset, bytes) = (self.label.file.display(), damage.offset, damage.bytes);
                        tracing::warn!(%file, offset, bytes, what = %damage.what, "a damaged place of a tape is left out");
                    }
                    *logged = reader.damages().len();
                    if !goes_on {
                        break None;
                    }
                    ready.extend(block.drain(..));
                }
            },
        };
        Ok(next.map(|(ts, said)| {
            self.now = self.now.max(ts);
            (self.now, said)
        }))
    }

    /// Goes to just behind all that is not after `ts`, and gives the state there.
    ///
    /// # Errors
    /// The first fault on the way.
    pub(super) fn seek(&mut self, ts: Ts) -> Result<Image, SpecError> {
        if ts < self.label.first {
            *self = Source::open(&self.label)?;
            return Ok(Image::default());
        }
        let mut writer = Writer::new(usize::MAX);
        match &mut self.from {
            From::Capture(_) => *self = Source::open(&self.label)?,
            From::Tape {
                reader,
                ready,
                image,
                renamed,
                ..
            } => {
                writer.restore(&renamed.image(reader.seek(ts)?));
                ready.clear();
                *image = None;
                // What steps back behind it counts as the newest before it, as when all is played.
                self.now = reader.newest_before().unwrap_or(self.label.floor).max(self.label.floor);
            }
        }
        while let Some((at, said)) = self.next()? {
            if at > ts {
                self.give_back(at, said);
                break;
            }
            match said {
                Said::Event(event) => writer.apply(&event, beat_of(at)),
                Said::Image(image) => writer.restore(&image),
            }
        }
        Ok(writer.image())
    }

    /// Takes back what was read too far.
    fn give_back(&mut self, at: Ts, said: Said) {
        match (&mut self.from, said) {
            (From::Capture(events), Said::Event(event)) => events.give_back(at, event),
            (From::Tape { ready, .. }, Said::Event(event)) => ready.push_front(Taped {
                ts: at,
                what: What::Event(event),
            }),
            (From::Tape { image, .. }, Said::Image(state)) => *image = Some(state),
            (From::Capture(_), Said::Image(_)) => {}
        }
    }
}

/// Another name for the venue of a tape.
struct Renamed {
    venue: Option<VenueName>,
}

impl Renamed {
    fn new(venue: Option<VenueName>) -> Renamed {
        Renamed { venue }
    }

    fn symbol(&self, symbol: Symbol) -> Symbol {
        let renamed = self
            .venue
            .as_ref()
            .and_then(|venue| Symbol::new(venue, symbol.name()).ok());
        renamed.unwrap_or(symbol)
    }

    fn event(&self, event: Event) -> Event {
        let Some(name) = &self.venue else { return event };
        match event {
            Event::Update(update) => Event::Update(Update {
                symbol: self.symbol(update.symbol),
                ..update
            }),
            Event::Listed {
                symbol,
                price_decimals,
                size_decimals,
                volume_decimals,
            } => Event::Listed {
                symbol: self.symbol(symbol),
                price_decimals,
                size_decimals,
                volume_decimals,
            },
            Event::Removed(symbol) => Event::Removed(self.symbol(symbol)),
            Event::State { symbol, state, cause } => Event::State {
                symbol: self.symbol(symbol),
                state,
                cause,
            },
            Event::Venue { state, reason, .. } => Event::Venue {
                venue: name.clone(),
                state,
                reason,
            },
        }
    }

    /// A state as it is told at the end of a beat.
    fn image(&self, mut image: Image) -> Image {
        image
            .venues
            .iter_mut()
            .for_each(|venue| venue.since = beat_of(venue.since));
        if let Some(name) = &self.venue {
            for instrument in &mut image.instruments {
                instrument.listing.symbol = self.symbol(instrument.listing.symbol.clone());
            }
            image.venues.iter_mut().for_each(|venue| venue.name = name.clone());
        }
        image
    }
}
