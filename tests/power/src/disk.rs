//! What a disk may hold after a power cut, worked out from a trace.
//!
//! The disk promises what the standard does and no more: what a sync of a file has returned from is there, and a name is
//! there once its folder was synced. Of all that came later each sector may be there, or not, or hold an earlier state,
//! whatever became of its neighbours and of other files; so may each name and each size. What was being written may be
//! junk; bytes beside it in the same sector are not touched, which is what the database expects of a disk ("powersafe
//! overwrite"). After a sync that failed the system takes what it could not write for written: a later sync that
//! succeeds says nothing of it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use crate::dice::Dice;
use crate::trace::{FileNr, Op};

/// Bytes that a disk writes whole or not at all.
pub const SECTOR: usize = 512;

/// The name of the file through which a process speaks to the world: what it says is said.
pub const SAID: &str = "said";

/// What became of the changes since the last sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// All of them are lost.
    Lost,
    /// All of them are there.
    Kept,
    /// Those up to some call are there: lost, and in order.
    Until(usize),
    /// Each sector, size and name is any that it was: out of order, and torn.
    Any,
    /// The same, and in half of the sectors what was written is junk.
    Junk,
}

/// States since the last sync, with the number of the call that made each.
#[derive(Clone, Debug)]
struct Recent<T> {
    states: Vec<(usize, T)>,
    /// A sync of it failed: that it was written again alone makes a sync count.
    stuck: bool,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self { states: Vec::new(), stuck: false }
    }
}

impl<T: Clone> Recent<T> {
    fn push(&mut self, call: usize, state: T) {
        self.stuck = false;
        self.states.push((call, state));
    }

    /// Which state the disk has; nothing for the one of the last sync.
    fn drawn(&self, fate: Fate, dice: &mut Dice) -> Option<T> {
        let among = match fate {
            Fate::Lost => 0,
            Fate::Kept => self.states.len(),
            Fate::Until(call) => self.states.iter().take_while(|(at, _)| *at <= call).count(),
            Fate::Any | Fate::Junk => dice.below(self.states.len() + 1),
        };
        among.checked_sub(1).map(|last| self.states[last].1.clone())
    }
}

type Sector = [u8; SECTOR];

#[derive(Clone, Debug, Default)]
struct File {
    /// As of the last sync.
    synced: Vec<u8>,
    /// As a process reads it.
    now: Vec<u8>,
    sectors: BTreeMap<usize, Recent<Sector>>,
    /// Which bytes of a sector were written since the last sync that counts.
    touched: BTreeMap<usize, Range<usize>>,
    sizes: Recent<usize>,
}

fn sector(bytes: &[u8], number: usize) -> Sector {
    let mut sector = [0; SECTOR];
    let from = (number * SECTOR).min(bytes.len());
    let found = &bytes[from..bytes.len().min(from + SECTOR)];
    sector[..found.len()].copy_from_slice(found);
    sector
}

fn put(bytes: &mut Vec<u8>, at: usize, new: &[u8]) {
    if bytes.len() < at + new.len() {
        bytes.resize(at + new.len(), 0);
    }
    bytes[at..at + new.len()].copy_from_slice(new);
}

impl File {
    fn write(&mut self, call: usize, at: usize, bytes: &[u8]) {
        put(&mut self.now, at, bytes);
        for number in at / SECTOR..=(at + bytes.len() - 1) / SECTOR {
            let state = sector(&self.now, number);
            self.sectors.entry(number).or_default().push(call, state);
            let from = at.saturating_sub(number * SECTOR);
            let to = (at + bytes.len() - number * SECTOR).min(SECTOR);
            let touched = self.touched.entry(number).or_insert(from..to);
            *touched = touched.start.min(from)..touched.end.max(to);
        }
        self.sizes.push(call, self.now.len());
    }

