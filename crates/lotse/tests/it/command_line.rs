//! The command line itself.

use crate::process::Place;

#[test]
fn the_version_is_one_line() {
    let ended = Place::new().run(&["--version"]).with_code(0);
    assert_eq!(ended.stdout, format!("lotse {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(ended.stderr, "");
}

#[test]
fn a_wrong_word_is_a_usage_error_with_a_suggestion() {
    let ended = Place::new().run(&["imgae", "plan"]).with_code(2);
    assert!(ended.stderr.contains("'image'"), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
}

#[test]
fn every_command_has_help_with_an_example_or_a_purpose() {
    let place = Place::new();
    for words in [
        &["demo"][..],
        &["serve"],
        &["sim"],
        &["image", "plan"],
        &["image", "apply"],
        &["image", "check"],
        &["image", "schema"],
        &["conformance", "check"],
        &["conformance", "record"],
        &["flavor", "name"],
        &["flavor", "make"],
        &["notify", "test"],
        &["notify", "list"],
        &["notify", "resend"],
        &["config", "check"],
        &["config", "schema"],
        &["backup"],
        &["restore"],
        &["completion"],
    ] {
        let arguments: Vec<_> = words.iter().copied().chain(["--help"]).collect();
        let help = place.run(&arguments).with_code(0).stdout;
        assert!(help.contains("Usage: lotse "), "{words:?}: {help}");
    }
}

#[test]
fn completions_exist_for_the_usual_shells() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = place.run(&["completion", shell]).with_code(0).stdout;
        assert!(script.contains("detailed-exitcode"), "{shell}");
    }
}

#[test]
fn without_a_terminal_nothing_is_coloured() {
    let ended = Place::new().run(&["image", "plan", "--images", "nowhere"]);
    assert!(!ended.stderr.contains('\u{1b}'), "{:?}", ended.stderr);
}

#[test]
fn schemas_are_json_schemas() {
    let place = Place::new();
    for noun in ["config", "image"] {
        let schema = place.run(&[noun, "schema"]).with_code(0).json();
        assert!(schema["$schema"].as_str().unwrap().contains("json-schema.org"), "{noun}");
        assert!(schema["properties"].is_object(), "{noun}");
    }
}
