//! Downloads that are interrupted again and again, by the server and by us: whatever happens, what is
//! handed out in the end is the file.

use std::sync::Mutex;

use lotse_transfer::{Algorithm, Checksum, Limits, Wanted, Watch};
use proptest::prelude::*;

use crate::server::{Answer, Asked, File, Server, fetcher_with, limits};

/// What happens to one request.
#[derive(Clone, Debug)]
enum Fate {
    Fine,
    Refused,
    Cut(usize),
    Short(usize),
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        3 => Just(Fate::Fine),
        1 => Just(Fate::Refused),
        2 => (0_usize..300_000).prop_map(Fate::Cut),
        1 => (1_usize..300_000).prop_map(Fate::Short),
    ]
}

fn suffer(file: &File, asked: &Asked, fate: &Fate) -> Answer {
    let answer = file.answer(asked);
    match fate {
        Fate::Refused => Answer::status(503),
        Fate::Cut(after) => Answer { cut: Some(*after), ..answer },
        Fate::Short(length) if answer.status == 206 => {
            // Less than was asked for, in all order.
            let range = asked.range.clone().unwrap();
            let end = range.end.min(range.start + *length as u64);
            file.answer(&Asked { range: Some(range.start..end), ..asked.clone() })
        }
        Fate::Fine | Fate::Short(_) => answer,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// `fates` befall the first requests, `stops` are numbers of bytes after which we stop and start
    /// again with what is on the disk.
    #[test]
    fn what_arrives_in_the_end_is_the_file(
        size in 1_usize..(2 << 20),
        fates in proptest::collection::vec(fate(), 0..12),
        stops in proptest::collection::vec(1_u64..1_000_000, 0..4),
        etag in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut file = File::of(size);
            if !etag { file.etag = None; }
            let (offered, fates) = (file.clone(), Mutex::new(fates.into_iter()));
            let server = Server::start(move |asked| {
                let fate = fates.lock().unwrap().next().unwrap_or(Fate::Fine);
                suffer(&offered, asked, &fate)
            })
            .await;
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("spool");
            let wanted = Wanted::new(server.source())
                .expecting(Checksum::of(Algorithm::Sha256, &file.content));
            let mut limits = limits();
            limits.backoff.attempts = 20;
            let fetcher = fetcher_with(Limits { per_connection: 128 << 10, ..limits });
            let nobody = Watch::nobody();
            for stop in stops {
                let mut sent = server.sent.subscribe();
                let until = *sent.borrow() + stop;
                tokio::select! {
                    biased;
                    _ = sent.wait_for(|sent| *sent >= until) => {}
                    done = fetcher.spool(&wanted, &path, &nobody) => { done.unwrap(); }
                }
            }
            let spooled = fetcher.spool(&wanted, &path, &nobody).await.unwrap();
            assert_eq!(spooled.size(), file.content.len() as u64);
            assert!(std::fs::read(spooled.path()).unwrap() == *file.content);
        });
    }
}
