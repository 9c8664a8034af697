//! How long superseded images stay: the property `uuid_validity` (SCS-0102).

use std::str::FromStr;

use jiff::civil::Date;

/// What the operator promises about the id of an image once a newer one has its name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Validity {
    /// Nothing.
    None,
    /// It is among the last so many images of its name, the present one included.
    Last(u32),
    /// It stays until people have been told otherwise.
    Notice,
    /// It stays.
    Forever,
    /// It stays until this day is over.
    Until(Date),
}

impl FromStr for Validity {
    type Err = ();

    /// Reads `none`, `last-N` (from 1), `notice`, `forever` or a date.
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "none" => return Ok(Self::None),
            "notice" => return Ok(Self::Notice),
            "forever" => return Ok(Self::Forever),
            _ => {}
        }
        match text.strip_prefix("last-") {
            Some(count)
                if !count.is_empty() && count.bytes().all(|digit| digit.is_ascii_digit()) =>
            {
                let count = count.parse().unwrap_or(u32::MAX);
                if count == 0 { Err(()) } else { Ok(Self::Last(count)) }
            }
            Some(_) => Err(()),
            None => text.parse().map(Self::Until).map_err(|_| ()),
        }
    }
}

impl Validity {
    /// What an image says of itself. What is missing or cannot be read promises everything:
    /// deleting cannot be undone.
    pub fn of(property: Option<&str>) -> Self {
        property.and_then(|text| text.parse().ok()).unwrap_or(Self::Forever)
    }

    /// How many superseded images are kept today; `None` for all of them.
    pub fn kept(self, today: Date) -> Option<u32> {
        match self {
            Self::None => Some(0),
            Self::Last(count) => Some(count.saturating_sub(1)),
            Self::Notice | Self::Forever => None,
            Self::Until(day) => (today > day).then_some(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn every_form_says_how_many_superseded_images_are_kept() {
        let today = date(2026, 3, 1);
        for (text, kept) in [
            ("none", Some(0)),
            ("last-1", Some(0)),
            ("last-3", Some(2)),
            ("last-99999999999", Some(u32::MAX - 1)),
            ("notice", None),
            ("forever", None),
            ("2026-03-01", None),
            ("2026-02-28", Some(0)),
            // What nobody can read keeps everything.
            ("last-0", None),
            ("last-", None),
            ("last-+3", None),
            ("sometimes", None),
            ("", None),
        ] {
            assert_eq!(Validity::of(Some(text)).kept(today), kept, "{text}");
        }
        assert_eq!(Validity::of(None).kept(today), None);
    }
}
