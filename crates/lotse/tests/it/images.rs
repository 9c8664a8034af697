//! `lotse image`: the main job through the command line.

use crate::process::{Place, example};

fn images() -> String {
    example("images").display().to_string()
}

#[test]
fn plan_apply_plan() {
    let place = Place::new();
    let _sim = place.simulate();
    let images = images();
    let plan = ["image", "plan", "--images", &images, "--format", "json"];
    let first = place.run_on_sim(&plan).with_code(0).json();
    let declared = first["summary"]["create"].as_u64().unwrap();
    assert_eq!(declared, 7, "{first:#}");
    assert_eq!(
        first["steps"].as_array().unwrap().iter().filter(|step| step["action"] == "create").count(),
        7
    );
    let detailed = [&plan[..], &["--detailed-exitcode"]].concat();
    place.run_on_sim(&detailed).with_code(3);
    assert!(!place.path("state").exists(), "a plan needs no state");

    let apply = ["image", "apply", "--images", &images];
    let refused = place.run_on_sim(&apply).with_code(1);
    assert!(refused.stderr.contains("--yes"), "{}", refused.stderr);
    place.run_on_sim(&detailed).with_code(3);

    place.run_on_sim(&[&apply[..], &["--yes"]].concat()).with_code(0);
    let second = place.run_on_sim(&detailed).with_code(0).json();
    assert_eq!(second["steps"], serde_json::json!([]), "{second:#}");
    place.run_on_sim(&[&apply[..], &["--yes"]].concat()).with_code(0);
}

#[test]
fn a_wrong_definition_is_shown_with_its_place_and_nothing_is_asked_of_the_cloud() {
    let place = Place::new();
    let good = std::fs::read_to_string(example("images/debian.yml")).unwrap();
    place.write("images/good.yml", &good);
    place.write(
        "images/wrong.yml",
        &good.replacen("visibility: public", "visibility: publik", 1).replace("Debian", "Other"),
    );
    // There is no cloud at all: the complaint must come first.
    for verb in ["plan", "apply", "check"] {
        let ended =
            place.run(&["image", verb, "--images", "images", "--os-cloud", "nowhere"]).with_code(2);
        assert!(ended.stderr.contains("wrong.yml:"), "{verb}: {}", ended.stderr);
        assert!(ended.stderr.contains("publik"), "{verb}: {}", ended.stderr);
        assert!(ended.stderr.contains("public"), "{verb}: {}", ended.stderr);
    }
}

#[test]
fn an_unknown_cloud_is_named_with_those_that_are_known() {
    let place = Place::new();
    let _sim = place.simulate();
    let ended = place
        .run_on_sim(&["image", "plan", "--images", &images(), "--os-cloud", "smi"])
        .with_code(2);
    assert!(ended.stderr.contains("smi") && ended.stderr.contains("sim"), "{}", ended.stderr);
}

#[test]
fn without_a_cloud_the_ways_to_name_one_are_listed() {
    let ended = Place::new().run(&["image", "plan", "--images", &images()]).with_code(2);
    for word in ["no cloud is configured", "OS_CLIENT_CONFIG_FILE", "openrc"] {
        assert!(ended.stderr.contains(word), "{word}: {}", ended.stderr);
    }
}
