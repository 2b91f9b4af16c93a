//! Instants: when a device was last seen.

use super::bad_cell::{BadCell, Reason, Ruling};
use super::column::{TextColumn, present, trimmed};
use crate::fleet::columns::{MAX_CLOCK_SKEW, NEVER};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// 0001-01-01T00:00:00Z: the zero time of Go and .NET.
const ZERO_TIME: i64 = -62_135_596_800;
/// The zero time of Go after an overflow in `UnixNano`.
const ZERO_TIME_WRAPPED: i64 = -6_795_364_579;
/// Smaller numbers are not accepted as seconds, because they are probably spreadsheet dates (46349.8) or dates without
/// hyphens (20261123). Real seconds are smaller only before March 1973.
const MIN_SECONDS: i64 = 100_000_000;
/// Replaces all larger numbers, so that sums do not overflow.
const FAR: i64 = i64::MAX / 4;

/// A column of instants.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Instants {
    /// Seconds since 1970, at most the instant of reading; [`NEVER`] for never and for bad cells.
    pub seconds: Vec<u32>,
    /// Whether the instant was in the future, and was replaced by the instant of reading.
    pub ahead: Vec<bool>,
    /// The bad cells.
    pub bad: Vec<BadCell>,
}

/// Reads a column of instants: RFC 3339, the same without an offset (UTC) or without a time (midnight), or seconds
/// since 1970. Fractions are dropped.
///
/// `now` is the instant of reading. Instants up to [`MAX_CLOCK_SKEW`] after it are replaced by it; later ones are bad.
pub fn read_instants(column: TextColumn<'_>, now: i64) -> Instants {
    let (seconds, bad) = column.read(|cell| match cell {
        // The most frequent form.
        [.., b'Z'] if let Some(seconds) = plain(cell) => Ok(seconds),
        _ => present(cell).map_or(Ok(0), instant),
    });
    settle(seconds.into_iter(), bad, now)
}

/// Reads instants from a column of numbers; `None` is an absent cell.
///
/// `are_numbers`: the source has plain numbers, as opposed to timestamps in seconds. They are checked like numbers in
/// text.
pub fn check_instants(values: impl Iterator<Item = Option<i64>>, are_numbers: bool, now: i64) -> Instants {
    let mut bad = Vec::new();
    let mut seconds_of = |(row, value): (usize, Option<i64>)| {
        let value = value.unwrap_or(0);
        let seconds = if are_numbers { number(value) } else { Ok(value) };
        seconds.unwrap_or_else(|(reason, detail)| {
            bad.push(BadCell { row, reason, detail });
            0
        })
    };
    let seconds: Vec<i64> = values.enumerate().map(&mut seconds_of).collect();
    settle(seconds.into_iter(), bad, now)
}

/// Compares instants with the instant of reading.
fn settle(seconds: impl ExactSizeIterator<Item = i64>, mut bad: Vec<BadCell>, now: i64) -> Instants {
    let latest = u32::try_from(now.max(0)).unwrap_or(u32::MAX);
    let latest_accepted = now.saturating_add(i64::from(MAX_CLOCK_SKEW));
    let mut found =
        Instants { seconds: Vec::with_capacity(seconds.len()), ahead: vec![false; seconds.len()], bad: Vec::new() };
    let known = bad.len();
    for (row, seconds) in seconds.enumerate() {
        let seconds = if is_zero_time(seconds) { 0 } else { seconds };
        if seconds < 0 {
            bad.push(BadCell { row, reason: Reason::Before1970, detail: seconds });
        } else if seconds > latest_accepted {
            bad.push(BadCell { row, reason: Reason::Future, detail: seconds });
        }
        found.ahead[row] = seconds > now && seconds <= latest_accepted;
        found.seconds.push(u32::try_from(seconds.max(0)).unwrap_or(u32::MAX).min(latest));
    }
    if known > 0 && known < bad.len() {
        bad.sort_by_key(|cell| cell.row);
    }
    found.bad = bad;
    found
}

/// Whether an instant is the zero time of Go and .NET, in any time zone.
fn is_zero_time(seconds: i64) -> bool {
    seconds.abs_diff(ZERO_TIME) < DAY as u64 || seconds == ZERO_TIME_WRAPPED
}

/// Parses an instant of exactly the form `2026-11-24T09:30:00Z`.
fn plain(text: &[u8]) -> Option<i64> {
    let text: &[u8; 20] = text.try_into().ok()?;
    let marks = [text[4], text[7], text[10], text[13], text[16], text[19]];
    let is_digit = |at: &usize| text[*at].is_ascii_digit();
    const DIGITS: [usize; 14] = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18];
    if marks != *b"--T::Z" || !DIGITS.iter().all(is_digit) {
        return None;
    }
    let pair = |at: usize| i64::from(text[at] - b'0') * 10 + i64::from(text[at + 1] - b'0');
    let day = day(pair(0) * 100 + pair(2), pair(5), pair(8))?;
    Some(day * DAY + time_of_day(pair(11), pair(14), pair(17))?)
}