    fn truncate(&mut self, call: usize, size: usize) {
        let old = self.now.len();
        self.now.resize(size, 0);
        for number in size / SECTOR..old.div_ceil(SECTOR) {
            let state = sector(&self.now, number);
            self.sectors.entry(number).or_default().push(call, state);
        }
        self.sizes.push(call, size);
    }

    fn sync(&mut self, failed: bool) {
        if failed {
            self.sectors.values_mut().for_each(|recent| recent.stuck = true);
            return;
        }
        for (&number, _) in self.sectors.iter().filter(|(_, recent)| !recent.stuck) {
            put(&mut self.synced, number * SECTOR, &sector(&self.now, number));
        }
        self.sectors.retain(|_, recent| recent.stuck);
        self.touched.retain(|number, _| self.sectors.contains_key(number));
        self.synced.resize(self.now.len(), 0);
        self.sizes = Recent::default();
    }

    fn drawn(&self, fate: Fate, dice: &mut Dice) -> Vec<u8> {
        let size = self.sizes.drawn(fate, dice).unwrap_or(self.synced.len());
        let mut bytes = self.synced.clone();
        for (&number, recent) in &self.sectors {
            if let Some(state) = recent.drawn(fate, dice) {
                put(&mut bytes, number * SECTOR, &state);
            }
            if let Some(touched) = self.touched.get(&number)
                && fate == Fate::Junk
                && dice.below(2) == 0
            {
                let junk: Vec<u8> = touched.clone().map(|_| dice.roll() as u8).collect();
                put(&mut bytes, number * SECTOR + touched.start, &junk);
            }
        }
        bytes.resize(size, 0);
        bytes
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    File(FileNr),
    Folder,
    Nothing,
}

#[derive(Clone, Debug)]
struct Name {
    synced: Entry,
    recent: Recent<Entry>,
}

impl Name {
    fn now(&self) -> Entry {
        self.recent.states.last().map_or(self.synced, |(_, entry)| *entry)
    }
}

/// A disk after some calls of a trace.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    calls: usize,
    files: Vec<File>,
    names: BTreeMap<String, Name>,
    said: Option<FileNr>,
}

impl Disk {
    /// Lets the next call happen.
    pub fn apply(&mut self, op: &Op) {
        self.calls += 1;
        let call = self.calls;
        match op {
            Op::Write { file, at, bytes } => self.files[*file].write(call, *at, bytes),
            Op::Truncate { file, size } => self.files[*file].truncate(call, *size),
            Op::Sync { file, failed } => self.files[*file].sync(*failed),
            Op::Create { path, file } => {
                self.files.push(File::default());
                match path.as_str() {
                    SAID => self.said = Some(*file),
                    _ => self.name(path, Entry::File(*file)),
                }
            }
            Op::Link { from, to } => self.name(to, self.names[from].now()),
            Op::Unlink { path } => self.name(path, Entry::Nothing),
            Op::Rename { from, to } => {
                self.name(to, self.names[from].now());
                self.name(from, Entry::Nothing);
            }
            Op::Mkdir { path } => self.name(path, Entry::Folder),
            Op::SyncFolder { failed: true, .. } => {}
            Op::SyncFolder { path, failed: false } => {
                let inside = |name: &str| name.rsplit_once('/').map_or("", |(at, _)| at) == path;
                for (_, name) in self.names.iter_mut().filter(|(name, _)| inside(name)) {
                    name.synced = name.now();
                    name.recent = Recent::default();
                }
            }
        }
    }

    fn name(&mut self, path: &str, entry: Entry) {
        let new = || Name { synced: Entry::Nothing, recent: Recent::default() };
        self.names.entry(path.to_owned()).or_insert_with(new).recent.push(self.calls, entry);
    }

    /// How many calls have happened.
    pub fn calls(&self) -> usize {
        self.calls
    }

    /// Lines that the process said to the world before the power was cut.
    pub fn said(&self) -> Vec<String> {
        let said = self.said.map_or(&[][..], |file| &self.files[file].now);
        String::from_utf8_lossy(said).lines().map(str::to_owned).collect()
    }

