//! A process that is killed in the middle of a checkout.
//!
//! The test starts itself as a child that follows the repository and never gets to the end of the
//! examination; the parent kills it there, with no chance to tidy up.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use lotse_core::error::Explain;
use lotse_core::time::system_clock;
use lotse_source::config::{Remote, Target};
use lotse_source::{Credentials, Git, Limits, Programs, Source, Validate};
use tokio_util::sync::CancellationToken;

use crate::world::{World, advanced, catalog, look};

const STATE: &str = "LOTSE_TEST_STATE";
const URL: &str = "LOTSE_TEST_URL";
const STAGE: &str = "LOTSE_TEST_STAGE";

/// Not a test by itself: the child of the next one, which tells it where to work.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a child process is told by its environment")]
async fn child_that_never_ends() {
    let (Ok(state), Ok(url), Ok(stage)) =
        (std::env::var(STATE), std::env::var(URL), std::env::var(STAGE))
    else {
        return;
    };
    let settings = Git {
        remote: Remote::try_from(url).unwrap(),
        target: Target::branch("main"),
        inside: String::new().try_into().unwrap(),
        credentials: Credentials::default(),
        ca_file: None,
        allowed_signers: None,
        directory: state.into(),
        programs: Programs::default(),
        limits: Limits::default(),
    };
    let source = Source::git(settings, system_clock()).unwrap();
    let validate: Arc<Validate> = Arc::new(move |root: &Path| -> Result<(), Box<dyn Explain>> {
        // Examined, written whole, not yet in use.
        std::fs::write(&stage, root.display().to_string()).unwrap();
        loop {
            std::thread::park();
        }
    });
    source.refresh(&validate, &CancellationToken::new()).await;
}

/// Lets a child look at a second commit and kills it as soon as `there` holds; then everything must
/// be as before, and the next look must get to the end.
async fn kill_when(world: &World, there: impl Fn(&Path) -> bool) {
    let first = {
        let source = world.source(&world.url());
        advanced(&look(&source).await).to_owned()
    };
    for number in 0..300 {
        world.repository.write(&format!("many/{number}"), "text");
    }
    world.repository.write("images/catalog.yml", "two");
    let second = world.repository.commit("second");
    let stage = world.directory.path().join("stage");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::child_that_never_ends"])
        .env(STATE, world.state())
        .env(URL, world.url())
        .env(STAGE, &stage)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !there(&stage) {
        assert!(child.try_wait().unwrap().is_none(), "the child ended by itself");
        tokio::task::yield_now().await;
    }
    child.kill().unwrap();
    child.wait().unwrap();

    let source = world.source(&world.url());
    assert_eq!(source.status().good.unwrap().commit.as_str(), first);
    assert_eq!(catalog(&source), "one");
    assert_eq!(std::fs::read_dir(world.state().join("incoming")).unwrap().count(), 0);
    assert_eq!(advanced(&look(&source).await), second);
    assert_eq!(catalog(&source), "two");
    assert_eq!(world.revisions().len(), 2, "this one and the one before; the half one is gone");
}

#[tokio::test]
async fn the_last_good_revision_is_in_use_after_a_kill_before_the_switch() {
    let world = World::new();
    kill_when(&world, Path::exists).await;
}

#[tokio::test]
async fn the_last_good_revision_is_in_use_after_a_kill_amid_the_files() {
    let world = World::new();
    let incoming = world.state().join("incoming");
    kill_when(&world, |_| {
        let entries = std::fs::read_dir(&incoming).into_iter().flatten().flatten();
        entries.into_iter().any(|entry| entry.path().join("tree/many").is_dir())
    })
    .await;
}
