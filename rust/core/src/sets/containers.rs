//! Containers of a roaring set (the ordinals of one chunk each), and their subtraction from words of positions.

use std::ops::Range;

use crate::sets::layout::{CHUNK, Position};
use crate::sets::words::Bits;
use crate::sets::words::WORD;
use crate::sets::words::{clear_run, fill_run};

/// The words of a container.
pub(crate) const WORDS: usize = CHUNK / WORD;

/// The lower halves of the ordinals of a chunk, as stored: little-endian.
pub(crate) enum Container<'a> {
    Array(&'a [[u8; 2]]),
    Bitmap(&'a [[u8; 8]]),
    /// The first value of each run, and the number of values after it.
    Runs(&'a [[[u8; 2]; 2]]),
}

impl Container<'_> {
    /// Whether the container is not empty and its values strictly ascend, as the search requires.
    pub(crate) fn ascends(&self) -> bool {
        match self {
            // Not `all`: a loop without an early exit vectorises.
            Self::Array(lows) => lows
                .iter()
                .zip(lows.iter().skip(1))
                .fold(true, |ascends, (one, next)| ascends & (u16::from_le_bytes(*one) < u16::from_le_bytes(*next))),
            Self::Bitmap(_) => true,
            Self::Runs(runs) => {
                let ends_inside = runs.iter().all(|run| positions_of(*run).end <= CHUNK as Position);
                !runs.is_empty()
                    && ends_inside
                    && runs.is_sorted_by(|one, next| positions_of(*one).end <= positions_of(*next).start)
            }
        }
    }

    /// Whether the container has the ordinal with this lower half.
    pub(crate) fn contains(&self, low: u16) -> bool {
        match self {
            Self::Array(lows) => is_among(lows, low),
            Self::Bitmap(words) => {
                u64::from_le_bytes(words[usize::from(low) / WORD]) >> (usize::from(low) % WORD) & 1 == 1
            }
            Self::Runs(runs) => {
                let at = runs.partition_point(|run| positions_of(*run).end <= Position::from(low));
                runs.get(at).is_some_and(|run| positions_of(*run).contains(&Position::from(low)))
            }
        }
    }

    /// Calls `each` with the lower halves of its ordinals, ascending.
    pub(crate) fn for_each(&self, mut each: impl FnMut(u16)) {
        match self {
            Self::Array(lows) => lows.iter().for_each(|low| each(u16::from_le_bytes(*low))),
            Self::Bitmap(words) => {
                for (at, word) in words.iter().enumerate() {
                    Bits(u64::from_le_bytes(*word)).for_each(|bit| each((at * WORD) as u16 + bit as u16));
                }
            }
            Self::Runs(runs) => runs.iter().flat_map(|run| positions_of(*run)).for_each(|low| each(low as u16)),
        }
    }

    /// Subtracts from words if positions equal ordinals. `first` is the index of the first word in the chunk.
    #[inline(always)]
    pub(crate) fn exclude_as_it_is(&self, first: usize, scope: &mut [u64]) {
        match self {
            Self::Array(lows) => {
                let word_of = |low: &[u8; 2]| usize::from(u16::from_le_bytes(*low)) / WORD;
                let place_of = |word: usize| lows.partition_point(|low| word_of(low) < word);
                for low in &lows[place_of(first)..place_of(first + scope.len())] {
                    scope[word_of(low) - first] &= !(1 << (u16::from_le_bytes(*low) % WORD as u16));
                }
            }
            Self::Bitmap(words) => {
                for (word, own) in scope.iter_mut().zip(&words[first..]) {
                    *word &= !u64::from_le_bytes(*own);
                }
            }
            Self::Runs(runs) => {
                let (low, high) = ((first * WORD) as Position, ((first + scope.len()) * WORD) as Position);
                for run in runs.iter().map(|run| positions_of(*run)) {
                    let inside = run.start.max(low)..run.end.min(high);
                    clear_run(first, scope, inside);
                }
            }
        }
    }

    /// Subtracts from words if positions differ from ordinals, with the tables of the layout. `first` is the index of
    /// the first word in the fleet.
    #[inline(always)]
    pub(crate) fn exclude_by(&self, ordinals: &[u16], positions: &[u16], first: usize, scope: &mut [u64]) {
        let chunk = first / WORDS * CHUNK;
        let in_scope = &ordinals[first * WORD..ordinals.len().min((first + scope.len()) * WORD)];
        match self {
            // Few ordinals: find the position of each.
            Self::Array(lows) if lows.len() <= in_scope.len() => {
                let positions = &positions[chunk..];
                for low in lows.iter().map(|low| u16::from_le_bytes(*low)) {
                    let Some(&change) = positions.get(usize::from(low)) else { break };
                    let position = low ^ change;
                    if let Some(word) = scope.get_mut((usize::from(position) / WORD).wrapping_sub(first % WORDS)) {
                        *word &= !(1 << (usize::from(position) % WORD));
                    }
                }
            }
            // Few positions: search for the ordinal of each.
            Self::Array(lows) if in_scope.len() * FEW <= lows.len() => {
                for (at, (word, changes)) in scope.iter_mut().zip(in_scope.chunks(WORD)).enumerate() {
                    for bit in Bits(*word) {
                        let sought = (((first + at) * WORD) as u16 + bit as u16) ^ changes[bit as usize];
                        if is_among(lows, sought) {
                            *word &= !(1 << bit);
                        }
                    }
                }
            }
            _ => {
                let words = self.words();
                for (at, (word, changes)) in scope.iter_mut().zip(in_scope.chunks(WORD)).enumerate() {
                    if *word != 0 {
                        *word &= !gather(&words, ((first + at) * WORD) as u16, changes);
                    }
                }
            }
        }
    }

    /// One bit for each ordinal of the chunk.
    fn words(&self) -> [u64; WORDS] {
        let mut words = [0; WORDS];
        match self {
            Self::Array(lows) => {
                for low in lows.iter().map(|low| usize::from(u16::from_le_bytes(*low))) {
                    words[low / WORD] |= 1 << (low % WORD);
                }
            }
            Self::Bitmap(bitmap) => {
                for (word, bits) in words.iter_mut().zip(*bitmap) {
                    *word = u64::from_le_bytes(*bits);
                }
            }
            Self::Runs(runs) => runs.iter().for_each(|run| fill_run(0, &mut words, positions_of(*run))),
        }
        words
    }
}

/// The number of values that are compared at once.
const NEAR: usize = 64;

/// Whether ascending values contain a lower half.
///
/// An interpolation search: values are usually spread evenly, so their index can be estimated. A binary search waits
/// for one cache miss after another.
#[inline]
fn is_among(lows: &[[u8; 2]], low: u16) -> bool {
    let before = (lows.len() * usize::from(low) / CHUNK).saturating_sub(NEAR / 2).min(lows.len().saturating_sub(NEAR));
    if let Some(near) = lows[before..].first_chunk::<NEAR>() {
        let [first, last] = [near[0], near[NEAR - 1]].map(u16::from_le_bytes);
        if first <= low && low <= last {
            return near.iter().fold(false, |found, own| found | (*own == low.to_le_bytes()));
        }
    }
    lows.binary_search_by_key(&low, |own| u16::from_le_bytes(*own)).is_ok()
}

/// With up to this many ordinals per position they are expanded to words; with more, each position is searched for.
const FEW: usize = 16;

fn positions_of([start, more]: [[u8; 2]; 2]) -> Range<Position> {
    let start = Position::from(u16::from_le_bytes(start));
    start..start + Position::from(u16::from_le_bytes(more)) + 1
}

/// The bits of the ordinals at no more than 64 positions from `first` on.
#[inline(always)]
fn gather(words: &[u64; WORDS], first: u16, changes: &[u16]) -> u64 {
    let bit = |ordinal: u16| words[usize::from(ordinal) / WORD] >> (ordinal % WORD as u16) & 1;
    let mut gathered = 0;
    for (lane, &change) in (0..).zip(changes) {
        gathered |= bit((first + lane) ^ change) << lane;
    }
    gathered
}
