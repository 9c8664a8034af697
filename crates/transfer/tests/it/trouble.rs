//! Servers and disks that fail: what is said, and what is left behind.

use std::path::Path;
use std::time::Duration;

use lotse_core::error::{ErrorKind, Explain as _};
use lotse_transfer::{Algorithm, Checksum, Error, Fetcher, Limits, Spooled, Wanted, Watch};

use crate::server::{Answer, Asked, File, Server, fetcher, fetcher_with, limits};

async fn fetch(fetcher: &Fetcher, server: &Server, dir: &Path) -> Result<Spooled, Error> {
    let wanted = Wanted::new(server.source());
    fetcher.spool(&wanted, &dir.join("spool"), &Watch::nobody()).await
}

/// What comes of a script, and how many requests it took.
async fn failure(
    fetcher: &Fetcher,
    script: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
) -> (Error, Server) {
    let server = Server::start(script).await;
    let dir = tempfile::tempdir().unwrap();
    let error = fetch(fetcher, &server, dir.path()).await.unwrap_err();
    (error, server)
}

#[tokio::test]
async fn a_file_that_is_not_there_is_said_at_once() {
    let (error, server) = failure(&fetcher(), |_| Answer::status(404)).await;
    assert_eq!(error.to_string(), format!("{} answers with status 404", server.url()));
    assert_eq!((error.kind(), server.asked().len()), (ErrorKind::NotFound, 1));
}

#[tokio::test]
async fn a_server_in_trouble_is_asked_again_and_then_named() {
    let (error, server) = failure(&fetcher(), |_| Answer::status(500)).await;
    assert_eq!(error.to_string(), format!("{} answers with status 500", server.url()));
    assert_eq!((error.kind(), server.asked().len()), (ErrorKind::Unavailable, 4));
}

