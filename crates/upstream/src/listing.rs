//! Directory listings: the HTML that Apache, nginx and their like make of a directory.
//!
//! Only the links are read. What counts is what lies directly in the directory: a link that leads
//! elsewhere (the parent, a sorting, another host) is none of its entries. A page that was cut off
//! says so by lacking its end.

use url::Url;

/// So many entries are looked at; a page with more is refused.
pub const MAX_ENTRIES: usize = 50_000;

/// Why a page is no listing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ListingError {
    /// The page ends before its end.
    #[error("the listing is cut off: its end is missing")]
    CutOff,
    /// The page is not HTML.
    #[error("the answer is no listing: it holds no HTML")]
    NoHtml,
    /// More than [`MAX_ENTRIES`].
    #[error("the listing has more than {MAX_ENTRIES} links")]
    TooMany,
}

/// The names in the directory at `base` (which ends with `/`), in the order of the page and each
/// once; those of directories end with `/`.
///
/// # Errors
/// [`ListingError`]
pub fn names(base: &Url, page: &str) -> Result<Vec<String>, ListingError> {
    let lower = page.to_ascii_lowercase();
    if !lower.contains("<html") && !lower.contains("<a ") {
        return Err(ListingError::NoHtml);
    }
    if lower.contains("<html") && !lower.contains("</html") {
        return Err(ListingError::CutOff);
    }
    let mut seen = std::collections::HashSet::new();
    let mut names = Vec::new();
    let mut links = 0;
    for link in Links::new(page, &lower) {
        links += 1;
        if links > MAX_ENTRIES {
            return Err(ListingError::TooMany);
        }
        let name = entry(base, link).filter(|name| !seen.contains(name));
        if let Some(name) = name {
            seen.insert(name.clone());
            names.push(name);
        }
    }
    Ok(names)
}

/// The name that a link gives to something directly in the directory.
fn entry(base: &Url, link: &str) -> Option<String> {
    let target = base.join(&link.replace("&amp;", "&")).ok()?;
    let here = target.origin() == base.origin() && target.query().is_none();
    let name = target.path().strip_prefix(base.path()).filter(|_| here)?;
    let stem = name.strip_suffix('/').unwrap_or(name);
    if stem.is_empty() || stem.contains('/') {
        return None;
    }
    let decoded = unescaped(name)?;
    // A name that hides a separator or a control character is nobody's build.
    let plain = decoded.trim_end_matches('/').chars().all(|c| c != '/' && !c.is_control());
    plain.then_some(decoded)
}

/// Undoes percent-encoding (RFC 3986, section 2.1); none when the result is not UTF-8.
fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let pair = tail.get(..2).filter(|_| *first == b'%');
        let byte = pair.and_then(|pair| {
            let pair = std::str::from_utf8(pair).ok().filter(|pair| !pair.starts_with('+'))?;
            u8::from_str_radix(pair, 16).ok()
        });
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    String::from_utf8(bytes).ok()
}

/// The values of `href` in the `<a>` tags of a page.
struct Links<'a> {
    page: &'a str,
    /// The same in lower case; ASCII only, so that places are the same.
    lower: &'a str,
    at: usize,
}

impl<'a> Links<'a> {
    const fn new(page: &'a str, lower: &'a str) -> Self {
        Self { page, lower, at: 0 }
    }

    /// The attribute in the tag between two places.
    fn href(&self, from: usize, to: usize) -> Option<&'a str> {
        let tag = self.lower.get(from..to)?;
        let mut search = 0;
        loop {
            let found = search + tag.get(search..)?.find("href")?;
            let before = tag.get(..found)?.ends_with(|c: char| c.is_ascii_whitespace());
            let after = tag.get(found + 4..)?;
            let value = after.trim_start().strip_prefix('=').filter(|_| before);
            let Some(value) = value.map(str::trim_start) else {
                search = found + 4;
                continue;
            };
            let start = to - value.len();
            let (skip, end) = match value.chars().next()? {
                quote @ ('"' | '\'') => (1, value.get(1..)?.find(quote)? + 1),
                _ => (0, value.find(|c: char| c.is_ascii_whitespace()).unwrap_or(value.len())),
            };
            return self.page.get(start + skip..start + end);
        }
    }
}

impl<'a> Iterator for Links<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            let from = self.at + self.lower.get(self.at..)?.find("<a")? + 2;
            let to = from + self.lower.get(from..)?.find('>')?;
            self.at = to;
            let is_link = self.lower.get(from..)?.starts_with(|c: char| c.is_ascii_whitespace());
            if let Some(link) = self.href(from, to).filter(|_| is_link) {
                return Some(link);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(page: &str) -> Result<Vec<String>, ListingError> {
        names(&Url::parse("https://h.example/cloud/13/").unwrap(), page)
    }

    #[test]
    fn only_what_lies_in_the_directory_is_an_entry() {
        let page = r##"<HTML><body><a href="?C=N;O=D">Name</a> <A HREF='/cloud/'>Parent</A>
            <a href="../">../</a> <a class=x href=20261001-1/>20261001-1/</a>
            <a href="/cloud/13/absolute.qcow2">a</a> <a href="https://h.example/cloud/13/full.img">f</a>
            <a href="https://other.example/cloud/13/x">o</a> <a href="deep/er/x">d</a>
            <a href="a%2Bb.txt">a+b</a> <a href="a%2Fb">hidden separator</a> <a href="./dot">dot</a>
            <abbr href="no">n</abbr> <a data-href="no2" href="yes">y</a> <a name="x">no link</a>
            <a href="20261001-1/">again</a> <a href="#top">top</a></body></HTML>"##;
        assert_eq!(
            read(page).unwrap(),
            ["20261001-1/", "absolute.qcow2", "full.img", "a+b.txt", "dot", "yes"]
        );
    }

    #[test]
    fn a_page_without_its_end_is_not_believed() {
        let page = "<html><body><a href=\"20261001/\">20261001/</a>\n<a href=\"2026";
        assert_eq!(read(page), Err(ListingError::CutOff));
        assert_eq!(read("{\"a\": 1}"), Err(ListingError::NoHtml));
        assert_eq!(read(""), Err(ListingError::NoHtml));
    }

    proptest::proptest! {
        #[test]
        fn no_page_does_harm(page in "(<a |<A\t|href|=|\"|'|>|%2|%zz|/|é|x|<html>|</html>| ){0,24}") {
            for name in read(&page).unwrap_or_default() {
                proptest::prop_assert!(!name.trim_end_matches('/').contains('/'));
                proptest::prop_assert!(!name.is_empty());
            }
        }
    }
}
