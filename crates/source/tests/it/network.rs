//! Servers that are down, slow, cut short, in the wrong place or want to know who we are.

use std::time::Duration;

use lotse_core::secret::SecretString;
use lotse_source::{Outcome, Source, Verdict};

use crate::server::{Fault, Server};
use crate::world::{World, advanced, catalog, look, unreachable};

async fn served(world: &World) -> (Server, Source) {
    let server = Server::start(&world.directory.path().join("repos")).await;
    let source = world.source(&server.url("estate/.git"));
    (server, source)
}

#[tokio::test]
async fn a_server_that_is_down_or_refuses_changes_nothing_but_the_status() {
    let world = World::new();
    let (server, source) = served(&world).await;
    advanced(&look(&source).await);
    for (status, said) in [(500, "status 500"), (401, "status 401"), (404, "status 404")] {
        server.fail(Fault::Status(status));
        let message = unreachable(&look(&source).await);
        assert!(message.contains(said), "{message}");
        assert_eq!(catalog(&source), "one");
    }
    assert!(source.status().trouble.unwrap().fault.hints[0].contains("token"));
    server.fail(Fault::Page);
    assert!(unreachable(&look(&source).await).contains("not Git's protocol"));
    let since = source.status().trouble.unwrap().since;
    drop(server);
    world.later(60);
    assert!(unreachable(&look(&source).await).contains("does not answer"));
    let status = source.status();
    assert_eq!((status.verdict, status.trouble.unwrap().since), (Verdict::Unreachable, since));
    assert_eq!(world.status_file()["trouble"]["fault"]["kind"], "unavailable");
}

#[tokio::test]
async fn a_server_that_stalls_is_left() {
    let mut world = World::new();
    world.limits.idle = Duration::from_millis(200);
    let (server, source) = served(&world).await;
    server.fail(Fault::Stall);
    let outcome = look(&source).await;
    let Outcome::Unreachable { fault } = &outcome else { panic!("{outcome:?}") };
    assert_eq!(source.status().verdict, Verdict::Unreachable, "{fault:?}");
    world.limits.idle = Duration::from_mins(1);
    world.limits.total = Duration::from_millis(200);
    drop(source);
    let source = world.source(&server.url("estate/.git"));
    let message = unreachable(&look(&source).await);
    assert!(message.contains("was not done after"), "{message}");
    server.fail(None);
}

#[tokio::test]
async fn an_answer_that_is_cut_anywhere_is_not_used() {
    let world = World::new();
    let (server, source) = served(&world).await;
    for bytes in [0, 3, 40, 100, 200, 300] {
        server.fail(Fault::CutFetch(bytes));
        let message = unreachable(&look(&source).await);
        assert!(message.contains("broke"), "{bytes}: {message}");
        assert!(source.status().good.is_none() && world.revisions().is_empty());
    }
    server.fail(None);
    advanced(&look(&source).await);
    let left = std::fs::read_dir(world.state().join("incoming")).unwrap().count();
    assert_eq!(left, 0, "nothing is left of what was cut");
}

#[tokio::test]
async fn a_redirect_is_followed_on_the_same_server_only_and_no_token_leaves_it() {
    let mut world = World::new();
    world.credentials.token = Some(SecretString::from("s3cret-token"));
    let (server, source) = served(&world).await;
    let other = Server::start(&world.directory.path().join("repos")).await;
    server.fail(Fault::Redirect(format!("http://{}", other.address)));
    let outcome = look(&source).await;
    let Outcome::Unreachable { fault } = &outcome else { panic!("{outcome:?}") };
    assert!(fault.message.contains("302, a redirect to"), "{}", fault.message);
    assert!(fault.hints[0].contains("another host is not followed"), "{fault:?}");
    assert_eq!(other.requests(), []);
    // The same server, another path: that of a repository that was renamed.
    server.fail(None);
    let moved = Server::start(&world.directory.path().join("repos")).await;
    moved.fail(Fault::Redirect(format!("http://{}/loop", moved.address)));
    drop(source);
    let source = world.source(&moved.url("estate/.git"));
    unreachable(&look(&source).await);
    let asked = moved.requests();
    assert!(asked.len() > 1 && asked.len() < 8, "{asked:?}");
    assert!(asked.iter().all(|(_, sent)| sent.is_some()), "{asked:?}");
}

#[tokio::test]
async fn a_token_is_shown_to_the_server_and_to_nobody_else() {
    let mut world = World::new();
    world.credentials.token = Some(SecretString::from("s3cret-token"));
    let (server, source) = served(&world).await;
    // git:s3cret-token
    server.fail(Fault::Demand("Basic Z2l0OnMzY3JldC10b2tlbg==".to_owned()));
    advanced(&look(&source).await);
    assert!(!format!("{source:?}").contains("s3cret"));
    server.fail(Fault::Demand("Basic other".to_owned()));
    look(&source).await;
    let status = serde_json::to_string(&source.status()).unwrap();
    assert!(status.contains("status 401") && !status.contains("s3cret"), "{status}");
}

#[tokio::test]
async fn a_repository_that_is_not_there_says_what_the_program_said() {
    let world = World::new();
    let source = world.source("/nowhere/estate.git");
    let message = unreachable(&look(&source).await);
    assert!(message.contains("/nowhere/estate.git"), "{message}");
    let mut settings = world.settings("/nowhere/estate.git");
    drop(source);
    settings.programs.git = "/nowhere/git".into();
    let source = Source::git(settings, world.shared_clock()).unwrap();
    let message = unreachable(&look(&source).await);
    assert!(message.contains("the program /nowhere/git cannot be run"), "{message}");
}
