//! `lotse config check` and what a wrong configuration leads to.

use crate::process::{Place, example};

const CLOUDS: &str = "clouds:\n  home:\n    auth:\n      auth_url: http://127.0.0.1:1/v3\n      \
    username: ada\n      password: secret-word\n      project_name: harbour\n      \
    user_domain_name: Default\n      project_domain_name: Default\n";

fn place_with_catalogue() -> Place {
    let place = Place::new();
    place.write("clouds.yaml", CLOUDS);
    let definitions = std::fs::read_to_string(example("images/debian.yml")).unwrap();
    place.write("images/debian.yml", &definitions);
    place
}

#[test]
fn a_good_configuration_is_reported_part_by_part() {
    let place = place_with_catalogue();
    place.write("lotse.yaml", "images:\n  path: images\n  clouds: [home]\n");
    let ended = place.run(&["config", "check", "--config", "lotse.yaml"]).with_code(0);
    assert!(ended.stdout.contains("2 definitions, 2 enabled"), "{}", ended.stdout);
    assert!(
        ended.stdout.contains("cloud home: signs in at http://127.0.0.1:1/v3"),
        "{}",
        ended.stdout
    );
    assert!(!ended.stdout.contains("secret-word"), "{}", ended.stdout);
    assert!(!place.path("state").exists(), "a check makes nothing");
}

#[test]
fn an_unknown_key_is_shown_with_its_place_and_the_nearest_known_one() {
    let place = Place::new();
    place.write("lotse.yaml", "listen: 127.0.0.1:0\nimags:\n  path: images\n");
    let ended = place.run(&["config", "check", "--config", "lotse.yaml"]).with_code(2);
    assert!(ended.stderr.contains("lotse.yaml:2:1"), "{}", ended.stderr);
    assert!(ended.stderr.contains("imags:"), "the line is shown: {}", ended.stderr);
    assert!(ended.stderr.contains("images"), "the known key is named: {}", ended.stderr);
    place.run(&["serve", "--config", "lotse.yaml"]).with_code(2);
    assert!(!place.path("state").exists(), "nothing was begun");
}

#[test]
fn what_the_configuration_names_is_checked_too() {
    let place = place_with_catalogue();
    place.write(
        "lotse.yaml",
        "images:\n  path: images\n  clouds: [hom]\ndatabase:\n  postgres:\n    env: NOT_SET\n",
    );
    let ended = place.run(&["config", "check", "--config", "lotse.yaml"]).with_code(2);
    let said = format!("{}{}", ended.stdout, ended.stderr);
    assert!(said.contains("home"), "the known cloud is named: {said}");
    assert!(said.contains("NOT_SET"), "the missing secret is named: {said}");
    let json = place.run(&["config", "check", "--config", "lotse.yaml", "--format", "json"]).json();
    assert_eq!(json["ok"], false);
}

#[test]
fn a_missing_file_is_named() {
    let ended = Place::new().run(&["serve", "--config", "no-such.yaml"]);
    assert!(ended.stderr.contains("no-such.yaml"), "{}", ended.stderr);
    assert_ne!(ended.code, Some(0));
}
