//! Lists of checksums: where they are, and by whom they are signed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lotse_core::declared::Diagnostic;
use lotse_core::error::chain;
use lotse_transfer::Keyring;
use url::Url;

use super::raw::{RawImage, RawVersion};
use super::{At, LATEST, no_url};
use crate::model::{Scheme, SignedList, SourceUrl, SourceUrlError, UpstreamChecksum};

/// Bytes of a key file.
const MOST_BYTES: u64 = 4 << 20;
/// Files in the directory of keys that are looked at.
const MOST_FILES: usize = 1000;
/// The directory beside a definition file in which keys are found by their fingerprints.
const DIRECTORY: &str = "keys";

const CHECKSUMS: &str = "checksums_url";
const SIGNATURE: &str = "checksums_signature_url";
const SIGNED_BY: &str = "signed_by";

/// What an image and one of its versions say of lists, each with its place in the file.
pub(super) struct Lists<'a> {
    pub(super) image: (&'a RawImage, &'a At<'a>),
    pub(super) version: (&'a RawVersion, &'a At<'a>),
}

/// A text, and where it stands.
type Given<'a> = Option<(&'a str, &'a At<'a>)>;

impl<'a> Lists<'a> {
    fn given(&self, of_version: Option<&'a String>, of_image: Option<&'a String>) -> Given<'a> {
        let own = of_version.map(|text| (text.as_str(), self.version.1));
        own.or_else(|| of_image.map(|text| (text.as_str(), self.image.1)))
    }

    fn signed_by(&self) -> Given<'a> {
        self.given(self.version.0.signed_by.as_ref(), self.image.0.signed_by.as_ref())
    }

    fn list(&self) -> Given<'a> {
        self.given(self.version.0.checksums_url.as_ref(), self.image.0.checksums_url.as_ref())
    }

    fn signature(&self) -> Given<'a> {
        let (image, version) = (self.image.0, self.version.0);
        self.given(version.checksums_signature_url.as_ref(), image.checksums_signature_url.as_ref())
    }

    fn is_latest(&self) -> bool {
        self.version.0.version == LATEST
    }

    /// The version `latest` needs exactly one place that tells the checksum; other versions one only
    /// where it is signed.
    pub(super) fn latest(
        &self,
        base: Option<&SourceUrl>,
        wrong: &mut Vec<Diagnostic>,
    ) -> Option<UpstreamChecksum> {
        let (raw, at) = self.version;
        if !self.is_latest() {
            let list = raw.checksums_url.as_ref().filter(|_| self.signed_by().is_none());
            for (key, given) in [(CHECKSUMS, list), ("checksum_url", raw.checksum_url.as_ref())] {
                if given.is_some() {
                    wrong.push(
                        at.complain(
                            key,
                            format!("\"{key}\" goes with the version \"latest\" only"),
                        )
                        .with_help(
                            "give the checksum itself as \"checksum\", or say by whom a list is signed \
                                 (\"signed_by\")",
                        ),
                    );
                }
            }
            return None;
        }
        match (self.list(), raw.checksum_url.as_ref()) {
            (Some(_), Some(_)) if raw.checksums_url.is_some() => {
                let message = "only one of \"checksums_url\" and \"checksum_url\" can be given";
                wrong.push(at.complain("checksum_url", message));
                None
            }
            (_, Some(text)) => {
                let url = remote(Some((text, at)), "checksum_url", base, wrong)?;
                Some(UpstreamChecksum::Single(url))
            }
            (Some(list), None) => {
                let url = remote(Some(list), CHECKSUMS, base, wrong)?;
                Some(UpstreamChecksum::Manifest(url))
            }
            (None, None) => {
                let message = "the version \"latest\" needs \"checksums_url\" or \"checksum_url\"";
                wrong.push(at.complain("version", message));
                None
            }
        }
    }

    /// The list that must be signed, if one must.
    pub(super) fn signed(
        &self,
        base: Option<&SourceUrl>,
        keys: &mut Keys,
        wrong: &mut Vec<Diagnostic>,
    ) -> Option<SignedList> {
        let Some((by, at)) = self.signed_by() else {
            if let Some((_, at)) = self.signature() {
                let message = format!("\"{SIGNATURE}\" needs \"{SIGNED_BY}\": the keys that count");
                wrong.push(at.complain(SIGNATURE, message));
            }
            return None;
        };
        let single = self.version.0.checksum_url.as_ref().filter(|_| self.is_latest());
        let list = match single {
            Some(text) => {
                remote(Some((text, self.version.1)), "checksum_url", base, &mut Vec::new())
            }
            // What is wrong with it was said already where the version follows it.
            None if self.is_latest() => remote(self.list(), CHECKSUMS, base, &mut Vec::new()),
            None => {
                if self.list().is_none() {
                    let message = format!(
                        "what is signed is a list of checksums: \"{SIGNED_BY}\" needs \"{CHECKSUMS}\""
                    );
                    wrong.push(self.version.1.complain("version", message));
                }
                remote(self.list(), CHECKSUMS, base, wrong)
            }
        };
        let signature = remote(self.signature(), SIGNATURE, base, wrong);
        let keys = match keys.find(by, Path::new(&*at.file.file.name)) {
            Ok(keys) => keys,
            Err(reason) => {
                let help = "name a file with armoured public keys, relative to this file, or the \
                            fingerprint of a key in the directory \"keys\" beside it";
                wrong.push(at.complain(SIGNED_BY, reason).with_help(help));
                return None;
            }
        };
        Some(SignedList { list: list?, signature, keys })
    }
}

