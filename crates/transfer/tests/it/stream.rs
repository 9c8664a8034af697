//! Content without a spool: in order, over broken connections, verified at its end.

use futures::{StreamExt as _, TryStreamExt as _};
use lotse_transfer::{Algorithm, Checksum, Content, Error, Source, Unpack, Wanted};

use crate::server::{Answer, File, Server, fetcher};

#[tokio::test]
async fn a_stream_goes_on_after_broken_connections() {
    let file = File::of(2 << 20);
    let expected = Checksum::of(Algorithm::Sha512, &file.content);
    let offered = file.clone();
    let server = Server::start(move |asked| match asked.number {
        0 | 2 => Answer { cut: Some(700_000), ..offered.answer(asked) },
        1 => Answer::status(503),
        _ => offered.answer(asked),
    })
    .await;
    let wanted = Wanted::new(server.source()).expecting(expected.clone());
    let streamed = fetcher().stream(&wanted).await.unwrap();
    assert_eq!(streamed.size(), Some(2 << 20));
    let digests = streamed.digests();
    let blocks: Vec<_> = streamed.into_stream().try_collect().await.unwrap();
    assert!(blocks.concat() == *file.content);
    assert!(digests.get().unwrap().have(&expected));
    assert_eq!(*server.sent.subscribe().borrow(), 2 << 20, "nothing was sent twice");
}

#[tokio::test]
async fn a_stream_without_ranges_ends_where_the_connection_does() {
    let file = File::of(1 << 20);
    let whole = Answer { cut: Some(500_000), ..file.whole() };
    let server = Server::start(move |_| whole.clone()).await;
    let streamed = fetcher().stream(&Wanted::new(server.source())).await.unwrap();
    let error = streamed.into_stream().try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{} broke off after 500000 of 1048576 bytes", server.url())
    );
}

#[tokio::test]
async fn a_wrong_checksum_is_the_last_item() {
    let file = File::of(100_000);
    let server = Server::of(&file).await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("local");
    std::fs::write(&path, &*file.content).unwrap();
    let local = Source::parse(&format!("file:{}", path.display())).unwrap();
    for source in [server.source(), local] {
        let wanted = Wanted::new(source).expecting(Checksum::of(Algorithm::Sha256, b"other"));
        let streamed = fetcher().stream(&wanted).await.unwrap();
        let digests = streamed.digests();
        let mut items: Vec<_> = streamed.into_stream().collect().await;
        let last = items.pop().unwrap();
        assert!(matches!(last, Err(Error::Checksum { .. })), "{last:?}");
        assert!(items.iter().all(Result::is_ok) && digests.get().is_none());
    }
}

#[tokio::test]
async fn a_file_that_changes_under_a_stream_ends_it() {
    let file = File::of(2 << 20);
    let server = Server::start(move |asked| match asked.number {
        0 => Answer { cut: Some(700_000), ..file.answer(asked) },
        _ => file.whole().header("ETag", "\"two\""),
    })
    .await;
    let streamed = fetcher().stream(&Wanted::new(server.source())).await.unwrap();
    let error = streamed.into_stream().try_collect::<Vec<_>>().await.unwrap_err();
    assert!(matches!(error, Error::Changed { .. }), "{error}");
}

#[tokio::test]
async fn a_stream_is_unpacked_on_its_way() {
    let mut disk = vec![7; 3 << 20];
    disk[510..512].copy_from_slice(b"\x55\xaa");
    let packed = zstd::encode_all(&*disk, 1).unwrap();
    let file = File { content: std::sync::Arc::new(packed), etag: Some("\"one\"") };
    let server = Server::of(&file).await;
    let wanted =
        Wanted::new(server.source()).expecting(Checksum::of(Algorithm::Sha256, &file.content));
    let streamed = fetcher().stream(&wanted).await.unwrap();
    let how = Unpack { unpacked: vec![Algorithm::Sha512], ..Unpack::default() };
    let flow = how.streamed("it".to_owned(), streamed);
    let verdict = flow.verdict();
    let blocks: Vec<_> = flow.try_collect().await.unwrap();
    assert!(blocks.concat() == disk);
    let unpacked = verdict.get().unwrap();
    assert_eq!((&*unpacked.layers, unpacked.content), (&[Content::Zstd][..], Content::Disk));
    assert!(unpacked.unpacked.have(&Checksum::of(Algorithm::Sha512, &disk)));
}
