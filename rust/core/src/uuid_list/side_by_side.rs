//! The clean path by several threads: each reads a part of a text, as if all before it were clean.

use std::sync::{Mutex, PoisonError};

use super::clean::{Forms, LINE, SEPARATOR, take_clean};
use crate::effort::Effort;
use crate::huge_pages;
use crate::ids::Uuid;
use crate::kernel::Kernel;
use crate::workers::{Turns, share};

/// To read a value takes as long as to look at so many devices.
const AS_LONG_AS: u64 = 16;

/// Bytes that are read before the text is split up.
const HEAD: usize = 4096;

/// What was read of a part.
struct Read {
    part: usize,
    /// How many bytes were taken.
    taken: usize,
    uuids: Vec<Uuid>,
}

/// As [`take_clean`]. What is read of a part counts if all before it was clean.
pub(super) fn take_clean_side_by_side(text: &[u8], effort: &Effort, forms: &mut Forms, uuids: &mut Vec<Uuid>) -> usize {
    let threads = effort.threads_for((text.len() / LINE) as u64 * AS_LONG_AS);
    if threads < 2 {
        return take_clean(text, effort.kernel, forms, uuids);
    }
    // What is not clean from the beginning is not worth calling others for.
    let (head, rest) = split_after(text, HEAD.min(text.len() / threads));
    let taken = take_clean(head, effort.kernel, forms, uuids);
    if taken < head.len() {
        return taken;
    }
    taken + take_parts(&split(rest, threads), threads, effort.kernel, uuids)
}

/// Takes parts of a text that follow each other, as far as they are clean.
fn take_parts(parts: &[&[u8]], threads: usize, kernel: Kernel, uuids: &mut Vec<Uuid>) -> usize {
    // The UUIDs of the first part need not be copied.
    let own = Mutex::new(std::mem::take(uuids));
    let turns = Turns::of(parts.iter().enumerate());
    let read = |(part, text): (usize, &&[u8])| {
        let mut uuids = match part {
            0 => std::mem::take(&mut *own.lock().unwrap_or_else(PoisonError::into_inner)),
            _ => huge_pages::with_room(text.len() / LINE + 1),
        };
        let taken = take_clean(text, kernel, &mut Forms::default(), &mut uuids);
        Read { part, taken, uuids }
    };
    let mut all: Vec<Read> =
        share(threads - 1, || turns.take().map(read).collect::<Vec<Read>>()).into_iter().flatten().collect();
    all.sort_unstable_by_key(|read| read.part);
    let mut taken = 0;
    for read in all {
        if read.part == 0 {
            *uuids = read.uuids;
        } else {
            uuids.extend_from_slice(&read.uuids);
        }
        taken += read.taken;
        if read.taken < parts[read.part].len() {
            break;
        }
    }
    taken
}

/// A text in about so many parts, each but the last with a separator at its end.
fn split(mut text: &[u8], parts: usize) -> Vec<&[u8]> {
    let length = text.len() / parts;
    let mut split = Vec::with_capacity(parts);
    while split.len() + 1 < parts {
        let (part, rest) = split_after(text, length);
        split.push(part);
        text = rest;
    }
    split.push(text);
    split
}

/// Splits a text after the first separator that has so many bytes before it; else there is no second part.
fn split_after(text: &[u8], length: usize) -> (&[u8], &[u8]) {
    let is_separator = |byte: &u8| SEPARATOR[usize::from(*byte)];
    text.split_at(text.iter().skip(length).position(is_separator).map_or(text.len(), |more| length + more + 1))
}
