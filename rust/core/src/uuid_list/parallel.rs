//! The fast path by several threads. Each reads one part of the text, assuming that all parts before it are clean.

use crate::ids::Uuid;
use crate::machine::effort::Effort;
use crate::machine::thread_pool::{WorkQueue, run_parallel};
use crate::uuid_list::clean::{Patterns, take_clean};
use crate::uuid_list::forms::HYPHENATED;
use crate::uuid_list::separators::SEPARATOR;
use crate::uuid_list::shared_vec::{Segment, append};

/// Cost of reading one value, in units of scanning one device.
const VALUE_COST: u64 = 16;

/// How many bytes one thread reads before the text is split.
const HEAD: usize = 4096;

/// [`take_clean`] by several threads. The result of a part is used only if all parts before it are clean.
pub(super) fn take_clean_parallel(
    text: &[u8],
    effort: &Effort,
    patterns: &mut Patterns,
    uuids: &mut Vec<Uuid>,
) -> usize {
    let threads = effort.threads_for((text.len() / (HYPHENATED + 1)) as u64 * VALUE_COST);
    if threads < 2 {
        return take_clean(text, effort.kernel, patterns, uuids);
    }
    // Wake other threads only if the beginning is clean.
    let (head, rest) = split_after(text, HEAD.min(text.len() / threads));
    let before = uuids.len();
    let taken = take_clean(head, effort.kernel, patterns, uuids);
    if taken < head.len() {
        return taken;
    }
    let parts = split(rest, threads);
    // The expected number of UUIDs of each part, extrapolated from the head.
    let size = |part: &&[u8]| (part.len() * (uuids.len() - before)).div_ceil(head.len().max(1));
    let sizes = parts.iter().map(size).collect::<Vec<_>>();
    let mut lengths = Vec::new();
    let appended = append(uuids, &sizes, |segments| {
        let queue = WorkQueue::new(parts.iter().zip(segments).enumerate());
        let read = |(part, (text, segment)): (usize, (&&[u8], &mut Segment<'_>))| {
            (part, take_clean(text, effort.kernel, &mut Patterns::default(), segment))
        };
        let mut read = run_parallel(threads - 1, || queue.items().map(read).collect::<Vec<_>>()).concat();
        read.sort_unstable();
        let whole = read.iter().take_while(|&&(part, taken)| taken == parts[part].len()).count();
        lengths = read.into_iter().map(|(_, taken)| taken).take(whole + 1).collect();
        lengths.len()
    });
    taken + lengths[..appended].iter().sum::<usize>()
}

/// Splits a text into `parts` parts of about the same length, each but the last with a separator at its end.
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

/// Splits a text after the first separator at or beyond byte `length`. Without one, the second part is empty.
fn split_after(text: &[u8], length: usize) -> (&[u8], &[u8]) {
    let is_separator = |byte: &u8| SEPARATOR[usize::from(*byte)];
    text.split_at(text.iter().skip(length).position(is_separator).map_or(text.len(), |more| length + more + 1))
}
