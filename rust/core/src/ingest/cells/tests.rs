use super::*;

fn column<T>(cells: &[&str], mut read: impl FnMut(TextColumn<'_>) -> T) -> T {
    let mut offsets = vec![0];
    offsets.extend(cells.iter().scan(0, |end, cell| {
        *end += cell.len() as i64;
        Some(*end)
    }));
    read(TextColumn::new(&offsets, cells.concat().as_bytes()))
}

fn reasons(bad: &[BadCell]) -> Vec<Reason> {
    bad.iter().map(|cell| cell.reason).collect()
}

#[test]
fn a_word_for_nothing_is_absent_in_every_column() {
    let words = ["", " ", "null", "NULL", " None\t", "nil", "NaN", "N/A", "#n/a", "\r\n"];
    assert_eq!(column(&words, read_truths), (vec![-1; words.len()], vec![]));
    assert_eq!(column(&words, read_versions), (vec![-1; words.len()], vec![]));
    assert_eq!(column(&words, |column| read_instants(column, 0)).seconds, vec![0; words.len()]);
    assert_eq!(column(&words, read_free_texts).validity, [0, 0]);
    assert_eq!(reasons(&column(&words, |column| read_uuids(column, false)).1), vec![Reason::Empty; words.len()]);
    for kind in [NameKind::Group, NameKind::Tag] {
        let read = |column: TextColumn<'_>| NameReader::new(kind).read(column);
        assert_eq!(column(&words, read), (vec![-1; words.len()], vec![]));
    }
}

#[test]
fn na_and_a_hyphen_are_values() {
    let mut reader = NameReader::new(NameKind::Group);
    let (codes, bad) = column(&["NA", "na", "-"], |column| reader.read(column));
    assert_eq!(codes[..2], [0, 1]);
    assert_eq!(reasons(&bad), [Reason::NotName]);
    let texts = column(&["NA", "-"], read_free_texts);
    assert_eq!((texts.data, texts.validity), (b"NA-".to_vec(), vec![3]));
}

#[test]
fn wild_offsets_are_absent_cells() {
    let read = |offsets: &[i64]| read_uuids(TextColumn::new(offsets, b"abc"), false);
    assert_eq!(reasons(&read(&[3, 1, -1, i64::MAX]).1), [Reason::Empty; 3]);
    assert!(read(&[]).0.is_empty());
    assert!(read(&[0]).0.is_empty());
}

#[test]
fn sixteen_bytes_are_a_uuid_only_where_cells_are_bytes() {
    let cells = ["0123456789abcdef"];
    assert_eq!(column(&cells, |column| read_uuids(column, true)), (vec![*b"0123456789abcdef"], vec![]));
    assert_eq!(reasons(&column(&cells, |column| read_uuids(column, false)).1), [Reason::NotUuid]);
}

#[test]
fn what_is_not_utf8_is_told_as_that_in_every_column() {
    let offsets = [0, 3];
    let cell = TextColumn::new(&offsets, b"a\xffb");
    let bad = BadCell { row: 0, reason: Reason::NotUtf8, detail: 0 };
    assert_eq!(read_uuids(cell, true).1, [bad]);
    assert_eq!(read_truths(cell).1, [bad]);
    assert_eq!(read_versions(cell).1, [bad]);
    assert_eq!(read_instants(cell, 0).bad, [bad]);
    assert_eq!(read_free_texts(cell).bad, [bad]);
    assert_eq!(NameReader::new(NameKind::Tag).read(cell).1, [bad]);
}

#[test]
fn the_first_name_of_several_is_the_tag() {
    let mut reader = NameReader::new(NameKind::Tag);
    let cells = ["main", "[\"main\", \"devel\"]", "main , devel", "[null]", "[]", "[null, \"devel\"]", ",devel"];
    let (codes, bad) = column(&cells, |column| reader.read(column));
    assert_eq!((codes, bad), (vec![0, 0, 0, -1, -1, 1, 1], vec![]));
    assert_eq!(reader.into_names(), ["main", "devel"]);
    let wrong = ["[true]", "[1]", "[[\"main\"]]", "[{}]", "[\"a b\"]", "[\"a,b\"]", "["];
    let (_, bad) = column(&wrong, |column| NameReader::new(NameKind::Tag).read(column));
    let (list, name) = (Reason::NotNames, Reason::NotName);
    assert_eq!(reasons(&bad), [list, list, list, list, name, name, name]);
}

#[test]
fn a_number_that_can_only_be_a_date_is_not_seconds() {
    let now = 1_795_478_400;
    let small = ["46349.8333", "20261123", "0.8333", "1", "99999999"];
    let found = column(&small, |column| read_instants(column, now));
    assert_eq!(reasons(&found.bad), [Reason::SmallNumber; 5]);
    let numbers = [46349, 20_261_123, 1, 99_999_999].map(Some);
    assert_eq!(reasons(&check_instants(numbers.into_iter(), true, now).bad), [Reason::SmallNumber; 4]);
    let good = ["100000000", "0", "0.0", "1795478400.9"];
    assert_eq!(column(&good, |column| read_instants(column, now)).seconds, [100_000_000, 0, 0, 1_795_478_400]);
}

#[test]
fn instants_beside_all_bounds_are_told_apart() {
    let now = 1_795_478_400;
    let values = [None, Some(0), Some(now + 24 * 3600), Some(now + 24 * 3600 + 1), Some(-1), Some(i64::MIN + 1)];
    let found = check_instants(values.into_iter(), false, now);
    assert_eq!(found.seconds[..3], [0, 0, now as u32]);
    assert_eq!(found.ahead[..3], [false, false, true]);
    assert_eq!(reasons(&found.bad), [Reason::Future, Reason::Before1970, Reason::Before1970]);
    check_instants([Some(i64::MIN), Some(i64::MAX)].into_iter(), true, i64::MAX);
    check_instants([Some(i64::MIN), Some(i64::MAX)].into_iter(), false, i64::MIN);
}
