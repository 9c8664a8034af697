//! Plans are checked graphs.

use lotse_core::error::{ErrorKind, Explain};
use lotse_plan::{Action, Plan, PlanError, Step};

fn step(id: &str, after: &[&str]) -> Step<()> {
    after.iter().fold(Step::new(id, Action::Create, "thing", id, ()), |step, &id| step.after(id))
}

fn plan(steps: Vec<Step<()>>) -> Result<Plan<()>, PlanError> {
    let mut builder = Plan::builder("sim".to_owned());
    for step in steps {
        builder.step(step);
    }
    builder.build()
}

#[test]
fn two_steps_of_one_name_are_refused() {
    let error = plan(vec![step("a", &[]), step("b", &[]), step("a", &[])]).unwrap_err();
    assert_eq!(error.to_string(), "two steps of the plan are called \"a\"");
    assert_eq!(error.kind(), ErrorKind::Internal);
}

#[test]
fn a_step_that_waits_for_nothing_known_is_refused() {
    let error = plan(vec![step("a", &["b"])]).unwrap_err();
    assert_eq!(error.to_string(), "the step \"a\" waits for \"b\", which is not in the plan");
}

#[test]
fn a_cycle_is_refused_and_named_without_the_steps_outside_it() {
    let steps = vec![
        step("before", &[]),
        step("a", &["before", "c"]),
        step("b", &["a"]),
        step("c", &["b"]),
        step("behind", &["c"]),
    ];
    let error = plan(steps).unwrap_err();
    let PlanError::Cycle { steps } = &error else { panic!("{error}") };
    let mut names: Vec<_> = steps.iter().map(ToString::to_string).collect();
    names.sort();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(
        plan(vec![step("a", &["a"])]).unwrap_err().to_string(),
        "steps of the plan wait for each other: a → a"
    );
}

#[test]
fn a_dependency_named_twice_counts_once() {
    let plan = plan(vec![step("a", &[]), step("b", &["a", "a"])]).unwrap();
    assert_eq!(plan.summary().total(), 2);
}
