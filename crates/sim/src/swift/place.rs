//! Where a request points: an account, a container or an object.

/// A place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Place {
    pub(crate) project: String,
    pub(crate) container: Option<String>,
    pub(crate) object: Option<String>,
}

impl Place {
    /// The place of a path as `/v1/AUTH_PROJECT/CONTAINER/OBJECT`, which is still encoded.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let rest = path.strip_prefix("/v1/").or_else(|| path.strip_prefix("/v1.0/"))?;
        let (account, rest) = rest.split_once('/').unwrap_or((rest, ""));
        let project = decoded(account)?.strip_prefix("AUTH_")?.to_owned();
        let (container, object) = rest.split_once('/').unwrap_or((rest, ""));
        let named = |text: &str| match text {
            "" => Some(None),
            text => decoded(text).map(Some),
        };
        if project.is_empty() || (container.is_empty() && !object.is_empty()) {
            return None;
        }
        Some(Self { project, container: named(container)?, object: named(object)? })
    }

    /// The name of the account.
    pub(crate) fn account(&self) -> String {
        format!("AUTH_{}", self.project)
    }
}

/// The container and object of a header as `/CONTAINER/OBJECT`.
pub(crate) fn pointed_at(header: &str) -> Option<(String, String)> {
    let path = decoded(header)?;
    let (container, object) = path.strip_prefix('/').unwrap_or(&path).split_once('/')?;
    let whole = !container.is_empty() && !object.is_empty();
    whole.then(|| (container.to_owned(), object.to_owned()))
}

/// A part of a path without its percent signs; only UTF-8 is one.
pub(crate) fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, others)) = rest.split_first() {
        let coded = (first == b'%').then(|| others.get(..2)).flatten();
        let byte = coded.and_then(|two| std::str::from_utf8(two).ok());
        if let Some(byte) = byte.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            bytes.push(byte);
            rest = &others[2..];
        } else {
            bytes.push(first);
            rest = others;
        }
    }
    String::from_utf8(bytes).ok()
}

/// A part of a path, encoded as Swift writes it in headers.
pub(crate) fn encoded(text: &str) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"/_.-~".contains(&byte) {
            out.push(char::from(byte));
        } else if write!(out, "%{byte:02X}").is_err() {
            break;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_point_at_accounts_containers_and_objects() {
        let place = |path: &str| Place::of(path).map(|it| (it.container, it.object));
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(place("/v1/AUTH_p"), Some((None, None)));
        assert_eq!(place("/v1/AUTH_p/"), Some((None, None)));
        assert_eq!(place("/v1/AUTH_p/box"), Some((some("box"), None)));
        assert_eq!(place("/v1/AUTH_p/box/a/b%20c"), Some((some("box"), some("a/b c"))));
        assert_eq!(place("/v1/AUTH_p//a"), None);
        assert_eq!(place("/v1/other"), None);
        assert_eq!(place("/v1"), None);
    }

    proptest! {
        #[test]
        fn what_is_encoded_can_be_decoded(text in "\\PC{0,20}") {
            prop_assert_eq!(decoded(&encoded(&text)), Some(text));
        }
    }
}
