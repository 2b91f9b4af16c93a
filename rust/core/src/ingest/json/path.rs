//! Paths into a JSON value: `identity.mac`, `tags[0]`, `attributes[name=mac,scope=identity].value`.
//!
//! A key with a dot, a bracket or a quote is written in quotes: `properties."device.type"`. Inside quotes `\"` and `\\`
//! stand for a quote and a backslash.

use jiter::{Jiter, Peek};
use thiserror::Error;

/// The most bytes of a path.
const MAX_LENGTH: usize = 1000;

/// One step of a path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// The member of an object.
    Key(String),
    /// The element of an array, from 0.
    Index(usize),
    /// The first object of an array whose members have these values (as text).
    Filter(Vec<(String, String)>),
}

/// A path; it begins with a key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Path {
    /// The text that was parsed.
    pub text: String,
    /// At least one.
    pub steps: Vec<Step>,
}

/// Why a text is not a path.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Error)]
pub enum PathError {
    /// It is empty, or longer than a path may be.
    #[error("is empty or too long")]
    Length,
    /// A key is missing.
    #[error("lacks a key before or after a dot")]
    NoKey,
    /// A quote is not closed.
    #[error("has a quote that does not close, or text after a closing quote")]
    OpenQuote,
    /// A bracket has no partner.
    #[error("has a bracket without its partner")]
    Bracket,
    /// The brackets contain neither an index nor a filter.
    #[error("has neither an index such as [0] nor a filter such as [name=mac] between its brackets")]
    Inside,
}

impl Path {
    /// Parses a path.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if text.is_empty() || text.len() > MAX_LENGTH {
            return Err(PathError::Length);
        }
        let mut rest = text;
        let mut steps = vec![Step::Key(take_word(&mut rest, &['.', '[', ']'])?)];
        while let Some(mark) = rest.chars().next() {
            rest = &rest[mark.len_utf8()..];
            steps.push(match mark {
                '.' => Step::Key(take_word(&mut rest, &['.', '[', ']'])?),
                '[' => take_bracket(&mut rest)?,
                ']' => return Err(PathError::Bracket),
                _ => return Err(PathError::OpenQuote),
            });
        }
        Ok(Self { text: text.to_owned(), steps })
    }
}

/// Parses a key or a value: in quotes, or up to one of the marks.
fn take_word(rest: &mut &str, marks: &[char]) -> Result<String, PathError> {
    if let Some(quoted) = rest.strip_prefix('"') {
        let mut word = String::new();
        let mut characters = quoted.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    *rest = &quoted[at + 1..];
                    return Ok(word);
                }
                '\\' => word.push(characters.next().ok_or(PathError::OpenQuote)?.1),
                _ => word.push(character),
            }
        }
        return Err(PathError::OpenQuote);
    }
    let end = rest.find(marks).unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    *rest = after;
    if word.is_empty() {
        return Err(PathError::NoKey);
    }
    if word.contains('"') {
        return Err(PathError::OpenQuote);
    }
    Ok(word.to_owned())
}

/// Parses an index or a filter after its opening bracket.
fn take_bracket(rest: &mut &str) -> Result<Step, PathError> {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    if digits > 0 && rest[digits..].starts_with(']') {
        let index = rest[..digits].parse().map_err(|_| PathError::Inside)?;
        *rest = &rest[digits + 1..];
        return Ok(Step::Index(index));
    }
    let mut conditions = Vec::new();
    loop {
        let key = take_word(rest, &['=', ']', '[']).map_err(|_| PathError::Inside)?;
        *rest = rest.strip_prefix('=').ok_or(PathError::Inside)?;
        conditions.push((key, take_word(rest, &[',', ']'])?));
        match rest.chars().next() {
            Some(',') => *rest = &rest[1..],
            Some(']') => {
                *rest = &rest[1..];
                return Ok(Step::Filter(conditions));
            }
            _ => return Err(PathError::Bracket),
        }
    }
}

/// The result of following a path: the bytes of a value and their index; or the number of steps that exist, and the
/// keys of the object that lacks the next one.
pub(super) enum Found<'a> {
    Value(&'a [u8], usize),
    Not {
        taken: usize,
        keys: Vec<String>,
    },
    /// An object on the path has the key twice.
    Twice(String),
}

/// Follows steps into valid JSON. If a key is missing, at most `most_keys` keys of its object are returned.
pub(super) fn follow<'a>(value: &'a [u8], steps: &[Step], most_keys: usize) -> Found<'a> {
    let (mut value, mut offset) = (value, 0);
    for (taken, step) in steps.iter().enumerate() {
        let (next, keys) = match one_step(value, step, most_keys) {
            Ok(found) => found,
            Err(twice) => return Found::Twice(twice),
        };
        let Some((start, end)) = next else { return Found::Not { taken, keys } };
        offset += start;
        value = &value[start..end];
    }
    Found::Value(value, offset)
}

type Place = Option<(usize, usize)>;

