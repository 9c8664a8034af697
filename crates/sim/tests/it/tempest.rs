//! The API tests of tempest for identity and images, run against the simulated cloud.
//!
//! What fails is listed in `tests/it/tempest_failures.txt`, each with its reason. A test that fails
//! and is not listed fails this one, and so does one that is listed and passes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;

use lotse_sim::{SimCloud, SimOptions};

/// Tests that are known to fail, each behind a `#` line with its reason.
const KNOWN: &str = include_str!("tempest_failures.txt");

/// Fewer tests than this have not been a run.
const ENOUGH: usize = 200;

fn configuration(sim: &SimCloud, directory: &Path) -> String {
    let (identity, directory) = (sim.auth_url(), directory.display());
    format!(
        "[DEFAULT]\nlog_dir = {directory}\n\
         [oslo_concurrency]\nlock_path = {directory}/lock\n\
         [auth]\nuse_dynamic_credentials = true\nadmin_username = admin\nadmin_password = sim\n\
         admin_project_name = admin\nadmin_domain_name = Default\n\
         create_isolated_networks = false\n\
         [identity]\nuri_v3 = {identity}\nauth_version = v3\nregion = RegionOne\n\
         v3_endpoint_type = public\n\
         [identity-feature-enabled]\naccess_rules = true\ndomain_specific_drivers = false\n\
         [image]\nregion = RegionOne\nbuild_interval = 1\nbuild_timeout = 20\n\
         http_image = http://mirror.example/image.qcow2\n\
         [image-feature-enabled]\nimport_image = true\nos_glance_reserved = true\n\
         [service_available]\nnova = false\nneutron = false\ncinder = false\nswift = false\n"
    )
}

/// What came of each test: `ok`, `FAILED` or `SKIPPED`.
fn results(output: &str) -> BTreeMap<String, String> {
    // {0} tempest.api.image.v2.test_images.X.test_y [1.2s] ... ok
    let line = |line: &str| {
        let (head, outcome) = line.strip_prefix('{')?.split_once(" ... ")?;
        let (_, named) = head.split_once("} ")?;
        let (name, _) = named.rsplit_once(" [")?;
        // Without the tags, which are in brackets and not part of the name.
        let name = name.split('[').next()?;
        let outcome = outcome.split([':', ' ']).next()?;
        Some((name.to_owned(), outcome.to_owned()))
    };
    output.lines().filter_map(line).collect()
}

async fn run(directory: &Path, arguments: &[&str]) -> String {
    let output = tokio::process::Command::new("tempest")
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", directory)
        .env("LC_ALL", "C.UTF-8")
        .current_dir(directory)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .expect("the command that the package tempest installs");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "real: tempest"]
async fn the_identity_and_image_tests_of_tempest_pass_but_for_those_listed() {
    let sim = SimCloud::start(SimOptions::default()).await.expect("a cloud");
    sim.upstream().unreachable("http://does-not.exist/no/possible/way");
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("tempest.conf");
    std::fs::write(&file, configuration(&sim, directory.path())).expect("a configuration");
    let file = file.display().to_string();
    let output = run(
        directory.path(),
        &[
            "run",
            "--config-file",
            &file,
            "--concurrency",
            "2",
            "--regex",
            r"^tempest\.api\.(identity|image)\.",
        ],
    )
    .await;
    let results = results(&output);
    let with = |wanted: &str| -> BTreeSet<&str> {
        let all = results.iter().filter(|(_, outcome)| *outcome == wanted);
        all.map(|(name, _)| name.as_str()).collect()
    };
    let (passed, failed) = (with("ok"), with("FAILED"));
    assert!(passed.len() >= ENOUGH, "only {} passed:\n{output}", passed.len());
    let known: BTreeSet<&str> =
        KNOWN.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let unexpected: Vec<_> = failed.difference(&known).collect();
    assert!(unexpected.is_empty(), "failed and not listed: {unexpected:#?}\n{output}");
    let better: Vec<_> = known.intersection(&passed).collect();
    assert!(better.is_empty(), "listed and passed: {better:#?}");
    let gone: Vec<_> = known.difference(&failed).collect();
    assert!(gone.is_empty(), "listed and not run: {gone:#?}");
}

#[test]
fn outcomes_are_read_from_the_lines_of_the_runner() {
    let output = "{0} tempest.api.a.T.test_b [0.1s] ... ok\n\
                  {1} tempest.api.a.T.test_c[id-1,smoke] [2.5s] ... FAILED\n\
                  {1} tempest.api.a.T.test_d[id-2] ... SKIPPED: no [x] here\n\
                  {0} setUpClass (tempest.api.a.U) [0.0s] ... FAILED\nRan 4\n";
    let found = results(output);
    let outcome = |name: &str| found.get(name).map(String::as_str);
    assert_eq!(outcome("tempest.api.a.T.test_b"), Some("ok"));
    assert_eq!(outcome("tempest.api.a.T.test_c"), Some("FAILED"));
    assert_eq!(outcome("setUpClass (tempest.api.a.U)"), Some("FAILED"));
}
