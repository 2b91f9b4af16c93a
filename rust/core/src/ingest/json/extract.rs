//! Extracts the values at a path from a column of JSON texts.

use jiter::Jiter;

use super::columns::TextColumn;
use super::path::Path;
use super::query::{Query, Source};
use super::rows::Rows;

/// Extracts the value at a path from each cell of a column of JSON texts. Null if the cell is not JSON, or has no such
/// value. The first step of the path is the column itself.
pub fn extract(offsets: &[i64], data: &[u8], path: &Path) -> TextColumn {
    let mut column = TextColumn::default();
    let query = Query { columns: vec![Source::At(path.clone())], ..Query::default() };
    let mut rows = Rows::new(&query);
    for bounds in offsets.windows(2) {
        let bounds = usize::try_from(bounds[0]).unwrap_or(0)..usize::try_from(bounds[1]).unwrap_or(0);
        let cell = data.get(bounds).filter(|cell| is_json(cell)).unwrap_or_default();
        column.push(rows.value_at_path(cell));
    }
    column
}

fn is_json(cell: &[u8]) -> bool {
    let mut json = Jiter::new(cell).with_allow_inf_nan();
    std::str::from_utf8(cell).is_ok() && json.next_skip().is_ok() && json.finish().is_ok()
}
