//! The header of a list: a spelling of `uuid` that imports accept.

use super::scan::{is_blank, is_quote};

/// The spellings as `groundswell.ingest.columns` folds them; a test of `UuidList` compares the two.
const HEADERS: [&str; 2] = ["uuid", "deviceuuid"];

/// No spelling is longer, its separators included: what is longer is not folded.
const MAX_LENGTH: usize = 64;

/// Whether a value is a header.
pub(super) fn is_header(value: &str) -> bool {
    if value.len() > MAX_LENGTH {
        return false;
    }
    let folded: String = value.chars().filter(|&c| !matches!(c, '-' | '_' | '.') && !is_blank(c)).collect();
    HEADERS.iter().any(|header| folded.eq_ignore_ascii_case(header))
}

/// Whether a line is a header of one or several words: quotes and separators around it are no part of it.
pub(super) fn is_header_line(line: &str) -> bool {
    is_header(line.trim_matches(|c| is_quote(c) || is_blank(c) || matches!(c, ',' | ';' | '|')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_uuid_are_headers() {
        for value in ["uuid", "UUID", "device_uuid", "Device-UUID", "deviceUuid", "DEVICE.UUID", "u-u-i-d"] {
            assert!(is_header(value) && is_header_line(value), "{value}");
        }
        for line in ["Device UUID", "\"Device UUID\"", "device uuid;", "'device\u{a0}UUID',"] {
            assert!(is_header_line(line), "{line}");
        }
        let long = format!("uuid{}", "-".repeat(100));
        for value in ["", "id", "uuids", "device", "name,uuid", "uuid,name", long.as_str()] {
            assert!(!is_header(value) && !is_header_line(value), "{value}");
        }
    }
}
