//! Files with what was published.

use std::path::Path;

use super::{Feed, Feeds, Support};
use crate::error::Error;
use crate::snapshot::Answer;

/// Ends of support as they were known when this version of Lotse was made.
const SUPPORT: &str = include_str!("../../data/kubernetes-support.json");

/// Ends of support that come with Lotse.
pub fn built_in_support() -> Answer<Feed<Vec<Support>>> {
    // A test reads it; a file that cannot be read would be nothing.
    serde_json::from_str(SUPPORT).map_or(Answer::NotAsked, Answer::Given)
}

impl Feeds {
    /// Reads what [`Feeds::to_text`] wrote.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::File { action: "read", path: path.to_owned(), source };
        let bytes = std::fs::read(path).map_err(failed)?;
        serde_json::from_slice(&bytes)
            .map_err(|source| Error::Feeds { path: path.to_owned(), source })
    }

    /// What was published, as indented JSON with a newline at the end.
    pub fn to_text(&self) -> String {
        // Maps have text as keys and nothing else can go wrong.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_support_that_come_along_are_in_order() {
        let support = built_in_support();
        let entries = &support.given().unwrap().entries;
        assert!(entries.is_sorted_by(|one, next| one.branch < next.branch && one.end < next.end));
        let last = entries.last().unwrap();
        assert_eq!(
            (last.branch.to_string(), last.end.to_string()),
            ("1.36".into(), "2027-06-28".into())
        );
    }
}
