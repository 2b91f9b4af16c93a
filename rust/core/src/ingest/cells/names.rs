//! Names of groups and tags, as codes.

use std::collections::HashMap;

use serde_json::Value;

use super::bad_cell::{BadCell, Reason, Ruling};
use super::column::{ABSENT, TextColumn, present};

/// The most characters of a name of a group, tag, wave or factory.
pub const MAX_NAME_LENGTH: usize = 64;

/// What [`check_name`] accepts, as a regular expression that matches a whole name.
pub const NAME_PATTERN: &str = "[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}";

/// Which names a column contains.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NameKind {
    /// At most one group. It may be a JSON object with a `name`, as in the API of the hosted product.
    Group,
    /// A tag; the first one of a JSON array or of names separated by commas.
    Tag,
}

/// Reads a column of names, which may be split into pieces.
#[derive(Debug)]
pub struct NameReader {
    kind: NameKind,
    codes: HashMap<Box<[u8]>, i32, foldhash::fast::RandomState>,
    names: Vec<String>,
}

impl NameReader {
    /// A reader without names.
    pub fn new(kind: NameKind) -> Self {
        Self { kind, codes: HashMap::default(), names: Vec::new() }
    }

    /// The code of each name, or [`ABSENT`]. Codes count up from 0 in the order of first appearance. The value of a bad
    /// cell is arbitrary.
    pub fn read(&mut self, column: TextColumn<'_>) -> (Vec<i32>, Vec<BadCell>) {
        column.read(|cell| match self.codes.get(cell) {
            // The fast path: the cell is a known name, without blanks or JSON around it.
            Some(&code) => Ok(code),
            None => self.code_of(cell),
        })
    }

    /// The names in the order of their codes.
    pub fn into_names(self) -> Vec<String> {
        self.names
    }

    fn code_of(&mut self, cell: &[u8]) -> Ruling<i32> {
        let Some(text) = present(cell) else { return Ok(ABSENT) };
        let name = match (self.kind, text[0]) {
            (NameKind::Group, b'{') => name_in_object(text)?,
            (_, b'[') => self.name_in_array(text)?,
            (NameKind::Tag, _) => text.split(|&byte| byte == b',').find_map(present).map(<[u8]>::to_vec),
            _ => Some(text.to_vec()),
        };
        let Some(name) = name else { return Ok(ABSENT) };
        check_name(&name)?;
        if let Some(&code) = self.codes.get(&name[..]) {
            return Ok(code);
        }
        let code = i32::try_from(self.names.len()).expect("fewer names than rows");
        self.names.push(String::from_utf8(name.clone()).expect("names are ASCII"));
        self.codes.insert(name.into_boxed_slice(), code);
        Ok(code)
    }

    fn name_in_array(&self, text: &[u8]) -> Ruling<Option<Vec<u8>>> {
        let Value::Array(items) = json(text)? else { return Err((Reason::NotName, 0)) };
        let mut names = Vec::new();
        for item in &items {
            match item {
                Value::Null => {}
                Value::String(name) => names.extend(present(name.as_bytes())),
                _ => return Err((Reason::NotNames, 0)),
            }
        }
        if self.kind == NameKind::Group && names.len() > 1 {
            return Err((Reason::SeveralGroups, 0));
        }
        Ok(names.first().map(|name| name.to_vec()))
    }
}

fn name_in_object(text: &[u8]) -> Ruling<Option<Vec<u8>>> {
    let Value::Object(group) = json(text)? else { return Err((Reason::NotName, 0)) };
    match group.get("name") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(name)) => Ok(present(name.as_bytes()).map(<[u8]>::to_vec)),
        Some(Value::Number(name)) => Ok(Some(name.to_string().into_bytes())),
        Some(_) => Err((Reason::NotName, 0)),
    }
}

fn json(text: &[u8]) -> Ruling<Value> {
    serde_json::from_slice(text).map_err(|_| (Reason::NotName, 0))
}

/// Checks a name of a group, tag, wave or factory. Names appear in URLs.
pub fn check_name(name: &[u8]) -> Ruling<()> {
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'+' | b'-');
    match name {
        _ if name.len() > MAX_NAME_LENGTH
            && std::str::from_utf8(name).is_ok_and(|name| name.chars().count() > MAX_NAME_LENGTH) =>
        {
            Err((Reason::LongName, 0))
        }
        [first, rest @ ..] if first.is_ascii_alphanumeric() && rest.iter().all(is_allowed) => Ok(()),
        _ => Err((Reason::NotName, 0)),
    }
}
