//! What people and programs see.

use std::time::Duration;

use insta::{assert_json_snapshot, assert_snapshot};
use lotse_core::error::ErrorKind;
use lotse_core::time::Timestamp;
use lotse_plan::render::{self, Look};
use lotse_plan::{
    Action, ApplyReport, Change, Note, NoteKind, Plan, Step, StepError, StepId, StepOutcome,
    StepReport, Stop,
};
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

#[test]
fn a_report_says_what_happened_and_how_to_go_on() {
    let error = StepError::new(ErrorKind::Forbidden, "Glance refuses: quota\nexceeded")
        .hinting("ask for a larger quota, or remove images nobody uses any more in this project");
    let error = StepError { request_id: Some("req-1".to_owned()), ..error };
    let step = |name: &str, action, outcome, seconds| StepReport {
        id: StepId::of("image", name, "import"),
        action,
        kind: "image".to_owned(),
        name: name.to_owned(),
        attempts: if seconds > 0 { 2 } else { 0 },
        duration: Duration::from_secs(seconds),
        request_id: None,
        open: outcome == StepOutcome::Interrupted,
        outcome,
    };
    let report = ApplyReport {
        run: "0197b3a0-0000-7000-8000-000000000001".parse().unwrap(),
        cloud: "sim".to_owned(),
        started: Timestamp::UNIX_EPOCH,
        duration: Duration::from_secs(200),
        steps: vec![
            step(
                "Debian 13",
                Action::Create,
                StepOutcome::Done { object: Some("7".to_owned()) },
                12,
            ),
            step("CirrOS", Action::Replace, StepOutcome::Failed { error }, 3),
            step(
                "Old",
                Action::Destroy,
                StepOutcome::Skipped { because: StepId::of("image", "CirrOS", "import") },
                0,
            ),
            step("Huge", Action::Create, StepOutcome::Interrupted, 90),
            step("Late", Action::Update, StepOutcome::NotStarted, 0),
        ],
        stopped: Some(Stop::Cancelled),
    };
    assert_snapshot!(render::report(&report, &Look { width: 70, colour: false }));
    assert_json_snapshot!(render::report_json(&report), { ".steps[2:]" => "…" });
    let coloured = render::report(&report, &Look { width: 70, colour: true });
    let stripped = anstream::adapter::strip_str(&coloured).to_string();
    assert_eq!(stripped, render::report(&report, &Look { width: 70, colour: false }));
}
