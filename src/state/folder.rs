//! The folder on the disk: one process at a time, a file that is whole or not there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::checkpoint::FILE_BYTES_MAX;
use super::{Checkpoint, Fault, StateError, Timeline};
use crate::market::Ts;
use crate::store::Epoch;

const FILE: &str = "store.state";
const NEW: &str = "store.state.new";
const LOCK: &str = "lock";

/// A folder that this process alone keeps its state in, until this is dropped or the process ends.
#[derive(Debug)]
pub struct Folder {
    dir: PathBuf,
    lock: File,
}

impl Folder {
    /// Opens a folder, makes it if its name is free, and reads what is there. A file that cannot be used is set aside.
    ///
    /// # Errors
    /// Where it cannot be used, or another process uses it.
    pub fn open(dir: &Path) -> Result<(Folder, Option<Checkpoint>), StateError> {
        let fault = |what| {
            move |source| StateError::System {
                dir: dir.to_owned(),
                what,
                source,
            }
        };
        match fs::create_dir_all(dir) {
            Err(_) if dir.exists() && !dir.is_dir() => return Err(StateError::NoFolder { dir: dir.to_owned() }),
            made => made.map_err(fault("make it"))?,
        }
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let lock = options.open(dir.join(LOCK)).map_err(fault("open `lock` in it"))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(StateError::InUse { dir: dir.to_owned() }),
            locked => locked.map_err(|errno| fault("lock it")(errno.into()))?,
        }
        let folder = Folder {
            dir: dir.to_owned(),
            lock,
        };
        let bytes = match folder.read() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((folder, None)),
            read => read.map_err(fault("read `store.state`"))?,
        };
        match Checkpoint::decode(&bytes) {
            Ok(checkpoint) => Ok((folder, Some(checkpoint))),
            Err(what) => {
                folder.set_aside(what).map_err(fault("set `store.state` aside"))?;
                Ok((folder, None))
            }
        }
    }

    /// Begins the timeline, and takes back what a clean stop has promised, before anyone is served.
    ///
    /// # Errors
    /// Where nothing can be written.
    pub fn begin(
        &self,
        checkpoint: Option<&Checkpoint>,
        fresh: Epoch,
        instruments_max: usize,
        now: Ts,
    ) -> Result<Timeline, StateError> {
        let timeline = match checkpoint {
            None => Timeline::empty(fresh, instruments_max),
            Some(checkpoint) => Timeline::revive(checkpoint, fresh, instruments_max, now),
        };
        let first = Checkpoint {
            epoch: timeline.epoch,
            is_final: false,
            taken: now,
            state: timeline.table.versioned(),
        };
        self.write(&first.encode()).map_err(|source| StateError::System {
            dir: self.dir.clone(),
            what: "write `store.state`",
            source,
        })?;
        if let Some(checkpoint) = checkpoint {
            let (instruments, epoch) = (timeline.writer.len_of_feeds(), timeline.epoch);
            let is_resumed = epoch == checkpoint.epoch;
            tracing::info!(dir = %self.dir.display(), instruments, %epoch, is_resumed, "the store goes on from its checkpoint");
        }
        Ok(timeline)
    }

    /// Where it is.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Replaces the file at once, or leaves it as it was.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        self.check_ours()?;
        let new = self.dir.join(NEW);
        let write = || {
            let mut file = File::create(&new)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&new, self.dir.join(FILE))
        };
        // What was written in vain takes no room of a disk that is full.
        write().inspect_err(|_| drop(fs::remove_file(&new)))?;
        File::open(&self.dir)?.sync_all()
    }

    /// A folder that was removed and made again has another lock, which another process may hold.
    fn check_ours(&self) -> io::Result<()> {
        let (ours, there) = (self.lock.metadata()?, fs::metadata(self.dir.join(LOCK))?);
        match (ours.dev(), ours.ino()) == (there.dev(), there.ino()) {
            true => Ok(()),
            false => Err(io::Error::other(
                "its `lock` is no longer the one that this server holds",
            )),
        }
    }

    fn read(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let file = File::open(self.dir.join(FILE))?;
        // One byte more than any has: what is longer is damaged.
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn set_aside(&self, what: Fault) -> io::Result<()> {
        let aside = self
            .dir
            .join(format!("{FILE}.{}-{}", what.word(), Ts::now().0 / 1_000_000));
        fs::rename(self.dir.join(FILE), &aside)?;
        let (file, aside) = (self.dir.join(FILE), aside.display());
        tracing::error!(file = %file.display(), %aside, "checkpoint set aside, the store begins empty: {what}");
        Ok(())
    }
}
