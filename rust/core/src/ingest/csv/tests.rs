//! Laws of the splitter.

use proptest::prelude::*;

use super::*;

fn split(pieces: &[&[u8]]) -> Vec<Table> {
    let mut splitter = Splitter::new(b',', 2, 2, vec![0, 1], 1);
    let mut tables: Vec<Table> = pieces.iter().map(|piece| splitter.feed(piece, false)).collect();
    tables.push(splitter.feed(b"", true));
    tables
}

/// Each record and each fault, with its line.
fn told(tables: &[Table]) -> Vec<(u64, Vec<Vec<u8>>)> {
    let cell =
        |texts: &Texts, row: usize| texts.data[texts.offsets[row] as usize..texts.offsets[row + 1] as usize].to_vec();
    let mut told = Vec::new();
    for table in tables {
        for (row, &line) in table.lines.iter().enumerate() {
            told.push((line, table.columns.iter().map(|column| cell(column, row)).collect()));
        }
        for (row, fault) in table.faults.iter().enumerate() {
            told.push((fault.line, vec![cell(&table.fault_texts, row)]));
        }
    }
    told.sort();
    told
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let token = prop::sample::select(vec!["a", ",", "\"", "\"\"", " ", "\t", "\n", "\r", "\r\n", "é", "\0"]);
    prop::collection::vec(token, 0..40).prop_map(|tokens| tokens.concat().into_bytes())
}

proptest! {
    #[test]
    fn pieces_make_no_difference(text in text(), at in 0..60_usize, then in 0..60_usize) {
        let (at, then) = (at.min(text.len()), then.min(text.len()));
        let (at, then) = (at.min(then), at.max(then));
        let whole = told(&split(&[&text]));
        prop_assert_eq!(&told(&split(&[&text[..at], &text[at..then], &text[then..]])), &whole);
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        prop_assert_eq!(&told(&split(&bytes)), &whole);
    }

    #[test]
    fn a_fault_does_not_decide_about_the_lines_after_it(before in text(), quote in any::<bool>()) {
        // Whatever stands before, a blank line and a line end close it, unless a quote does not.
        let mut text = before;
        text.extend_from_slice(if quote { b"\nx\"y\nz,\"1\"\n" } else { b"\n\nz,1\n" });
        let last = told(&split(&[&text])).pop();
        let swallowed = text.iter().filter(|&&byte| byte == b'"').count() > 1 + usize::from(quote) * 2;
        prop_assert!(swallowed || last.is_some_and(|(_, cells)| cells == [b"z".to_vec(), b"1".to_vec()]));
    }
}

#[test]
fn a_long_cell_and_a_long_record_are_faults_whatever_the_pieces() {
    let rest = b"\nx,y\n";
    let open = [b"a,\"".to_vec(), vec![b'q'; 3 * MAX_RECORD], rest.to_vec()].concat();
    let bare = [b"a,".to_vec(), vec![b'q'; MAX_CELL + 1], rest.to_vec()].concat();
    let wide = [vec![b','; MAX_RECORD + 9], rest.to_vec()].concat();
    let lines = [b"a,\"".to_vec(), b"q\r\n".repeat(MAX_CELL), b"\",".repeat(9), rest.to_vec()].concat();
    for (text, kinds) in [
        (&open, vec![FaultKind::LongRecord]),
        (&bare, vec![FaultKind::LongCell]),
        (&wide, vec![FaultKind::LongRecord]),
        (&lines, vec![FaultKind::OpenQuote]),
    ] {
        let pieces: Vec<&[u8]> = text.chunks(100_000).collect();
        for tables in [split(&[text]), split(&pieces)] {
            let found: Vec<FaultKind> = tables.iter().flat_map(|table| &table.faults).map(|fault| fault.kind).collect();
            assert_eq!(found[..1], kinds);
            let last = told(&tables).pop().unwrap();
            assert_eq!(last.1, [b"x".to_vec(), b"y".to_vec()]);
            let ends = text.split(|&byte| byte == b'\n').count() as u64 - 1;
            assert_eq!(last.0, ends);
        }
    }
}

#[test]
fn a_header_is_the_first_line_that_is_not_blank() {
    let found = header(b"\r\n , \nuuid,\"a\r\n\"\"b\"\nx", b',', false).unwrap();
    assert_eq!(found.cells, [b"uuid".to_vec(), b"a\r\n\"b".to_vec()]);
    assert_eq!((found.end, found.lines), (20, 4));
    assert_eq!(header(b"uuid,\"a\n", b',', true), None);
    assert_eq!(header(b"uuid", b',', false), None);
    assert_eq!(header(b"uuid", b',', true).unwrap().lines, 1);
    assert_eq!(header(b" \n\n", b',', true), None);
}
