//! The fast path of a list: values with hyphens or bare digits, with or without quotes, each followed by a separator.
//!
//! `scan` handles everything else and returns here after it. A clean list is read at memory speed, and real exports are
//! clean except for a few places.
//!
//! The gap between two values is a run of quotes and separators that contains a separator. The order does not matter: a
//! quote may end a value, begin the next, or be an empty cell.

use crate::machine::kernel::Kernel;
#[cfg(target_arch = "x86_64")]
use crate::uuid_list::avx2;
use crate::uuid_list::forms::{BARE, HYPHENATED, bare, hyphenated};
use crate::uuid_list::separators::{SEPARATOR, gap};
use crate::uuid_list::shared_vec::Push;
#[cfg(target_arch = "x86_64")]
use crate::uuid_list::vbmi;
/// The patterns that were met in a text. Passing them to the next call on the same text makes it faster.
#[cfg(target_arch = "x86_64")]
pub(super) use crate::uuid_list::vbmi::Patterns;

/// Only AVX-512 VBMI uses patterns.
#[cfg(not(target_arch = "x86_64"))]
#[derive(Default)]
pub(super) struct Patterns;

/// Appends the clean values at the beginning of some bytes, which are the beginning of a text or follow a separator.
///
/// Returns how many bytes it took, gaps included. All of these are ASCII and not NUL.
pub(super) fn take_clean(text: &[u8], kernel: Kernel, patterns: &mut Patterns, uuids: &mut impl Push) -> usize {
    let start = gap(text);
    let taken = start + take_many(&text[start..], kernel, patterns, uuids);
    taken + take_one_by_one(&text[taken..], uuids)
}

/// [`take_clean`] with the instructions of the kernel. The rest may be clean.
#[cfg(target_arch = "x86_64")]
fn take_many(text: &[u8], kernel: Kernel, patterns: &mut Patterns, uuids: &mut impl Push) -> usize {
    #[allow(unsafe_code, reason = "benches/kernels.rs: a list of a million is read in half of the time or less")]
    if kernel.has_vbmi() {
        // SAFETY: a kernel has these instructions only if the CPU has them.
        unsafe { vbmi::take_many(text, patterns, uuids) }
    } else if kernel.has_avx2() {
        // SAFETY: likewise.
        unsafe { avx2::take_many(text, uuids) }
    } else {
        0
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn take_many(_: &[u8], _: Kernel, _: &mut Patterns, _: &mut impl Push) -> usize {
    0
}

fn take_one_by_one(text: &[u8], uuids: &mut impl Push) -> usize {
    let mut rest = text;
    loop {
        let with_hyphens = rest.first_chunk::<HYPHENATED>().and_then(|value| Some((hyphenated(value)?, HYPHENATED)));
        let found = with_hyphens.or_else(|| rest.first_chunk::<BARE>().and_then(|value| Some((bare(value)?, BARE))));
        let Some((uuid, length)) = found else { break };
        let after = &rest[length..];
        let gap = gap(after);
        if !after[..gap].iter().any(|byte| SEPARATOR[usize::from(*byte)]) {
            break;
        }
        uuids.push(uuid);
        rest = &after[gap..];
    }
    text.len() - rest.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ids::{Uuid, format_uuid};

    /// What each kernel takes, which must be the same.
    fn taken(text: &[u8]) -> (usize, Vec<Uuid>) {
        let mut all = Kernel::all().map(|kernel| {
            let mut uuids: Vec<Uuid> = Vec::new();
            let taken = take_clean(text, kernel, &mut Patterns::default(), &mut uuids);
            // Kernels may differ in whether they take trailing separators.
            let rest = text[taken..].iter().position(|byte| !SEPARATOR[usize::from(*byte)]);
            (rest.map_or(text.len(), |at| taken + at), uuids)
        });
        let first = all.next().expect("there is a portable kernel");
        all.for_each(|other| assert_eq!(other, first, "{:?}", String::from_utf8_lossy(text)));
        first
    }

    const CLEAN: &[u8; HYPHENATED] = b"00112233-4455-6677-8899-aABBccddEEff";
    const UUID: Uuid = *b"\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff";

    #[test]
    fn each_of_the_36_places_matters_to_each_kernel() {
        for place in 0..HYPHENATED {
            for byte in 0..=255 {
                let mut text = [*CLEAN, *CLEAN].as_flattened().to_vec();
                text.splice(HYPHENATED..HYPHENATED, [b'\n']);
                text.push(b'\n');
                text[place] = byte;
                let fits = if CLEAN[place] == b'-' { byte == b'-' } else { byte.is_ascii_hexdigit() };
                assert_eq!(taken(&text).1.len(), if fits { 2 } else { 0 }, "{byte} at {place}");
            }
        }
    }

    #[test]
    fn each_separator_is_one_to_each_kernel() {
        for byte in 0..=255u8 {
            let text = [CLEAN.as_slice(), &[byte], CLEAN, &[byte; 2], CLEAN, b"\n", &[b'\n'; 20]].concat();
            let found = taken(&text).1;
            assert_eq!(found.first(), SEPARATOR[usize::from(byte)].then_some(&UUID), "{byte}");
        }
    }

    /// Values with gaps: more patterns than `Patterns` remembers.
    const GAPS: [&str; 12] = [
        "_\n",
        "\"_\",",
        "_; ",
        "'_'\r\n",
        "_\t",
        "_ | \"",
        "\"\"_\"\",\n",
        "_                           \n",
        "_                            \n",
        "_\n                                                       ",
        " _,",
        "_,;,;",
    ];

    proptest! {
        #[test]
        fn kernels_agree_on_lists_with_a_flaw(
            uuids in prop::collection::vec(any::<Uuid>(), 0..8),
            gaps in prop::collection::vec(prop_oneof![Just("\n"), Just("\r\n"), Just(", "), Just(";")], 8),
            flaw in (any::<prop::sample::Index>(), any::<u8>()),
        ) {
            let mut text: Vec<u8> = uuids
                .iter()
                .zip(&gaps)
                .flat_map(|(uuid, gap)| format_uuid(uuid).into_bytes().into_iter().chain(gap.bytes()))
                .collect();
            let (end, found) = taken(&text);
            prop_assert_eq!((end, &found), (text.len(), &uuids));
            if !text.is_empty() {
                let at = flaw.0.index(text.len());
                text[at] = flaw.1;
                taken(&text);
            }
        }

        #[test]
        fn kernels_agree_on_long_lists_of_mixed_forms(
            values in prop::collection::vec((any::<Uuid>(), 0..GAPS.len(), any::<bool>()), 0..1000),
            period in prop::option::of(1usize..6),
            flaws in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        ) {
            let mut text = Vec::new();
            for (number, (uuid, form, bare)) in values.iter().enumerate() {
                let (form, bare) = period.map_or((*form, *bare), |period| (number % period, number % period == 2));
                let value = format_uuid(uuid);
                let value = if bare { value.replace('-', "") } else { value };
                text.extend(GAPS[form].replace('_', &value).bytes());
            }
            let (end, found) = taken(&text);
            prop_assert_eq!(end, text.len());
            prop_assert!(found.iter().eq(values.iter().map(|(uuid, ..)| uuid)));
            for (at, byte) in flaws {
                if !text.is_empty() {
                    let at = at.index(text.len());
                    text[at] = byte;
                }
            }
            taken(&text);
        }
    }
}
