//! The containers of a roaring set, as 64-bit words.
//!
//! The `roaring` crate hands out one ordinal after another; a scan wants words, and most containers of a big set are
//! words already. They lie open in the portable Roaring format, which is fixed for ever, and writing it is little more
//! than copying the set. So a rollout can leave out half a fleet at the price of a few copies of its bits.

/// The cookie of a set without run containers; the number of containers follows.
const NO_RUNS: u32 = 12346;

/// The lower half of the cookie of a set with run containers; the upper half is the number of containers, less one.
const RUNS: u32 = 12347;

/// From this many containers on, a set with run containers has offsets, too.
const OFFSETS_FROM: usize = 4;

/// Up to this many ordinals a container that is no run container is an array of them.
const LONGEST_ARRAY: usize = 4096;

/// The words of a container.
const WORDS: usize = 1024;

/// Calls `each` with the number of a word and those of its bits that are in the set: every device once.
///
/// # Panics
/// For bytes that are no set in the portable format.
pub(crate) fn for_each_word(portable: &[u8], mut each: impl FnMut(usize, u64)) {
    let mut bytes = Bytes(portable);
    let cookie = bytes.u32();
    let (containers, run_flags) = if cookie == NO_RUNS {
        (bytes.u32() as usize, None)
    } else {
        assert_eq!(cookie & 0xFFFF, RUNS, "a portable set begins with one of two cookies");
        let containers = (cookie >> 16) as usize + 1;
        (containers, Some(bytes.take(containers.div_ceil(8))))
    };
    let mut descriptions = Bytes(bytes.take(4 * containers));
    if run_flags.is_none() || containers >= OFFSETS_FROM {
        bytes.take(4 * containers);
    }
    for container in 0..containers {
        let first = usize::from(descriptions.u16()) * WORDS;
        let devices = usize::from(descriptions.u16()) + 1;
        if run_flags.is_some_and(|flags| flags[container / 8] >> (container % 8) & 1 == 1) {
            for _ in 0..bytes.u16() {
                let (start, more) = (usize::from(bytes.u16()), usize::from(bytes.u16()));
                for_each_word_of_run(start, start + more, |word, bits| each(first + word, bits));
            }
        } else if devices > LONGEST_ARRAY {
            for word in first..first + WORDS {
                // The last container may go on past the fleet, though without devices.
                match bytes.u64() {
                    0 => {}
                    bits => each(word, bits),
                }
            }
        } else {
            for _ in 0..devices {
                let low = bytes.u16();
                each(first + usize::from(low / 64), 1 << (low % 64));
            }
        }
    }
}

/// Words of a run, both ends of which are in it.
fn for_each_word_of_run(start: usize, end: usize, mut each: impl FnMut(usize, u64)) {
    for word in start / 64..=end / 64 {
        let low = if word == start / 64 { start % 64 } else { 0 };
        let high = if word == end / 64 { end % 64 } else { 63 };
        each(word, u64::MAX >> (63 - high) & u64::MAX << low);
    }
}

/// Little-endian numbers, one after another.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        self.take(N).try_into().expect("as many as were taken")
    }

    #[inline]
    fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.array())
    }

    #[inline]
    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    #[inline]
    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }
}
