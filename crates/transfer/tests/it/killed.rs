//! A process that is killed in the middle of a download.
//!
//! The test starts itself as a child that downloads from a server which falls silent; the parent kills
//! it there and goes on with what it left.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lotse_transfer::{Algorithm, Checksum, Source, Wanted, Watch};

use crate::server::{Answer, File, Server, fetcher, to_usize};

const URL: &str = "LOTSE_TEST_URL";
const SPOOL: &str = "LOTSE_TEST_SPOOL";
/// Bytes of the file; its pieces are the smallest ones.
const SIZE: usize = 24 << 20;
const PIECE: u64 = 64 << 10;
/// Where the server falls silent.
const SILENT: u64 = 15 << 20;
/// What four connections may have under way when the process ends: collected, not yet written.
const UNDER_WAY: u64 = 4 << 20;

/// Not a test by itself: the child of the next one, which tells it where to work.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a child process is told by its environment")]
async fn child_that_downloads() {
    let (Ok(url), Ok(spool)) = (std::env::var(URL), std::env::var(SPOOL)) else { return };
    let wanted = Wanted::new(Source::parse(&url).unwrap());
    drop(fetcher().spool(&wanted, Path::new(&spool), &Watch::nobody()).await);
}

/// The pieces that are there, by their numbers.
fn pieces(spool: &Path) -> BTreeSet<u64> {
    let mut journal = spool.as_os_str().to_owned();
    journal.push(".journal");
    let text = std::fs::read_to_string(journal).unwrap_or_default();
    text.lines().filter_map(|line| line.strip_prefix("w ")?.parse().ok()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_only_what_was_under_way_is_asked_for_again() {
    let file = File::of(SIZE);
    let (offered, silent) = (file.clone(), Arc::new(AtomicBool::new(true)));
    let falls_silent = silent.clone();
    let server = Server::start(move |asked| {
        let answer = offered.answer(asked);
        let end = asked.range.clone().unwrap().end;
        if !falls_silent.load(Ordering::SeqCst) || end <= SILENT {
            return answer;
        }
        let start = asked.range.clone().unwrap().start;
        Answer { stall: Some(to_usize(SILENT.saturating_sub(start))), ..answer }
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    let spool = dir.path().join("spool");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::child_that_downloads"])
        .env(URL, server.url())
        .env(SPOOL, &spool)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while pieces(&spool).len() as u64 * PIECE < SILENT - UNDER_WAY {
        assert!(child.try_wait().unwrap().is_none(), "the child ended by itself");
        tokio::task::yield_now().await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let left = pieces(&spool);
    let before = server.asked().len();
    silent.store(false, Ordering::SeqCst);

    let wanted =
        Wanted::new(server.source()).expecting(Checksum::of(Algorithm::Sha256, &file.content));
    let spooled = fetcher().spool(&wanted, &spool, &Watch::nobody()).await.unwrap();
    assert_eq!(spooled.taken_over(), left.len() as u64 * PIECE);
    // The server may have read a last request of the child only now: that asks for nothing it had.
    let asked: BTreeSet<u64> = server.asked()[before..]
        .iter()
        .map(|asked| asked.range.clone().unwrap())
        .flat_map(|range| range.start / PIECE..range.end.div_ceil(PIECE))
        .collect();
    assert!(asked.is_disjoint(&left), "what was left is not asked for again");
    assert_eq!((asked.len() + left.len()) as u64, SIZE as u64 / PIECE);
    assert!(std::fs::read(spooled.path()).unwrap() == *file.content);
}
