//! The clean path by several threads: each reads a part of a text, as if all before it were clean.

use super::clean::{Forms, LINE, SEPARATOR, take_clean};
use super::shared_vec::{Room, append};
use crate::ids::Uuid;
use crate::machine::effort::Effort;
use crate::machine::thread_pool::{WorkQueue, run_parallel};

/// To read a value takes as long as to look at so many devices.
const AS_LONG_AS: u64 = 16;

/// Bytes that are read before the text is split up.
const HEAD: usize = 4096;

/// As [`take_clean`]. What is read of a part counts if all before it was clean.
pub(super) fn take_clean_side_by_side(text: &[u8], effort: &Effort, forms: &mut Forms, uuids: &mut Vec<Uuid>) -> usize {
    let threads = effort.threads_for((text.len() / LINE) as u64 * AS_LONG_AS);
    if threads < 2 {
        return take_clean(text, effort.kernel, forms, uuids);
    }
    // What is not clean from the beginning is not worth calling others for.
    let (head, rest) = split_after(text, HEAD.min(text.len() / threads));
    let before = uuids.len();
    let taken = take_clean(head, effort.kernel, forms, uuids);
    if taken < head.len() {
        return taken;
    }
    let parts = split(rest, threads);
    // How many UUIDs they have, if they have as many as the head for their lengths.
    let sizes =
        parts.iter().map(|part| (part.len() * (uuids.len() - before)).div_ceil(head.len().max(1))).collect::<Vec<_>>();
    let mut lengths = Vec::new();
    let appended = append(uuids, &sizes, |rooms| {
        let queue = WorkQueue::new(parts.iter().zip(rooms).enumerate());
        let read = |(part, (text, room)): (usize, (&&[u8], &mut Room<'_>))| {
            (part, take_clean(text, effort.kernel, &mut Forms::default(), room))
        };
        let mut read = run_parallel(threads - 1, || queue.items().map(read).collect::<Vec<_>>()).concat();
        read.sort_unstable();
        let whole = read.iter().take_while(|&&(part, taken)| taken == parts[part].len()).count();
        lengths = read.into_iter().map(|(_, taken)| taken).take(whole + 1).collect();
        lengths.len()
    });
    taken + lengths[..appended].iter().sum::<usize>()
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
