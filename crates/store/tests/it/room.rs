//! No room is left: nothing that was acknowledged is lost, and work goes on once there is room.

use std::fs;
use std::path::Path;
use std::process::Command;

use lotse_core::error::Explain;
use lotse_core::journal::Journal;
use lotse_store::{Error, Store, sqlx};

use crate::child::{self, Running};
use crate::home::{Home, intent, second};

/// The child writes intents, one for each line it gets, and says how it went.
async fn write_on_request(url: &str) {
    let store = Store::open(&url.parse().unwrap()).await.unwrap();
    child::tell("ready");
    while child::told_to_go_on() {
        let written = intent("c", &"n".repeat(3000), second(1));
        match store.intend(&written).await {
            Ok(()) => child::tell(&format!("wrote {}", written.id)),
            Err(error) => {
                let error = Error::find(&error).unwrap();
                child::tell(&format!("failed {:?} {error}. {}", error.kind(), error.hints()[0]));
            }
        }
    }
}

/// Writes until it fails, makes room, writes again; then everything acknowledged must be there.
async fn fill_up_and_go_on(home: Home, mut child: Running, make_room: impl FnOnce(&Running)) {
    let mut written = Vec::new();
    assert_eq!(child.next().unwrap(), "ready");
    let failure = loop {
        child.go_on();
        let line = child.next().unwrap();
        match line.split_once(' ').unwrap() {
            ("wrote", id) => written.push(id.to_owned()),
            (_, failure) => break failure.to_owned(),
        }
        assert!(written.len() < 10_000, "the limit does not limit");
    };
    let sentence = format!(
        "Storage cannot write the journal: no space is left for {}. free some space",
        home.file().display()
    );
    assert!(failure.starts_with(&sentence), "{failure}");
    assert!(!written.is_empty());
    child.go_on();
    assert!(
        child.next().unwrap().starts_with("failed Storage "),
        "it fails as long as there is no room"
    );

    make_room(&child);
    for _ in 0..3 {
        child.go_on();
        let line = child.next().unwrap();
        written.push(line.strip_prefix("wrote ").expect(&line).to_owned());
    }
    child.kill();

    let unfinished = home.open().await.journal_unfinished().await.unwrap();
    let mut there: Vec<_> = unfinished.iter().map(|intent| intent.id.to_string()).collect();
    there.sort();
    written.sort();
    assert_eq!(there, written, "exactly what was acknowledged");
    let mut beside = home.connect().await;
    let sound: String =
        sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut beside).await.unwrap();
    assert_eq!(sound, "ok");
}

#[tokio::test]
async fn a_file_size_limit_loses_nothing_and_is_not_for_ever() {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    const TEST: &str = "room::a_file_size_limit_loses_nothing_and_is_not_for_ever";
    if let Some(url) = child::job() {
        return write_on_request(&url).await;
    }
    let home = Home::sqlite();
    home.open().await.close().await;
    // The signal that comes with the limit would end the child; it must see the error instead.
    let wrapper = ["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""];
    let child = Running::start(&wrapper, TEST, &home.full_url);
    let limit = move |child: &Running, bytes| {
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
        let limit = Rlimit { current: bytes, maximum: None };
        prlimit(pid, Resource::Fsize, limit).unwrap();
    };
    limit(&child, Some(300_000));
    fill_up_and_go_on(home, child, |child| limit(child, None)).await;
}

struct Mounted<'a>(&'a Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(self.0).status().ok();
    }
}

/// The true thing: a file system of 1 MiB.
#[tokio::test]
#[ignore = "real: root, to mount a small file system"]
async fn a_full_file_system_loses_nothing_and_is_not_for_ever() {
    const TEST: &str = "room::a_full_file_system_loses_nothing_and_is_not_for_ever";
    if let Some(url) = child::job() {
        return write_on_request(&url).await;
    }
    let home = Home::sqlite();
    let mount = ["-t", "tmpfs", "-o", "size=1m", "tmpfs"];
    assert!(Command::new("mount").args(mount).arg(home.directory()).status().unwrap().success());
    let directory = home.directory().to_owned();
    let _mounted = Mounted(&directory);
    let ballast = directory.join("ballast");
    fs::write(&ballast, vec![0; 500_000]).unwrap();
    let child = Running::start(&[], TEST, &home.full_url);
    fill_up_and_go_on(home, child, |_| fs::remove_file(&ballast).unwrap()).await;
}
