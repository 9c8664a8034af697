//! Pages of a list by `limit` and `marker`, as Nova, Neutron, Cinder and Octavia have them.

/// A page of a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// Whether anything follows.
    pub(crate) more: bool,
}

/// The list does not hold the marker.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct NoMarker;

/// The items behind the marker, at most `limit` of them.
///
/// The list is an iterator, so that only what is shown is ever made, however long it is.
pub(crate) fn page<T>(
    list: impl Iterator<Item = T>,
    marker: Option<&str>,
    limit: usize,
    id: impl Fn(&T) -> &str,
) -> Result<Page<T>, NoMarker> {
    let mut list = list;
    if let Some(marker) = marker
        && !list.any(|item| id(&item) == marker)
    {
        return Err(NoMarker);
    }
    let items: Vec<T> = list.by_ref().take(limit).collect();
    let more = list.next().is_some();
    Ok(Page { items, more })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pages_one_after_the_other_are_the_list(length in 0_usize..50, limit in 1_usize..9) {
            let list: Vec<String> = (0..length).map(|n| n.to_string()).collect();
            let mut seen: Vec<String> = Vec::new();
            loop {
                let marker = seen.last().cloned();
                let next = page(list.iter(), marker.as_deref(), limit, |item| item.as_str());
                let next = next.expect("the marker is there");
                prop_assert!(next.items.len() <= limit);
                seen.extend(next.items.into_iter().cloned());
                if !next.more {
                    break;
                }
            }
            prop_assert_eq!(seen, list);
        }
    }

    #[test]
    fn an_unknown_marker_is_no_empty_page() {
        let list = ["a", "b"];
        assert_eq!(page(list.iter(), Some("c"), 5, |item| item), Err(NoMarker));
    }
}