#[tokio::test]
async fn trouble_that_passes_costs_the_rest_of_a_span() {
    let file = File::of(3 << 20);
    let offered = file.clone();
    let server = Server::start(move |asked| match asked.number {
        0 | 4 => Answer::status(503),
        2 => Answer { cut: Some(70_000), ..offered.answer(asked) },
        _ => offered.answer(asked),
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    let spooled = fetch(&fetcher(), &server, dir.path()).await.unwrap();
    assert!(std::fs::read(spooled.path()).unwrap() == *file.content);
    let sent = *server.sent.subscribe().borrow();
    let most = file.content.len() as u64;
    assert!((most..=most + 70_000).contains(&sent), "{sent} bytes were sent");
}

#[tokio::test]
async fn a_body_that_ends_early_says_how_much_came() {
    let file = File::of(3 << 20);
    let (error, server) = failure(&fetcher(), move |asked| {
        // Always at the same place, so that nothing ever follows.
        let start = asked.range.clone().unwrap().start;
        let cut = usize::try_from(1_000_000_u64.saturating_sub(start)).unwrap();
        Answer { cut: Some(cut), ..file.answer(asked) }
    })
    .await;
    assert!(matches!(error, Error::Truncated { .. }), "{error}");
    assert!(
        error.to_string().starts_with(&format!("{} broke off after ", server.url())),
        "{error}"
    );
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_length_that_is_never_reached_ends_with_both_numbers() {
    let file = File::of(100_000);
    let (error, server) = failure(&fetcher(), move |_| Answer {
        cut: Some(100_000),
        ..file.whole().header("Content-Length", "200000")
    })
    .await;
    assert_eq!(
        error.to_string(),
        format!("{} broke off after 100000 of 200000 bytes", server.url())
    );
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test]
async fn a_length_that_is_too_small_is_found_by_the_checksum() {
    let file = File::of(100_000);
    let wrong = Checksum::of(Algorithm::Sha256, &file.content[..60_000]);
    let expected = Checksum::of(Algorithm::Sha256, &file.content);
    let server = Server::start(move |_| file.whole().header("Content-Length", "60000")).await;
    let dir = tempfile::tempdir().unwrap();
    let wanted = Wanted::new(server.source()).expecting(expected.clone());
    let path = dir.path().join("spool");
    let error = fetcher().spool(&wanted, &path, &Watch::nobody()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{} has checksum {wrong}, {expected} was expected", server.url())
    );
    assert_eq!(error.kind(), ErrorKind::Integrity);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing of it stays");
}

#[tokio::test]
async fn a_wrong_checksum_names_both_values_and_leaves_nothing() {
    let file = File::of(3 << 20);
    let server = Server::of(&file).await;
    let dir = tempfile::tempdir().unwrap();
    let expected = Checksum::of(Algorithm::Md5, b"other");
    let wanted = Wanted::new(server.source()).expecting(expected.clone());
    let path = dir.path().join("spool");
    let error = fetcher().spool(&wanted, &path, &Watch::nobody()).await.unwrap_err();
    let actual = Checksum::of(Algorithm::Md5, &file.content);
    assert_eq!(
        error.to_string(),
        format!("{} has checksum {actual}, {expected} was expected", server.url())
    );
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_server_that_goes_silent_is_given_up_after_the_stall() {
    let file = File::of(3 << 20);
    let fetcher = fetcher_with(Limits { stall: Duration::from_millis(300), ..limits() });
    let (error, server) =
        failure(&fetcher, move |asked| Answer { stall: Some(0), ..file.answer(asked) }).await;
    assert_eq!(error.to_string(), format!("{} sent nothing for 0.3 s", server.url()));
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn one_silent_connection_does_not_end_a_download() {
    let file = File::of(1 << 20);
    let offered = file.clone();
    let server = Server::start(move |asked| {
        let stall = (asked.number == 1).then_some(70_000);
        Answer { stall, ..offered.answer(asked) }
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    let fetcher = fetcher_with(Limits { stall: Duration::from_secs(2), ..limits() });
    let spooled = fetch(&fetcher, &server, dir.path()).await.unwrap();
    assert!(std::fs::read(spooled.path()).unwrap() == *file.content);
}

#[tokio::test]
async fn ranges_that_nobody_asked_for_are_refused() {
    let file = File::of(3 << 20);
    let (error, server) = failure(&fetcher(), move |asked| {
        file.answer(asked).header("Content-Range", "bytes 5-9/3145728")
    })
    .await;
    assert!(matches!(error, Error::Range { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("0-262143") && text.contains("bytes 5-9/3145728"), "{text}");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn no_such_range_of_a_file_that_has_some_is_said() {
    let (error, _) =
        failure(&fetcher(), |_| Answer::status(416).header("Content-Range", "bytes */7")).await;
    assert!(error.to_string().contains("status 416, \"bytes */7\""), "{error}");
}

#[tokio::test]
async fn a_file_that_never_stands_still_is_given_up() {
    let file = File::of(3 << 20);
    let (error, _) = failure(&fetcher(), move |asked| {
        file.answer(&Asked { if_range: None, ..asked.clone() })
            .header("ETag", format!("\"{}\"", asked.number))
    })
    .await;
    assert!(matches!(error, Error::Changed { .. }), "{error}");
}

#[tokio::test]
async fn redirects_without_end_are_not_followed() {
    let (error, server) = failure(&fetcher(), |asked| {
        Answer::status(302).header("Location", format!("{}x", asked.path))
    })
    .await;
    assert!(error.to_string().contains("a redirect to"), "{error}");
    assert_eq!(server.asked().len(), limits().redirects + 1);
}

#[tokio::test]
async fn a_file_that_is_too_large_is_not_downloaded() {
    let fetcher = fetcher_with(Limits { most_bytes: 100_000, ..limits() });
    for (ranges, unbounded) in [(true, false), (false, false), (false, true)] {
        let file = File::of(1 << 20);
        let (error, server) = failure(&fetcher, move |asked| {
            if ranges { file.answer(asked) } else { Answer { unbounded, ..file.whole() } }
        })
        .await;
        assert_eq!(error.to_string(), format!("{} has more than 100000 bytes", server.url()));
        assert_eq!(error.kind(), ErrorKind::Refused);
    }
}

#[tokio::test]
async fn a_disk_without_room_is_found_before_the_download() {
    let fetcher = fetcher_with(Limits { keep_free: u64::MAX / 2, ..limits() });
    let file = File::of(3 << 20);
    let (error, server) = failure(&fetcher, move |asked| file.answer(asked)).await;
    assert!(matches!(error, Error::Space { .. }), "{error}");
    assert_eq!((error.kind(), server.asked().len()), (ErrorKind::Storage, 1));
}

#[tokio::test]
async fn two_downloads_do_not_share_a_spool() {
    let file = File::of(1 << 20);
    let server = Server::of(&file).await;
    let dir = tempfile::tempdir().unwrap();
    let first = fetch(&fetcher(), &server, dir.path()).await.unwrap();
    let error = fetch(&fetcher(), &server, dir.path()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{} is being written by another process", first.path().display())
    );
    assert_eq!(error.kind(), ErrorKind::Busy);
    drop(first);
    fetch(&fetcher(), &server, dir.path()).await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    // Nobody listens on the port of `tcpmux`.
    let source = "http://127.0.0.1:1/file.img";
    let dir = tempfile::tempdir().unwrap();
    let wanted = Wanted::new(lotse_transfer::Source::parse(source).unwrap());
    let error =
        fetcher().spool(&wanted, &dir.path().join("s"), &Watch::nobody()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("{source} does not answer"));
}
