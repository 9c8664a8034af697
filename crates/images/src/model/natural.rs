//! The order of versions.

use std::cmp::Ordering;

/// Compares as Python's `natsort` does by default: runs of digits by their value, everything else by
/// code points (so upper case before lower case, and blanks count).
///
/// Texts that differ only in leading zeros are equal here, as there.
pub fn natural_order(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left, right);
    loop {
        // Text first: where a text begins with digits, its first part is the empty text.
        let (left_text, left_rest) = split(left, |c| !c.is_ascii_digit());
        let (right_text, right_rest) = split(right, |c| !c.is_ascii_digit());
        match left_text.cmp(right_text) {
            Ordering::Equal => {}
            other => return other,
        }
        let (left_digits, left_rest) = split(left_rest, |c| c.is_ascii_digit());
        let (right_digits, right_rest) = split(right_rest, |c| c.is_ascii_digit());
        match (left_digits.is_empty(), right_digits.is_empty()) {
            (true, true) => return Ordering::Equal,
            (true, false) => return Ordering::Less,
            (false, true) => return Ordering::Greater,
            (false, false) => {}
        }
        match by_value(left_digits, right_digits) {
            Ordering::Equal => {}
            other => return other,
        }
        (left, right) = (left_rest, right_rest);
    }
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

/// Numbers of any length.
fn by_value(left: &str, right: &str) -> Ordering {
    let (left, right) = (left.trim_start_matches('0'), right.trim_start_matches('0'));
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pairs_are_ordered_as_natsort_orders_them() {
        let rows: Vec<(String, String, i8)> =
            serde_json::from_str(include_str!("testdata/natsort-pairs.json")).unwrap();
        assert!(rows.len() > 1000);
        for (left, right, expected) in rows {
            assert_eq!(natural_order(&left, &right) as i8, expected, "{left:?} {right:?}");
        }
    }

    proptest! {
        #[test]
        fn it_is_a_total_preorder(a in "[a-cA-C0-2. ]{0,6}", b in "[a-cA-C0-2. ]{0,6}", c in "[a-cA-C0-2. ]{0,6}") {
            prop_assert_eq!(natural_order(&a, &b), natural_order(&b, &a).reverse());
            prop_assert_eq!(natural_order(&a, &a), Ordering::Equal);
            if natural_order(&a, &b).is_le() && natural_order(&b, &c).is_le() {
                prop_assert!(natural_order(&a, &c).is_le());
            }
        }
    }
}