fn instant(text: &[u8]) -> Ruling<i64> {
    if let Some(value) = as_number(text) {
        return value;
    }
    if is_never(text) {
        return Ok(0);
    }
    let (date, rest) = text.split_at_checked(10).ok_or((Reason::NotInstant, 0))?;
    let written = written(date, rest).ok_or((Reason::NotInstant, 0))?;
    written.seconds().ok_or((Reason::NoSuchInstant, 0))
}

/// Parses a number: seconds since 1970. A fraction is dropped. `None` if the text is not a number.
fn as_number(text: &[u8]) -> Option<Ruling<i64>> {
    let (is_negative, digits) = text.strip_prefix(b"-").map_or((false, text), |digits| (true, digits));
    let whole = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let fraction = match &digits[whole..] {
        [] => &[],
        [b'.', fraction @ ..] if fraction.iter().all(u8::is_ascii_digit) => fraction,
        _ => return None,
    };
    if whole == 0 {
        return None;
    }
    let value = digits[..whole]
        .iter()
        .fold(0, |value: i64, digit| value.saturating_mul(10).saturating_add(i64::from(digit - b'0')).min(FAR));
    if value == 0 && fraction.iter().any(|&digit| digit != b'0') {
        // A spreadsheet's time of day.
        return Some(Err((Reason::SmallNumber, 0)));
    }
    Some(number(if is_negative { -value } else { value }))
}

fn number(value: i64) -> Ruling<i64> {
    match value {
        0 => Ok(0),
        1..MIN_SECONDS => Err((Reason::SmallNumber, value)),
        MIN_SECONDS.. => Ok(value.min(FAR)),
        // The zero time, in seconds or milliseconds.
        _ if value == ZERO_TIME || value == ZERO_TIME * 1000 => Ok(0),
        _ => Err((Reason::Negative, 0)),
    }
}

/// Whether a text means "never": the word, or the zero time in the forms that Go and .NET print.
fn is_never(text: &[u8]) -> bool {
    const WORDS: [&[u8]; 9] = [
        b"never",
        b"0001-01-01 00:00:00 +0000 UTC",
        b"1/1/0001",
        b"01/01/0001",
        b"1/1/0001 0:00:00",
        b"01/01/0001 00:00:00",
        b"1/1/0001 12:00:00 AM",
        b"01/01/0001 12:00:00 AM",
        b"01.01.0001 00:00:00",
    ];
    WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// The fields of an instant. They may be out of range.
struct Written {
    date: [i64; 3],
    time: [i64; 3],
    /// Hours and minutes, and the sign.
    offset: ([i64; 2], i64),
}

impl Written {
    fn seconds(&self) -> Option<i64> {
        let [year, month, day_of_month] = self.date;
        let [hour, minute, second] = self.time;
        let ([hours, minutes], sign) = self.offset;
        if hours >= 24 || minutes >= 60 {
            return None;
        }
        let day = day(year, month, day_of_month)?;
        let seconds = day * DAY + time_of_day(hour, minute, second)? - sign * (hours * HOUR + minutes * 60);
        // The year 0 occurs only in the zero time with an offset.
        (year > 0 || is_zero_time(seconds)).then_some(seconds)
    }
}

fn written(date: &[u8], rest: &[u8]) -> Option<Written> {
    let &[y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = date else { return None };
    let date = [pair(y0, y1)? * 100 + pair(y2, y3)?, pair(m0, m1)?, pair(d0, d1)?];
    let (mut time, mut offset) = ([0; 3], ([0; 2], 1));
    if let [b'T' | b't' | b' ', rest @ ..] = rest {
        let (&[h0, h1, b':', m0, m1, b':', s0, s1], rest) = rest.split_first_chunk::<8>()? else { return None };
        time = [pair(h0, h1)?, pair(m0, m1)?, pair(s0, s1)?];
        let rest = match rest {
            [b'.', fraction @ ..] => {
                let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
                (digits > 0).then(|| &fraction[digits..])?
            }
            _ => rest,
        };
        let rest = rest.strip_prefix(b" ").unwrap_or(rest);
        offset = match *rest {
            [] if trimmed(rest).is_empty() => offset,
            [b'Z' | b'z'] => offset,
            [sign @ (b'+' | b'-'), h0, h1, ref minutes @ ..] => {
                let minutes = match *minutes {
                    [] => 0,
                    [b':', m0, m1] | [m0, m1] => pair(m0, m1)?,
                    _ => return None,
                };
                ([pair(h0, h1)?, minutes], if sign == b'-' { -1 } else { 1 })
            }
            _ => return None,
        };
    } else if !rest.is_empty() {
        return None;
    }
    Some(Written { date, time, offset })
}

fn pair(ten: u8, one: u8) -> Option<i64> {
    (ten.is_ascii_digit() && one.is_ascii_digit()).then(|| i64::from(ten - b'0') * 10 + i64::from(one - b'0'))
}

fn time_of_day(hour: i64, minute: i64, second: i64) -> Option<i64> {
    (hour < 24 && minute < 60 && second < 60).then_some(hour * HOUR + minute * 60 + second)
}

/// The number of days from 1970-01-01 to a day of the Gregorian calendar; `None` if the day does not exist.
///
/// Source: H. Hinnant, “chrono-compatible low-level date algorithms”, `days_from_civil`.
fn day(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(is_leap),
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    // Years begin in March, so that the leap day is the last day of the year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

const _: () = assert!(NEVER == 0);