fn one_step(value: &[u8], step: &Step, most_keys: usize) -> Result<(Place, Vec<String>), String> {
    let mut json = Jiter::new(value).with_allow_inf_nan();
    let mut keys = Vec::new();
    let mut found = None;
    let peek = json.peek().ok();
    match (step, peek) {
        (Step::Key(wanted), Some(Peek::Object)) => {
            let mut twice = false;
            each_member(
                &mut json,
                |key| key == wanted,
                |key, place| match place {
                    Some(place) => {
                        twice |= found.is_some();
                        found = Some(place);
                    }
                    None if keys.len() < most_keys => keys.push(key.chars().take(100).collect()),
                    None => (),
                },
            );
            if twice {
                return Err(wanted.clone());
            }
        }
        (Step::Index(index), Some(Peek::Array)) => {
            each_element(&mut json, |at, place| {
                found = (at == *index).then_some(place);
                found.is_some()
            });
        }
        (Step::Filter(conditions), Some(Peek::Array)) => {
            each_element(&mut json, |_, (start, end)| {
                let fits = conditions.iter().all(|(key, wanted)| has_member(&value[start..end], key, wanted));
                found = fits.then_some((start, end));
                fits
            });
        }
        _ => (),
    }
    Ok((found, keys))
}

/// Calls `visit` with each key of an object, and with the range of its value if the key is wanted.
fn each_member(json: &mut Jiter<'_>, wanted: impl Fn(&str) -> bool, mut visit: impl FnMut(&str, Place)) {
    let mut name = String::new();
    let mut is_first = true;
    loop {
        let key = if is_first { json.known_object() } else { json.next_key() };
        is_first = false;
        let Ok(Some(key)) = key else { return };
        let is_wanted = wanted(key);
        name.clear();
        name.push_str(key);
        let Ok(peek) = json.peek() else { return };
        let start = json.current_index();
        if json.known_skip(peek).is_err() {
            return;
        }
        visit(&name, is_wanted.then_some((start, json.current_index())));
    }
}

/// Calls `visit` with the number and range of each element of an array, until it returns true.
fn each_element(json: &mut Jiter<'_>, mut visit: impl FnMut(usize, (usize, usize)) -> bool) {
    let mut element = json.known_array();
    let mut number = 0;
    while let Ok(Some(peek)) = element {
        let start = json.current_index();
        if json.known_skip(peek).is_err() || visit(number, (start, json.current_index())) {
            return;
        }
        number += 1;
        element = json.array_step();
    }
}

fn has_member(value: &[u8], key: &str, wanted: &str) -> bool {
    let Ok((Some((start, end)), _)) = one_step(value, &Step::Key(key.to_owned()), 0) else { return false };
    let member = &value[start..end];
    match member.first() {
        Some(b'"') => Jiter::new(member).next_str().is_ok_and(|text| text == wanted),
        _ => member == wanted.as_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Found, Path, PathError, Step, follow};

    fn key(text: &str) -> Step {
        Step::Key(text.to_owned())
    }

    #[test]
    fn paths_are_keys_indexes_and_filters() {
        let steps = |text: &str| Path::parse(text).map(|path| path.steps);
        assert_eq!(steps("a"), Ok(vec![key("a")]));
        assert_eq!(steps("Release Tag.x-y"), Ok(vec![key("Release Tag"), key("x-y")]));
        assert_eq!(steps(r#""a.b"."c\"[""#), Ok(vec![key("a.b"), key("c\"[")]));
        assert_eq!(steps("a[0][12].b"), Ok(vec![key("a"), Step::Index(0), Step::Index(12), key("b")]));
        let filter = Step::Filter(vec![("name".into(), "mac".into()), ("scope".into(), "a, b".into())]);
        assert_eq!(steps(r#"a[name=mac,scope="a, b"].value"#), Ok(vec![key("a"), filter, key("value")]));
    }

    #[test]
    fn what_is_not_a_path_is_told_why() {
        for (text, error) in [
            ("", PathError::Length),
            (".a", PathError::NoKey),
            ("a..b", PathError::NoKey),
            ("a.", PathError::NoKey),
            ("[0]", PathError::NoKey),
            ("\"a", PathError::OpenQuote),
            ("\"a\"b", PathError::OpenQuote),
            ("a]", PathError::Bracket),
            ("a[", PathError::Inside),
            ("a[]", PathError::Inside),
            ("a[-1]", PathError::Inside),
            ("a[name]", PathError::Inside),
            ("a[name=]", PathError::NoKey),
            ("a[99999999999999999999999]", PathError::Inside),
            ("a[name=x", PathError::Bracket),
        ] {
            assert_eq!(Path::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_path_is_followed_to_its_value_or_to_the_keys_instead() {
        let value = br#"{"a": {"b.c": [1, {"k": "x", "v": 5}, {"k": 7, "v": 6}]}, "d": 1, "d": 2}"#;
        let at = |text: &str| match follow(value, &Path::parse(text).unwrap().steps, 9) {
            Found::Value(found, offset) => {
                assert_eq!(&value[offset..offset + found.len()], found);
                String::from_utf8(found.to_vec()).unwrap()
            }
            Found::Not { taken, keys } => format!("{taken} {}", keys.join(",")),
            Found::Twice(key) => format!("twice {key}"),
        };
        assert_eq!(at(r#"a."b.c"[0]"#), "1");
        assert_eq!(at(r#"a."b.c"[k=x].v"#), "5");
        assert_eq!(at(r#"a."b.c"[k=7,v=6].v"#), "6");
        assert_eq!(at(r#"a."b.c"[k=y].v"#), "2 ");
        assert_eq!(at(r#"a."b.c"[9]"#), "2 ");
        assert_eq!(at("a.b"), "1 b.c");
        assert_eq!(at("d.x"), "twice d");
    }
}
