//! The generated reference in the book is what the program says.

use std::path::Path;

use crate::process::Place;

#[test]
fn the_reference_in_the_book_is_up_to_date() {
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/reference");
    let place = Place::new();
    for (part, page) in [
        ("commands", "commands.md"),
        ("configuration", "configuration.md"),
        ("images", "image-definitions.md"),
    ] {
        let generated = place.run(&["reference", part]).with_code(0).stdout;
        let written = std::fs::read_to_string(book.join(page)).unwrap_or_default();
        assert!(generated == written, "{page} is out of date; run `cargo xtask docs`");
    }
}

#[test]
fn the_manual_page_is_roff() {
    let manual = Place::new().run(&["reference", "manual"]).with_code(0).stdout;
    assert!(manual.contains(".TH lotse 1"), "{manual}");
}