    /// What is on the disk after a power cut.
    pub fn image(&self, fate: Fate, dice: &mut Dice) -> Image {
        let mut image = Image::default();
        for (path, name) in &self.names {
            let entry = name.recent.drawn(fate, dice).unwrap_or(name.synced);
            let folder = path.rsplit_once('/').map(|(folder, _)| folder);
            if folder.is_some_and(|folder| !image.folders.iter().any(|known| known == folder)) {
                // What was in a folder that is not there is not there.
                continue;
            }
            match entry {
                Entry::Nothing => {}
                Entry::Folder => image.folders.push(path.clone()),
                Entry::File(file) => {
                    let bytes = self.files[file].drawn(fate, dice);
                    image.files.insert(path.clone(), bytes);
                }
            }
        }
        image
    }
}

/// Folders and files as they are found after a power cut.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// Those before the ones inside them.
    pub folders: Vec<String>,
    /// By path.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Image {
    /// Puts it into an empty folder.
    pub fn lay(&self, root: &Path) {
        for folder in &self.folders {
            std::fs::create_dir(root.join(folder)).unwrap();
        }
        for (path, bytes) in &self.files {
            std::fs::write(root.join(path), bytes).unwrap();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(ops: &[Op]) -> Disk {
        let mut disk = Disk::default();
        ops.iter().for_each(|op| disk.apply(op));
        disk
    }

    fn create() -> Op {
        Op::Create { path: "a".into(), file: 0 }
    }

    fn write(at: usize, byte: u8) -> Op {
        Op::Write { file: 0, at, bytes: vec![byte; 600] }
    }

    const SYNC: Op = Op::Sync { file: 0, failed: false };

    fn folder() -> Op {
        Op::SyncFolder { path: String::new(), failed: false }
    }

    #[test]
    fn what_was_synced_is_there_and_what_was_not_may_be() {
        let disk = disk(&[create(), folder(), write(0, 1), SYNC, write(300, 2)]);
        let mut dice = Dice::new(1);
        let lost = disk.image(Fate::Lost, &mut dice);
        assert_eq!(lost.files["a"], vec![1; 600]);
        let kept = disk.image(Fate::Kept, &mut dice).files.remove("a").unwrap();
        assert_eq!((kept.len(), kept[299], kept[300]), (900, 1, 2));
        let seen: std::collections::BTreeSet<_> =
            (0..200).map(|_| disk.image(Fate::Any, &mut dice).files["a"].clone()).collect();
        // Two sectors with two states each, and two sizes.
        assert_eq!(seen.len(), 8);
    }

    #[test]
    fn a_name_is_there_once_its_folder_was_synced() {
        let mut disk = disk(&[create(), write(0, 1), SYNC]);
        let mut dice = Dice::new(1);
        assert!(disk.image(Fate::Lost, &mut dice).files.is_empty());
        disk.apply(&folder());
        assert_eq!(disk.image(Fate::Lost, &mut dice).files.len(), 1);
        disk.apply(&Op::Unlink { path: "a".into() });
        assert_eq!(disk.image(Fate::Lost, &mut dice).files.len(), 1);
        assert!(disk.image(Fate::Kept, &mut dice).files.is_empty());
    }

    #[test]
    fn a_sync_after_one_that_failed_proves_nothing() {
        let failed = Op::Sync { file: 0, failed: true };
        let mut disk = disk(&[create(), folder(), write(0, 1), failed, SYNC]);
        let mut dice = Dice::new(1);
        assert_eq!(disk.image(Fate::Lost, &mut dice).files["a"], vec![0; 600]);
        disk.apply(&write(0, 1));
        disk.apply(&SYNC);
        assert_eq!(disk.image(Fate::Lost, &mut dice).files["a"], vec![1; 600]);
    }
}
