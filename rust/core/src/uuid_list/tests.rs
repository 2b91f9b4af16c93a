//! The parser compared with a naive one that shares no code with it, and set algebra with the standard library's sets.

use std::collections::HashSet;

use std::num::NonZero;

use proptest::prelude::*;

use super::{UuidListError, UuidListReport, find_repeated, format_list, intersect, parse, subtract, union};
use crate::ids::{Uuid, format_uuid};
use crate::machine::effort::Effort;
use crate::machine::kernel::Kernel;

/// The separators, spelled out from the White_Space property and the design page.
const SEPARATORS: &str = ",;|\t\n\u{b}\u{c}\r\u{1c}\u{1d}\u{1e}\u{1f} \u{85}\u{a0}\u{1680}\u{2000}\u{2001}\u{2002}\u{2003}\
     \u{2004}\u{2005}\u{2006}\u{2007}\u{2008}\u{2009}\u{200a}\u{200b}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}\u{feff}";

/// The report of a list, which must be the same for all kernels and several threads.
fn by_all_kernels(bytes: &[u8]) -> Result<UuidListReport, UuidListError> {
    // Waking threads for a million short texts would take minutes.
    let threads: &[usize] = if bytes.len() < 100 { &[1] } else { &[1, 2, 5] };
    let efforts = Kernel::all()
        .flat_map(|kernel| threads.iter().map(move |&threads| Effort { kernel, threads: NonZero::new(threads) }));
    let mut reports = efforts.map(|effort| parse(bytes, &effort));
    let first = reports.next().expect("there is a portable kernel");
    reports.for_each(|other| assert_eq!(other, first));
    first
}

#[derive(Debug, Default, PartialEq)]
struct Naive {
    uuids: Vec<u128>,
    duplicates: usize,
    header: bool,
    bad: Vec<(usize, usize)>,
}

/// One character at a time, lines first.
fn naive(text: &str) -> Naive {
    let mut result = Naive::default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    // Replaces the brackets of an array by separators, which keeps every position.
    let blank = |c: char| SEPARATORS.contains(c) && !",;|".contains(c);
    let whole = text.trim_matches(blank);
    let text = match whole.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => {
            let at = text.find(whole).unwrap();
            format!("{} {inner} {}", &text[..at], &text[at + whole.len()..])
        }
        None => text,
    };
    let mut first = true;
    for (line, content) in text.split(['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}']).enumerate() {
        let mut column = 1;
        let fold = |text: &str| {
            let kept = |c: &char| !"-_.".contains(*c) && !blank(*c);
            text.trim_matches(|c| "\"',;|".contains(c) || blank(c))
                .chars()
                .filter(kept)
                .collect::<String>()
                .to_lowercase()
        };
        let is_header = |text: &str| text.len() <= 64 && ["uuid", "deviceuuid"].contains(&fold(text).as_str());
        if first && !content.contains(['\u{1}']) && is_header(content) {
            (first, result.header) = (false, true);
            continue;
        }
        for piece in content.split_inclusive(|c| SEPARATORS.contains(c)) {
            let value = piece.trim_end_matches(|c| SEPARATORS.contains(c));
            let opened = value.trim_start_matches(['"', '\'']);
            let place = (line + 1, column + value.chars().count() - opened.chars().count());
            column += piece.chars().count();
            let value = opened.trim_end_matches(['"', '\'']);
            if value.is_empty() {
                continue;
            }
            let is_first = std::mem::replace(&mut first, false);
            match naive_value(value) {
                Some(uuid) if result.uuids.contains(&uuid) => result.duplicates += 1,
                Some(uuid) => result.uuids.push(uuid),
                None if is_first && is_header(value) => result.header = true,
                None => result.bad.push(place),
            }
        }
    }
    result
}

fn naive_value(value: &str) -> Option<u128> {
    let value = value.to_ascii_lowercase();
    let braced = value.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let body = braced.or(value.strip_prefix("urn:uuid:")).unwrap_or(&value);
    let groups: Vec<usize> = body.split('-').map(str::len).collect();
    let fits = groups == [32] || groups == [8, 4, 4, 4, 12];
    let digits = body.replace('-', "");
    let hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
    (fits && hex).then(|| u128::from_str_radix(&digits, 16).unwrap())
}

