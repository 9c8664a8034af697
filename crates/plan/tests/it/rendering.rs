//! What people and programs see.

use insta::{assert_json_snapshot, assert_snapshot};
use lotse_plan::render::{self, Look};
use lotse_plan::{Action, Change, Note, NoteKind, Plan, Step};
use serde_json::{Value, json};

fn sample() -> Plan<()> {
    let mut plan = Plan::builder("sim".to_owned());
    plan.step(
        Step::new("image/Debian 13/import", Action::Create, "image", "Debian 13", ())
            .because("declared in images/debian.yml, not in the cloud")
            .changing(vec![
                Change::new("min_disk", Value::Null, 10),
                Change::new("properties.os_version", Value::Null, "13"),
                Change::new("tags", Value::Null, json!(["managed", "os:debian"])),
            ]),
    )
    .step(
        Step::new("image/Ubuntu 24.04/update", Action::Update, "image", "Ubuntu 24.04", ())
            .because("3 fields differ")
            .after("image/Debian 13/import")
            .changing(vec![
                Change::new("min_ram", 512, 1024),
                Change::new("properties.hw_rng_model", Value::Null, "virtio"),
                Change::new("properties.legacy", true, Value::Null),
                Change::new(
                    "properties.image_source",
                    format!("https://images.example/{}/20260101.img", "long/".repeat(20)),
                    format!("https://images.example/{}/20260201.img", "long/".repeat(20)),
                ),
                Change::new("properties.motd", "one\ntwo", "one\n\u{1b}[31mthree"),
            ]),
    )
    .step(
        Step::new("image/CirrOS/replace", Action::Replace, "image", "CirrOS", ())
            .because("the checksum is another one"),
    )
    .step(Step::new("image/Old/destroy", Action::Destroy, "image", "Old \u{1b}[31m", ()))
    .note(Note::new(
        NoteKind::Waiting,
        "image/Fedora",
        "the upload of another instance is still going on",
    ))
    .note(Note::new(NoteKind::NotHandled, "image/snapshot-1", "does not carry our mark"))
    .note(Note::new(NoteKind::Warning, "image/CirrOS", "3 servers were started from it"));
    plan.build().unwrap()
}

#[test]
fn a_plan_reads_as_a_list_of_changes() {
    assert_snapshot!(render::table(&sample(), &Look { width: 90, colour: false }));
}

#[test]
fn a_narrow_terminal_gets_before_and_after_on_lines_of_their_own() {
    let text = render::table(&sample(), &Look { width: 44, colour: false });
    let widest = text.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(44), "{text}");
    assert_snapshot!(text);
}

#[test]
fn colours_only_frame_the_same_text() {
    let look = Look { width: 90, colour: true };
    let coloured = render::table(&sample(), &look);
    assert!(coloured.contains("\u{1b}[1m\u{1b}[32m+ create image"), "{coloured:?}");
    let stripped = anstream::adapter::strip_str(&coloured).to_string();
    assert_eq!(stripped, render::table(&sample(), &Look { colour: false, ..look }));
}

#[test]
fn a_plan_without_steps_says_so() {
    let plan: Plan<()> = Plan::builder("sim".to_owned()).build().unwrap();
    let text = render::table(&plan, &Look::default());
    assert_eq!(text, "No differences: cloud \"sim\" is as declared.\n");
}

#[test]
fn programs_get_steps_and_summary() {
    assert_json_snapshot!(render::json(&sample()), {
        ".steps[1].changes" => "…",
    });
}
