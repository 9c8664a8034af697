//! Downloads that go well: one or several connections, taken over, unchanged or changed.

use std::sync::{Arc, Mutex};

use lotse_transfer::{Algorithm, Checksum, Error, Limits, Progress, Source, Wanted, Watch};

use crate::server::{Answer, File, Server, content, fetcher, fetcher_with, limits};

#[tokio::test]
async fn a_file_arrives_over_several_connections_with_all_its_digests() {
    let file = File::of((3 << 20) + 17);
    let server = Server::of(&file).await;
    let dir = tempfile::tempdir().unwrap();
    let mut wanted = Wanted::new(server.source());
    for algorithm in Algorithm::ALL {
        wanted = wanted.hashed(algorithm);
    }
    let seen = Arc::new(Mutex::new(Vec::new()));
    let watch = Watch::new({
        let seen = seen.clone();
        move |progress| seen.lock().unwrap().push(progress)
    });
    let path = dir.path().join("deep/er/spool");
    let spooled = fetcher().spool(&wanted, &path, &watch).await.unwrap();

    assert!(std::fs::read(spooled.path()).unwrap() == *file.content);
    for algorithm in Algorithm::ALL {
        let expected = Checksum::of(algorithm, &file.content);
        assert_eq!(spooled.digests().get(algorithm), Some(&expected));
    }
    let size = file.content.len() as u64;
    let best = seen.lock().unwrap().iter().max_by_key(|progress| progress.have).copied();
    assert_eq!(best, Some(Progress { have: size, total: Some(size) }));
    let asked = server.asked();
    assert!(asked.len() > 4, "spans are asked for one by one: {asked:?}");
    assert!(asked[1..].iter().all(|asked| asked.if_range.as_deref() == Some("\"one\"")));
    spooled.remove().unwrap();
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_server_that_does_not_know_ranges_is_read_in_order() {
    for unbounded in [false, true] {
        let file = File::of(3 << 20);
        let expected = Checksum::of(Algorithm::Sha512, &file.content);
        let whole = Answer { unbounded, ..file.whole() };
        let server = Server::start(move |_| whole.clone()).await;
        let dir = tempfile::tempdir().unwrap();
        let wanted = Wanted::new(server.source()).expecting(expected);
        let path = dir.path().join("spool");
        let spooled = fetcher().spool(&wanted, &path, &Watch::nobody()).await.unwrap();
        assert!(std::fs::read(spooled.path()).unwrap() == *file.content);
        assert_eq!(server.asked().len(), 1);
    }
}

#[tokio::test]
async fn a_file_of_this_machine_is_verified_where_it_is_and_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("local.img");
    std::fs::write(&path, content(100_000, 3)).unwrap();
    let wanted = Wanted::new(Source::parse(&format!("file:{}", path.display())).unwrap())
        .expecting(Checksum::of(Algorithm::Sha256, &content(100_000, 3)));
    let elsewhere = dir.path().join("spool");
    let spooled = fetcher().spool(&wanted, &elsewhere, &Watch::nobody()).await.unwrap();
    assert_eq!((spooled.path(), spooled.size()), (&*path, 100_000));
    spooled.remove().unwrap();
    assert!(path.exists() && !elsewhere.exists());

    let wrong = wanted.expecting(Checksum::of(Algorithm::Sha256, b"other"));
    let error = fetcher().spool(&wrong, &elsewhere, &Watch::nobody()).await.unwrap_err();
    assert!(matches!(error, Error::Checksum { .. }), "{error}");
    assert!(path.exists(), "a source is never removed");
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let file = File::of(0);
    let server = Server::of(&file).await;
    let dir = tempfile::tempdir().unwrap();
    let wanted = Wanted::new(server.source()).expecting(Checksum::of(Algorithm::Sha256, b""));
    let path = dir.path().join("spool");
    let spooled = fetcher().spool(&wanted, &path, &Watch::nobody()).await.unwrap();
    assert_eq!((spooled.size(), std::fs::metadata(path).unwrap().len()), (0, 0));
}