/// One of 40 UUIDs, so that duplicates occur, in some accepted form.
fn written_uuid() -> impl Strategy<Value = String> {
    (0..40u128, 0..6u8, any::<bool>()).prop_map(|(number, form, upper)| {
        let uuid = number.wrapping_mul(0x1234_5678_9abc_def0_0fed_cba9_8765_4321).to_be_bytes();
        let hyphenated = format_uuid(&uuid);
        let text = match form {
            0 => hyphenated.replace('-', ""),
            1 => format!("{{{hyphenated}}}"),
            2 => format!("urn:uuid:{hyphenated}"),
            3 => format!("\"{hyphenated}\""),
            _ => hyphenated,
        };
        if upper { text.to_uppercase() } else { text }
    })
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        12 => written_uuid(),
        1 => "\"?[uU][uU]id'?",
        1 => "\"?([dD]evice[-_. ]?)?[uU][uU]id'?",
        1 => "['\"]{0,3}",
        1 => "[0-9a-f-]{30,38}",
        1 => "[{}\"'a-fg:é–\u{ad}😀-]{1,12}",
        1 => (written_uuid(), 0..40usize, "[-\"'{}g\u{2010}é ,0]").prop_map(|(mut text, at, stray)| {
            let at = at.min(text.len());
            text.insert_str(at, &stray);
            text
        }),
    ]
}

fn separator() -> impl Strategy<Value = String> {
    let all: Vec<char> = SEPARATORS.chars().collect();
    prop_oneof![
        3 => Just("\n".to_owned()),
        2 => Just("\r\n".to_owned()),
        1 => Just(", ".to_owned()),
        2 => prop::collection::vec(prop::sample::select(all), 1..5).prop_map(String::from_iter),
    ]
}

fn list_text() -> impl Strategy<Value = String> {
    (
        separator().prop_map(|s| s.repeat(2)),
        prop::collection::vec((value(), separator()), 0..30),
        value(),
        any::<[bool; 3]>(),
    )
        .prop_map(|(start, pairs, last, [starts, ends, array])| {
            let mut text = if starts { start } else { String::new() };
            text.extend(pairs.into_iter().flat_map(|(value, separator)| [value, separator]));
            text += if ends { &last } else { "" };
            if array { format!(" [{text}]\n") } else { text }
        })
}

fn uuids() -> impl Strategy<Value = Vec<Uuid>> {
    prop::collection::vec((0..60u128).prop_map(|number| (number << 70).to_be_bytes()), 0..80)
}

/// The elements that pass, in order, each once.
fn once(list: impl IntoIterator<Item = Uuid>, mut keep: impl FnMut(&Uuid) -> bool) -> Vec<Uuid> {
    let mut seen = HashSet::new();
    list.into_iter().filter(|uuid| keep(uuid) && seen.insert(*uuid)).collect()
}

fn assert_agrees(text: &str) -> Result<(), TestCaseError> {
    let report = by_all_kernels(text.as_bytes()).unwrap();
    prop_assert_eq!(report.bad_count, report.bad.len());
    let ours = Naive {
        uuids: report.uuids.iter().map(|uuid| u128::from_be_bytes(*uuid)).collect(),
        duplicates: report.duplicates,
        header: report.header,
        bad: report.bad.iter().map(|bad| (bad.line, bad.column)).collect(),
    };
    prop_assert_eq!(ours, naive(text));
    Ok(())
}

