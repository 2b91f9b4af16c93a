//! Bad cells, and why they are bad.

/// Why a cell is bad.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Reason {
    /// It is absent, but required.
    Empty,
    /// It is not UTF-8.
    NotUtf8,
    /// It is not a UUID.
    NotUuid,
    /// It is neither true nor false.
    NotTruth,
    /// It is not an integer.
    NotInteger,
    /// It is negative.
    Negative,
    /// It is above the largest target version.
    VersionTooLarge,
    /// It is not an instant.
    NotInstant,
    /// Its day or time of day does not exist.
    NoSuchInstant,
    /// It is a number that is too small for seconds since 1970, such as a spreadsheet date; the detail is the number.
    SmallNumber,
    /// It is before 1970.
    Before1970,
    /// It is too far in the future; the detail is the instant in seconds since 1970.
    Future,
    /// It is not a valid name.
    NotName,
    /// It is a name that is too long.
    LongName,
    /// It is a list with items that are not names.
    NotNames,
    /// It is a list of more than one group.
    SeveralGroups,
}

impl Reason {
    /// All reasons, in the order of their codes.
    pub const ALL: [(Self, &str); 16] = [
        (Self::Empty, "empty"),
        (Self::NotUtf8, "not-utf8"),
        (Self::NotUuid, "not-uuid"),
        (Self::NotTruth, "not-truth"),
        (Self::NotInteger, "not-integer"),
        (Self::Negative, "negative"),
        (Self::VersionTooLarge, "version-too-large"),
        (Self::NotInstant, "not-instant"),
        (Self::NoSuchInstant, "no-such-instant"),
        (Self::SmallNumber, "small-number"),
        (Self::Before1970, "before-1970"),
        (Self::Future, "future"),
        (Self::NotName, "not-name"),
        (Self::LongName, "long-name"),
        (Self::NotNames, "not-names"),
        (Self::SeveralGroups, "several-groups"),
    ];
}

/// A bad cell of a column.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BadCell {
    /// Its row.
    pub row: usize,
    /// Why it is bad.
    pub reason: Reason,
    /// A number that the message of some reasons contains; otherwise 0.
    pub detail: i64,
}

/// The value of a cell; or why it is bad, with the detail of [`BadCell`].
pub(super) type Ruling<T> = Result<T, (Reason, i64)>;
