//! Mirrors in folders and in buckets: the same is asked of both.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use lotse_core::error::{ErrorKind, Explain as _};
use lotse_core::time::ManualClock;
use lotse_transfer::{
    Algorithm, Checksum, Error, HttpOptions, Mirror, Source, Spooled, Wanted, Watch,
};

use crate::bucket::{Bucket, SECRET};
use crate::server::{content, fetcher, limits};

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::starting_at("2026-11-21T12:00:00Z".parse().unwrap()))
}

fn in_bucket(bucket: &Bucket) -> Mirror {
    let variable = |name: &str| bucket.variable(name);
    Mirror::at("s3://images/our mirror/", variable, &HttpOptions::default(), limits(), clock())
        .unwrap()
}

/// A local file with this content, as it comes from a download.
async fn spooled(dir: &Path, name: &str, bytes: &[u8]) -> (Source, Spooled) {
    let path = dir.join(name);
    std::fs::write(&path, bytes).unwrap();
    let source = Source::parse(&format!("file:{}", path.display())).unwrap();
    let wanted = Wanted::new(source.clone()).hashed(Algorithm::Sha256);
    (source, fetcher().spool(&wanted, &path, &Watch::nobody()).await.unwrap())
}

async fn a_life(mirror: &Mirror) {
    let dir = tempfile::tempdir().unwrap();
    assert!(mirror.index().await.unwrap().copies.is_empty());
    let small = content(1000, 1);
    // More than two parts, and not a whole number of them.
    let large = content((17 << 20) + 5, 2);
    let (source, file) = spooled(dir.path(), "small", &small).await;
    let copy = mirror.add("debian/13/small disk.qcow2", &source, &file, None).await.unwrap();
    assert_eq!(copy.checksum, Checksum::of(Algorithm::Sha256, &small));
    assert_eq!((copy.size, copy.added.to_string()), (1000, "2026-11-21T12:00:00Z".to_owned()));
    let (source, file) = spooled(dir.path(), "large", &large).await;
    mirror.add("large", &source, &file, None).await.unwrap();
    mirror.add("the same", &source, &file, None).await.unwrap();

    let index = mirror.index().await.unwrap();
    let names: Vec<&str> = index.copies.keys().map(String::as_str).collect();
    assert_eq!(names, ["debian/13/small disk.qcow2", "large", "the same"]);
    assert_eq!(index.copies["large"].source, source.to_string());
    for (name, bytes) in [("debian/13/small disk.qcow2", &small), ("large", &large)] {
        mirror.verify(name, &fetcher()).await.unwrap();
        let wanted = mirror.wanted(name).await.unwrap();
        let path = dir.path().join("spool");
        let back = fetcher().spool(&wanted, &path, &Watch::nobody()).await.unwrap();
        assert!(std::fs::read(back.path()).unwrap() == *bytes);
        back.remove().unwrap();
    }

    mirror.remove("large").await.unwrap();
    mirror.verify("the same", &fetcher()).await.unwrap();
    mirror.remove("the same").await.unwrap();
    let error = mirror.verify("the same", &fetcher()).await.unwrap_err();
    assert_eq!(error.to_string(), "the mirror has no copy of the same");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(mirror.index().await.unwrap().copies.len(), 1);
}

#[tokio::test]
async fn a_folder_keeps_copies_with_an_index() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("mirror");
    let url = format!("file:{}", root.display());
    let mirror = Mirror::at(&url, |_| None, &HttpOptions::default(), limits(), clock()).unwrap();
    a_life(&mirror).await;
    let left = std::fs::read_dir(root.join("objects")).unwrap().count();
    assert_eq!(left, 1, "what nobody names is gone");
}

#[tokio::test]
async fn a_bucket_keeps_copies_with_an_index() {
    let bucket = Bucket::start(|_| None).await;
    a_life(&in_bucket(&bucket)).await;
    let contents = bucket.contents.lock().unwrap();
    let paths: Vec<&String> = contents.objects.keys().collect();
    assert_eq!(paths.len(), 2, "{paths:?}");
    assert_eq!(paths[0], "/images/our%20mirror/index.json");
    assert!(contents.uploads.is_empty());
    let parts = contents.log.iter().filter(|request| request.value("partNumber").is_some());
    assert_eq!(parts.count(), 3, "the same content is not sent twice");
}

#[tokio::test]
async fn what_passes_is_asked_again() {
    let refused = AtomicU32::new(0);
    let bucket = Bucket::start(move |request| {
        let part = request.value("partNumber") == Some("2");
        (part && refused.fetch_add(1, Ordering::SeqCst) < 2)
            .then_some((503, "<Code>SlowDown</Code>"))
    })
    .await;
    a_life(&in_bucket(&bucket)).await;
}