proptest! {
    #[test]
    fn lists_read_as_the_naive_parser_reads_them(text in list_text()) {
        assert_agrees(&text)?;
    }

    #[test]
    fn any_text_reads_as_the_naive_parser_reads_it(text in "[^\0]{0,200}") {
        assert_agrees(&text)?;
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = by_all_kernels(&bytes);
    }

    #[test]
    fn utf16_reads_as_the_same_text_in_utf8(text in list_text()) {
        let big: Vec<u8> = "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect();
        let marked = format!("\u{feff}{text}");
        prop_assert_eq!(by_all_kernels(&big), by_all_kernels(marked.as_bytes()));
    }

    #[test]
    fn a_formatted_list_reads_back(list in uuids()) {
        let list = once(list, |_| true);
        let report = by_all_kernels(&format_list(&list)).unwrap();
        prop_assert_eq!(report.uuids, list);
        prop_assert_eq!((report.duplicates, report.bad_count, report.header), (0, 0, false));
    }

    #[test]
    fn algebra_is_that_of_sets_in_order_of_first_appearance(lists in prop::collection::vec(uuids(), 1..5)) {
        let slices: Vec<&[Uuid]> = lists.iter().map(Vec::as_slice).collect();
        let others = || lists[1..].iter();
        prop_assert_eq!(union(&slices), once(lists.iter().flatten().copied(), |_| true));
        prop_assert_eq!(intersect(&slices), once(lists[0].clone(), |u| others().all(|list| list.contains(u))));
        prop_assert_eq!(subtract(&slices), once(lists[0].clone(), |u| !others().any(|list| list.contains(u))));
    }

    #[test]
    fn repeats_point_to_the_first_row(list in uuids()) {
        let expected: Vec<(usize, usize)> = (0..list.len())
            .map(|row| (row, list.iter().position(|uuid| *uuid == list[row]).unwrap()))
            .filter(|(row, first)| row != first)
            .collect();
        for threads in [1, 2, 5] {
            let effort = Effort { threads: NonZero::new(threads), ..Effort::default() };
            prop_assert_eq!(&find_repeated(&list, &effort), &expected);
        }
    }
}

#[test]
fn a_character_separates_if_and_only_if_it_is_listed() {
    let (a, b) = ("0".repeat(32), "1".repeat(32));
    for character in (1..=0x10_FFFF).filter_map(char::from_u32) {
        let report = by_all_kernels(format!("{a}{character}{b}").as_bytes()).unwrap();
        let separates = SEPARATORS.contains(character);
        assert_eq!((report.uuids.len(), report.bad_count), if separates { (2, 0) } else { (0, 1) }, "{character:?}");
    }
}

#[test]
fn bad_values_beyond_the_cap_are_counted() {
    let text = "x\n".repeat(super::MAX_BAD_KEPT + 10);
    let report = by_all_kernels(text.as_bytes()).unwrap();
    assert_eq!((report.bad.len(), report.bad_count), (super::MAX_BAD_KEPT, super::MAX_BAD_KEPT + 10));
    assert_eq!(report.bad.last().unwrap().line, super::MAX_BAD_KEPT);
}

#[test]
fn long_repetitions_are_read_to_their_end() {
    let value = "00112233-4455-6677-8899-aabbccddeeff";
    for unit in ["x", "=", "#", "-", "0", "é", "\u{a0}", ",", "\"", "\0"] {
        for times in [31, 32, 63, 64, 65, 128, 5_000] {
            let bad = unit.repeat(times);
            for text in [bad.clone(), format!("uuid\n{bad}"), format!("{value}\n{bad}\n{value}\n"), format!("x\n{bad}")]
            {
                match by_all_kernels(text.as_bytes()) {
                    Ok(report) => {
                        let expected = naive(&text);
                        assert_eq!(
                            (report.uuids.len(), report.bad_count),
                            (expected.uuids.len(), expected.bad.len()),
                            "{unit} {times}"
                        );
                    }
                    Err(_) => assert_eq!(unit, "\0"),
                }
            }
        }
    }
}

#[test]
fn large_lists_with_duplicates_keep_first_occurrences() {
    let uuids: Vec<Uuid> = (0..100_000u128).map(|i| (i * i % 70_001).to_be_bytes()).collect();
    let report = by_all_kernels(&format_list(&uuids)).unwrap();
    let expected = once(uuids.iter().copied(), |_| true);
    assert_eq!(report.duplicates, uuids.len() - expected.len());
    assert_eq!(report.uuids, expected);
}
