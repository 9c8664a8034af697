//! Programs under supervision.

use std::time::Duration;

use lotse_core::error::{ErrorKind, Explain};
use lotse_run::child::Supervised;

/// Long enough never to pass in a test that goes well.
const LONG: Duration = Duration::from_mins(2);

fn shell(script: &str, deadline: Duration) -> Supervised {
    Supervised::new("/bin/sh", deadline).env("PATH", "/usr/bin:/bin").arg("-c").arg(script)
}

#[tokio::test]
async fn status_and_both_streams_come_back() {
    let ended = shell("echo out; echo err >&2; cat; exit 3", LONG).run().await.unwrap();
    assert_eq!(ended.status.code(), Some(3));
    assert!(!ended.timed_out);
    assert_eq!(ended.stdout.text(), "out\n");
    assert_eq!(ended.stderr.text(), "err\n");
}

#[tokio::test]
async fn the_environment_is_only_what_was_given() {
    let ended = Supervised::new("/usr/bin/env", LONG).env("ONLY", "this").run().await.unwrap();
    assert_eq!(ended.stdout.text(), "ONLY=this\n");
}

#[tokio::test]
async fn much_output_keeps_its_beginning_and_its_end() {
    let mut program = shell("echo first; seq 1 200000; echo last", LONG);
    program.keep = 1000;
    let output = program.run().await.unwrap().stdout;
    let text = output.text();
    assert!(text.starts_with("first\n1\n") && text.ends_with("200000\nlast\n"), "{text}");
    assert_eq!(output.total() - output.lost(), 1000);
    assert!(text.contains(&format!("… {} bytes not kept …", output.lost())));
}

#[tokio::test]
async fn the_deadline_ends_the_program_and_its_children() {
    // The child of the shell holds the pipe open: only the end of the whole group lets `run` return
    // with everything read.
    let program = shell("echo begun; sleep 1000 & wait", Duration::from_millis(300));
    let ended = program.run().await.unwrap();
    assert!(ended.timed_out);
    assert!(!ended.status.success());
    assert_eq!(ended.stdout.text(), "begun\n");
}

#[tokio::test]
async fn who_ignores_the_polite_signal_is_killed() {
    let mut program = shell("trap '' TERM; while :; do sleep 1; done", Duration::from_millis(200));
    program.grace = Duration::from_millis(200);
    let ended = program.run().await.unwrap();
    assert!(ended.timed_out);
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&ended.status), Some(9));
}

#[tokio::test]
async fn a_program_that_does_not_exist_is_named() {
    let error = Supervised::new("/nowhere/at/all", LONG).run().await.unwrap_err();
    assert_eq!(error.to_string(), "cannot start \"/nowhere/at/all\"");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn dropping_the_wait_ends_the_whole_group() {
    // The fifo's reader sees the end of the file only when every process that holds it open for
    // writing is gone: the grandchild too.
    let directory = tempfile::tempdir().unwrap();
    let fifo = directory.path().join("open");
    let made = Supervised::new("mkfifo", LONG)
        .env("PATH", "/usr/bin:/bin")
        .arg(&fifo)
        .run()
        .await
        .unwrap();
    assert!(made.status.success());
    let script = format!("exec 3>'{}'; echo ready >&3; sleep 1000 & wait", fifo.display());
    let watched = tokio::spawn(async move { shell(&script, LONG).run().await });
    let mut reader = tokio::io::BufReader::new(tokio::fs::File::open(&fifo).await.unwrap());
    let mut line = String::new();
    tokio::io::AsyncBufReadExt::read_line(&mut reader, &mut line).await.unwrap();
    assert_eq!(line, "ready\n");
    watched.abort();
    let rest = tokio::io::AsyncReadExt::read_to_string(&mut reader, &mut line).await.unwrap();
    assert_eq!(rest, 0);
}
