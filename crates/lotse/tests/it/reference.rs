//! The generated reference in the book is what the program says.

use std::path::Path;

use crate::process::{Place, Server, get};

#[test]
fn the_reference_in_the_book_is_up_to_date() {
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/reference");
    let place = Place::new();
    for (part, page) in [
        ("commands", "commands.md"),
        ("configuration", "configuration.md"),
        ("images", "image-definitions.md"),
        ("api", "http-api.md"),
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

#[test]
fn the_reference_of_the_api_has_what_the_daemon_serves() {
    let place = Place::new();
    place.write("lotse.yaml", "listen: 127.0.0.1:0\nstate_directory: state\n");
    let daemon =
        Server::start(place.lotse(&["serve", "--config", "lotse.yaml", "--format", "json"]));
    let (status, served) = get(&daemon.page(), "/api/v1/openapi.json");
    assert_eq!(status, 200);
    let served: serde_json::Value = serde_json::from_str(&served).unwrap();
    let page = place.run(&["reference", "api"]).with_code(0).stdout;
    let paths = served["paths"].as_object().unwrap();
    assert!(paths.len() > 5, "{paths:?}");
    for path in paths.keys() {
        assert!(page.contains(&format!(" `{path}`\n")), "{path} is missing:\n{page}");
    }
}