#[tokio::test]
async fn a_complete_spool_is_taken_over_and_only_asked_about_without_a_checksum() {
    let file = File::of(1 << 20);
    let server = Server::of(&file).await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool");
    let wanted = Wanted::new(server.source());
    drop(fetcher().spool(&wanted, &path, &Watch::nobody()).await.unwrap());
    let first = server.asked().len();

    let again = fetcher().spool(&wanted, &path, &Watch::nobody()).await.unwrap();
    assert_eq!(again.taken_over(), 1 << 20);
    let asked = server.asked()[first..].to_vec();
    assert_eq!(asked.iter().map(|asked| asked.range.clone()).collect::<Vec<_>>(), [Some(0..1)]);
    drop(again);

    let wanted = wanted.expecting(Checksum::of(Algorithm::Sha1, &file.content));
    fetcher().spool(&wanted, &path, &Watch::nobody()).await.unwrap();
    assert_eq!(server.asked().len(), first + 1, "a checksum needs no server");
}

#[tokio::test]
async fn a_spool_of_a_file_that_was_replaced_is_not_used() {
    let old = File::of(2 << 20);
    let new = File { content: Arc::new(content(2 << 20, 9)), etag: Some("\"two\"") };
    let current = Arc::new(Mutex::new(old.clone()));
    let server = Server::start({
        let current = current.clone();
        move |asked| current.lock().unwrap().answer(asked)
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool");
    let wanted = Wanted::new(server.source()).hashed(Algorithm::Sha256);
    drop(fetcher().spool(&wanted, &path, &Watch::nobody()).await.unwrap());
    *current.lock().unwrap() = new.clone();
    let spooled = fetcher().spool(&wanted, &path, &Watch::nobody()).await.unwrap();
    assert!(std::fs::read(spooled.path()).unwrap() == *new.content);
    assert_eq!(spooled.taken_over(), 0);
}

#[tokio::test]
async fn a_file_that_changes_under_the_download_is_begun_anew() {
    let old = File::of(3 << 20);
    let new = File { content: Arc::new(content(3 << 20, 9)), etag: Some("\"two\"") };
    let (first, second) = (old.clone(), new.clone());
    let server =
        Server::start(
            move |asked| {
                if asked.number < 3 { first.answer(asked) } else { second.answer(asked) }
            },
        )
        .await;
    let dir = tempfile::tempdir().unwrap();
    let wanted = Wanted::new(server.source());
    let path = dir.path().join("spool");
    let spooled = fetcher().spool(&wanted, &path, &Watch::nobody()).await.unwrap();
    assert!(std::fs::read(spooled.path()).unwrap() == *new.content, "a mixture");
}

#[tokio::test]
async fn a_spool_damaged_by_a_crash_is_downloaded_once_more() {
    let file = File::of(1 << 20);
    let server = Server::of(&file).await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool");
    let expected = Checksum::of(Algorithm::Sha256, &file.content);
    let wanted = Wanted::new(server.source()).expecting(expected);
    drop(fetcher().spool(&wanted, &path, &Watch::nobody()).await.unwrap());
    let mut damaged = file.content.to_vec();
    damaged[5000] ^= 1;
    std::fs::write(&path, damaged).unwrap();
    let spooled = fetcher().spool(&wanted, &path, &Watch::nobody()).await.unwrap();
    assert!(std::fs::read(spooled.path()).unwrap() == *file.content);
}

#[tokio::test]
async fn a_redirect_is_followed_and_later_requests_go_where_it_leads() {
    let file = File::of(2 << 20);
    let target = Server::of(&file).await;
    let to = target.url();
    let server = Server::start(move |_| Answer::status(302).header("Location", to.clone())).await;
    let dir = tempfile::tempdir().unwrap();
    let wanted = Wanted::new(server.source());
    let path = dir.path().join("spool");
    let spooled = fetcher().spool(&wanted, &path, &Watch::nobody()).await.unwrap();
    assert!(std::fs::read(spooled.path()).unwrap() == *file.content);
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn one_connection_is_enough_when_no_more_are_allowed() {
    let file = File::of(2 << 20);
    let server = Server::of(&file).await;
    let dir = tempfile::tempdir().unwrap();
    let fetcher = fetcher_with(Limits { connections: 0, ..limits() });
    let path = dir.path().join("spool");
    let spooled =
        fetcher.spool(&Wanted::new(server.source()), &path, &Watch::nobody()).await.unwrap();
    assert!(std::fs::read(spooled.path()).unwrap() == *file.content);
}