/// A URL that is fetched, or one relative to that of the content.
fn remote(
    given: Given<'_>,
    key: &str,
    base: Option<&SourceUrl>,
    wrong: &mut Vec<Diagnostic>,
) -> Option<SourceUrl> {
    let (text, at) = given?;
    let parsed = match (SourceUrl::parse(text), base) {
        (Err(SourceUrlError::Syntax(url::ParseError::RelativeUrlWithoutBase)), Some(base)) => {
            let base = Url::parse(base.as_str()).map_err(SourceUrlError::Syntax);
            base.and_then(|base| base.join(text).map_err(SourceUrlError::Syntax))
                .and_then(|url| SourceUrl::parse(url.as_str()))
        }
        (parsed, _) => parsed,
    };
    match parsed {
        Ok(url) if url.scheme() == Scheme::File => {
            wrong.push(at.complain(key, "a checksum is fetched from https:// or http://"));
            None
        }
        Ok(url) => Some(url),
        Err(error) => {
            wrong.push(no_url(key, &error, at));
            None
        }
    }
}

/// Keys that were read already.
#[derive(Default)]
pub(super) struct Keys(BTreeMap<(PathBuf, String), Result<Arc<Keyring>, String>>);

impl Keys {
    /// The keys that `by` names in this definition file, or why there are none.
    fn find(&mut self, by: &str, file: &Path) -> Result<Arc<Keyring>, String> {
        let directory = file.parent().unwrap_or(Path::new(""));
        let known = self.0.entry((directory.to_owned(), by.to_owned()));
        known.or_insert_with(|| found(by, directory).map(Arc::new)).clone()
    }
}

fn found(by: &str, directory: &Path) -> Result<Keyring, String> {
    let Some(fingerprint) = fingerprint(by) else { return read(&directory.join(by)) };
    let directory = directory.join(DIRECTORY);
    let failed = |error| format!("{} cannot be read: {error}", directory.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&directory).map_err(failed)?.take(MOST_FILES) {
        files.push(entry.map_err(failed)?.path());
    }
    files.sort();
    // One file that cannot be read does not hide the key in another.
    let mut keyrings = files.iter().filter_map(|path| read(path).ok()?.only(&fingerprint));
    keyrings
        .next()
        .ok_or_else(|| format!("no file in {} holds the key {fingerprint}", directory.display()))
}

/// The digits of a fingerprint, if the text is one: 40 of them, with or without blanks.
fn fingerprint(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let digits = digits.strip_prefix("0x").unwrap_or(&digits).to_ascii_lowercase();
    (digits.len() == 40 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(digits)
}

fn read(path: &Path) -> Result<Keyring, String> {
    let failed = |why: String| format!("{}: {why}", path.display());
    let said = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?;
    if !said.is_file() || said.len() > MOST_BYTES {
        return Err(failed("this is no file of keys".to_owned()));
    }
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    Keyring::parse(&text).map_err(|fault| failed(chain(&fault)))
}
