//! What may be declared only once, within a definition and across all files.

use std::collections::HashMap;

use lotse_core::declared::{Diagnostic, Loaded, Span, pointer};

use super::raw::{RawFile, RawImage};

/// Complaints about names of images, versions, names in the cloud and ids that are given twice.
pub(super) fn check(files: &[Loaded<RawFile>]) -> Vec<Diagnostic> {
    let mut wrong = Vec::new();
    let mut names = Once::default();
    let mut targets = Once::default();
    let mut ids = Once::default();
    for file in files {
        for (index, image) in file.value.images.iter().enumerate() {
            let at = |tokens: &[&str]| {
                let index = index.to_string();
                pointer(["images", &index].into_iter().chain(tokens.iter().copied()))
            };
            let named = names.claim(&image.name, || (file, at(&["name"])), "image");
            let fresh = named.is_none();
            wrong.extend(named);
            let mut versions = Once::default();
            for (number, version) in image.versions.iter().enumerate() {
                let number = number.to_string();
                let place = || (file, at(&["versions", &number, "version"]));
                let twice = versions.claim(&version.version, place, "version");
                let again = twice.is_some();
                wrong.extend(twice);
                // An image or a version given twice was complained about already.
                if fresh && !again {
                    let name = target(image, &version.version);
                    wrong.extend(targets.claim(&name, place, "name in the cloud"));
                }
                if let Some(id) = &version.id {
                    let place = || (file, at(&["versions", &number, "id"]));
                    wrong.extend(ids.claim(&id.to_ascii_lowercase(), place, "id"));
                }
            }
            if fresh && image.multi {
                wrong.extend(targets.claim(
                    &image.name,
                    || (file, at(&["name"])),
                    "name in the cloud",
                ));
            }
        }
    }
    wrong
}

fn target(image: &RawImage, version: &str) -> String {
    let separator = image.separator.as_deref().unwrap_or(" ");
    if image.multi {
        format!("{}{separator}({version})", image.name)
    } else {
        format!("{}{separator}{version}", image.name)
    }
}

/// Where each value was given first. The line is looked up when there is something to complain about:
/// each look goes through the file.
#[derive(Default)]
struct Once<'a>(HashMap<String, (&'a Loaded<RawFile>, Span)>);

impl<'a> Once<'a> {
    /// A complaint if the value was given before.
    fn claim(
        &mut self,
        value: &str,
        place: impl FnOnce() -> (&'a Loaded<RawFile>, String),
        what: &str,
    ) -> Option<Diagnostic> {
        let (loaded, pointer) = place();
        let span = loaded.span_of(&pointer);
        let Some((earlier, first)) = self.0.get(value) else {
            self.0.insert(value.to_owned(), (loaded, span));
            return None;
        };
        let first = earlier.file.place(*first, "first given here");
        let text = format!(
            "the {what} \"{value}\" is given twice; first in {}:{}",
            first.file, first.span.line
        );
        let complaint = loaded.file.complain(span, text);
        Some(complaint.with_help("rename or remove one of the two").with_also(first))
    }
}