#[tokio::test]
async fn an_upload_that_fails_is_cleared_away_and_not_in_the_index() {
    for (status, body, expected) in [
        (
            403,
            "<Error><Code>QuotaExceeded</Code><Message>enough</Message></Error>",
            "status 403: QuotaExceeded: enough",
        ),
        (
            200,
            "<Error><Code>InternalError</Code><Message>sorry</Message></Error>",
            "status 200: InternalError: sorry",
        ),
    ] {
        let bucket = Bucket::start(move |request| {
            let last = request.method == "POST" && request.value("uploadId").is_some();
            last.then_some((status, body))
        })
        .await;
        let mirror = in_bucket(&bucket);
        let dir = tempfile::tempdir().unwrap();
        let (source, file) = spooled(dir.path(), "large", &content(9 << 20, 2)).await;
        let error = mirror.add("large", &source, &file, None).await.unwrap_err();
        assert!(error.to_string().ends_with(expected), "{error}");
        assert!(mirror.index().await.unwrap().copies.is_empty());
        assert!(bucket.contents.lock().unwrap().uploads.is_empty());
    }
}

#[tokio::test]
async fn a_wrong_secret_is_said_without_showing_it() {
    let bucket = Bucket::start(|_| None).await;
    let wrong = |name: &str| match name {
        "AWS_SECRET_ACCESS_KEY" => Some(format!("{SECRET}x")),
        _ => bucket.variable(name),
    };
    let mirror =
        Mirror::at("s3://images", wrong, &HttpOptions::default(), limits(), clock()).unwrap();
    let error = mirror.index().await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("status 403: SignatureDoesNotMatch"), "{text}");
    assert!(!text.contains(SECRET) && !format!("{mirror:?}").contains(SECRET));
    assert_eq!(error.kind(), ErrorKind::Forbidden);
}

#[tokio::test]
async fn two_who_add_at_once_both_find_their_copies() {
    let dir = tempfile::tempdir().unwrap();
    let root = tempfile::tempdir().unwrap();
    let bucket = Bucket::start(|_| None).await;
    let url = format!("file:{}", root.path().display());
    let in_folder =
        || Mirror::at(&url, |_| None, &HttpOptions::default(), limits(), clock()).unwrap();
    for [one, other] in [[in_bucket(&bucket), in_bucket(&bucket)], [in_folder(), in_folder()]] {
        let (first, first_file) = spooled(dir.path(), "a", &content(100, 1)).await;
        let (second, second_file) = spooled(dir.path(), "b", &content(100, 2)).await;
        let added = tokio::join!(
            one.add("a", &first, &first_file, None),
            other.add("b", &second, &second_file, None)
        );
        added.0.unwrap();
        added.1.unwrap();
        assert_eq!(one.index().await.unwrap().copies.len(), 2);
    }
}

#[tokio::test]
async fn a_copy_that_was_changed_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("mirror");
    let mirror = Mirror::folder(root.clone(), clock());
    let (source, file) = spooled(dir.path(), "a", &content(1000, 1)).await;
    let copy = mirror.add("a", &source, &file, None).await.unwrap();
    std::fs::write(root.join(&copy.object), content(1000, 2)).unwrap();
    let error = mirror.verify("a", &fetcher()).await.unwrap_err();
    assert!(matches!(error, Error::Checksum { .. }), "{error}");
}

#[tokio::test]
async fn an_index_that_leads_elsewhere_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mirror = Mirror::folder(dir.path().join("mirror"), clock());
    let (source, file) = spooled(dir.path(), "a", b"content").await;
    let copy = mirror.add("a", &source, &file, None).await.unwrap();
    let index = dir.path().join("mirror/index.json");
    let text = std::fs::read_to_string(&index).unwrap();
    std::fs::write(&index, text.replace(&copy.object, "../../etc/passwd")).unwrap();
    let error = mirror.wanted("a").await.unwrap_err();
    assert!(error.to_string().contains("leads out of the mirror"), "{error}");
}

#[test]
fn other_places_are_refused() {
    for url in ["http://a/b", "s3://", "b", "ftp://a"] {
        let variable = |_: &str| Some("x".to_owned()).filter(|_| url.starts_with("s3"));
        let made = Mirror::at(url, variable, &HttpOptions::default(), limits(), clock());
        assert!(matches!(made, Err(Error::Source { .. })), "{url}");
    }
}
