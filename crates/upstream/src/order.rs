//! Which version is the newer one.

use std::cmp::Ordering;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How builds are put in order.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Runs of digits by their value, everything else by code points: `1.9` before `1.10`.
    #[default]
    Natural,
    /// The numbers in the version only: `v1.9-rc2` and `1.9.2` are equal.
    Numeric,
    /// The date that was captured (`date`), or that the version begins with.
    Date,
}

/// Compares as the image manager orders versions (Python's `natsort` with its defaults): runs of
/// digits by their value, everything else by code points.
pub fn natural(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left, right);
    loop {
        let (left_text, left_rest) = split(left, false);
        let (right_text, right_rest) = split(right, false);
        let (left_number, left_rest) = split(left_rest, true);
        let (right_number, right_rest) = split(right_rest, true);
        let order = left_text
            .cmp(right_text)
            .then_with(|| left_number.is_empty().cmp(&right_number.is_empty()).reverse())
            .then_with(|| value(left_number, right_number));
        if order.is_ne() || left_number.is_empty() {
            return order;
        }
        (left, right) = (left_rest, right_rest);
    }
}

/// Compares the numbers in two texts, in their order.
pub fn numeric(left: &str, right: &str) -> Ordering {
    let numbers = |text: &str| -> Vec<String> {
        let runs = text.split(|c: char| !c.is_ascii_digit());
        runs.filter(|run| !run.is_empty()).map(str::to_owned).collect()
    };
    let (left, right) = (numbers(left), numbers(right));
    let pairs = left.iter().zip(&right).map(|(left, right)| value(left, right));
    pairs.fold(Ordering::Equal, Ordering::then).then(left.len().cmp(&right.len()))
}

/// Splits after the longest beginning that consists of digits, or of anything else.
fn split(text: &str, digits: bool) -> (&str, &str) {
    text.split_at(text.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(text.len()))
}

/// Numbers of any length.
fn value(left: &str, right: &str) -> Ordering {
    let (left, right) = (left.trim_start_matches('0'), right.trim_start_matches('0'));
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn versions_are_ordered_as_people_read_them() {
        for pair in [
            ["1.9", "1.10"],
            ["1592.16", "1877.5"],
            ["20261001", "20261001.1"],
            ["20261001-9", "20261001-10"],
            ["a", "1"],
            ["1", "1a"],
        ] {
            let expected = if pair[0] == "a" { Ordering::Greater } else { Ordering::Less };
            assert_eq!(natural(pair[0], pair[1]), expected, "{pair:?}");
        }
        assert_eq!(numeric("v1.9-rc2", "1.9.2"), Ordering::Equal);
        assert_eq!(numeric("v1.9", "1.10"), Ordering::Less);
        assert_eq!(numeric("1.9", "1.9.1"), Ordering::Less);
    }

    proptest! {
        #[test]
        fn both_orders_are_total(a in "[ab0-2.]{0,6}", b in "[ab0-2.]{0,6}", c in "[ab0-2.]{0,6}") {
            for order in [natural, numeric] {
                prop_assert_eq!(order(&a, &b), order(&b, &a).reverse());
                prop_assert_eq!(order(&a, &a), Ordering::Equal);
                if order(&a, &b).is_le() && order(&b, &c).is_le() {
                    prop_assert!(order(&a, &c).is_le());
                }
            }
        }
    }
}
