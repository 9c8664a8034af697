//! Bundles in a bucket: exchanged at once, read by an edge, whatever fails in between.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use lotse_core::time::{Clock, SignedDuration};
use lotse_status::Error;
use lotse_status::bundle::edge::Edge;
use lotse_status::bundle::key::SigningKey;
use lotse_status::bundle::place::Place;
use lotse_status::bundle::{Bundle, Manifest};

use crate::stage::Stage;

/// A bucket in memory. That requests are signed well is tested where they are signed.
#[derive(Clone, Default)]
struct Bucket(Arc<Mutex<Contents>>);

#[derive(Default)]
struct Contents {
    objects: BTreeMap<String, (Bytes, String)>,
    /// Objects whose names end like this cannot be written.
    broken: Option<&'static str>,
}

async fn request(
    State(bucket): State<Bucket>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let name = uri.path().to_owned();
    let mut contents = bucket.0.lock().unwrap();
    match method {
        Method::GET => match contents.objects.get(&name) {
            Some((bytes, kind)) => {
                ([("content-type", kind.clone())], bytes.clone()).into_response()
            }
            None => (StatusCode::NOT_FOUND, "<Code>NoSuchKey</Code>").into_response(),
        },
        Method::PUT if contents.broken.is_some_and(|end| name.ends_with(end)) => {
            (StatusCode::FORBIDDEN, "<Code>AccessDenied</Code>").into_response()
        }
        Method::PUT => {
            assert!(headers.contains_key("authorization"));
            let kind = headers["content-type"].to_str().unwrap().to_owned();
            contents.objects.insert(name, (body, kind));
            StatusCode::OK.into_response()
        }
        Method::DELETE => {
            contents.objects.remove(&name);
            StatusCode::NO_CONTENT.into_response()
        }
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

impl Bucket {
    fn break_down(&self, end: Option<&'static str>) {
        self.0.lock().unwrap().broken = end;
    }

    /// The numbers of the bundles that have a manifest.
    fn bundles(&self) -> Vec<String> {
        let contents = self.0.lock().unwrap();
        let manifests = contents.objects.keys().filter(|name| name.ends_with("/manifest.json"));
        manifests.map(|name| name.split('/').nth(3).unwrap().to_owned()).collect()
    }

    fn kind(&self, name: &str) -> String {
        self.0.lock().unwrap().objects[name].1.clone()
    }
}

fn place(stage: &Stage, endpoint: &str) -> Place {
    let variable = |name: &str| match name {
        "AWS_ACCESS_KEY_ID" => Some("id".to_owned()),
        "AWS_SECRET_ACCESS_KEY" => Some("secret".to_owned()),
        "AWS_ENDPOINT_URL" => Some(endpoint.to_owned()),
        _ => None,
    };
    Place::at("s3://pages/status", variable, stage.clock.clone()).unwrap()
}

async fn publish(stage: &Stage, place: &Place) -> Result<Manifest, Error> {
    let key = SigningKey::open(&stage.path("key")).unwrap();
    let bundle = Bundle::render(&stage.site, "https://status.example.org");
    place.publish(&bundle, &key, stage.clock.now(), SignedDuration::from_mins(5)).await
}

/// Publishes so often that the first bundle goes; the number of the last one.
async fn published_often(stage: &Stage, place: &Place) -> u64 {
    let mut last = 0;
    for _ in 0..4 {
        stage.clock.advance(SignedDuration::from_secs(1));
        last = publish(stage, place).await.unwrap().sequence;
    }
    last
}

#[tokio::test]
async fn a_bucket_keeps_the_last_three_bundles_and_an_edge_reads_the_newest() {
    let (stage, [..]) = Stage::furnished().await;
    let bucket = Bucket::default();
    let endpoint = stage.serve(Router::new().fallback(request).with_state(bucket.clone())).await;
    let place = place(&stage, &endpoint);
    let first = publish(&stage, &place).await.unwrap();
    let cache = stage.path("cache");
    place.fetch(&cache).await.unwrap();
    let edge = Edge::open(&cache, &stage.path("memory.json"), None, stage.clock.clone()).unwrap();
    assert_eq!(edge.sequence(), first.sequence);
    let page = format!("/pages/status/{}/en/index.html", first.sequence);
    assert_eq!(bucket.kind(&page), "text/html; charset=utf-8");

    // Whatever cannot be written last, the bundle before is still there and whole.
    for end in ["index.html", "manifest.sig", "manifest.json", "current.json"] {
        bucket.break_down(Some(end));
        assert!(publish(&stage, &place).await.is_err(), "{end}");
        let other = stage.path(&format!("other-{end}"));
        place.fetch(&other).await.unwrap();
        let memory = stage.path(&format!("memory-{end}.json"));
        let read = Edge::open(&other, &memory, None, stage.clock.clone()).unwrap();
        assert_eq!(read.sequence(), first.sequence, "{end}");
    }
    bucket.break_down(None);
    let last = published_often(&stage, &place).await;
    place.fetch(&cache).await.unwrap();
    assert!(edge.look().unwrap());
    assert_eq!(edge.sequence(), last);
    let bundles = bucket.bundles();
    assert!(bundles.contains(&last.to_string()));
    assert!(!bundles.contains(&first.sequence.to_string()), "{bundles:?}");
    // The bucket goes: what was fetched is still shown, also by an edge that starts now.
    bucket.0.lock().unwrap().objects.clear();
    assert!(place.fetch(&cache).await.is_err());
    let again = Edge::open(&cache, &stage.path("memory.json"), None, stage.clock.clone());
    assert_eq!(again.unwrap().sequence(), last);
}

#[tokio::test]
async fn an_edge_reads_what_a_web_server_shows_of_a_folder() {
    let (stage, [..]) = Stage::furnished().await;
    let variable = |_: &str| None;
    let out = stage.path("out");
    let folder = Place::at(out.to_str().unwrap(), variable, stage.clock.clone()).unwrap();
    let sequence = publish(&stage, &folder).await.unwrap().sequence;
    let root = out.clone();
    let served = Router::new().fallback(move |uri: Uri| async move {
        match std::fs::read(root.join(uri.path().trim_start_matches("/pages/"))) {
            Ok(bytes) => bytes.into_response(),
            Err(_) => StatusCode::NOT_FOUND.into_response(),
        }
    });
    let base = stage.serve(served).await;
    let web = Place::at(&format!("{base}/pages"), variable, stage.clock.clone()).unwrap();
    let cache = stage.path("cache");
    web.fetch(&cache).await.unwrap();
    let edge = Edge::open(&cache, &stage.path("memory.json"), None, stage.clock.clone()).unwrap();
    assert_eq!(edge.sequence(), sequence);
    let refused = publish(&stage, &web).await;
    assert!(matches!(refused, Err(Error::Invalid { .. })));
    assert!(Place::at("ftp://x/y", variable, stage.clock.clone()).is_err());
}

/// `ssh` without a network: the server of OpenSSH at the other end of a pipe.
fn sftp(stage: &Stage, script: &str) -> impl Fn(&str) -> Option<String> + use<> {
    let program = stage.path("ssh");
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let program = program.to_str().unwrap().to_owned();
    move |name: &str| (name == "LOTSE_SSH").then(|| program.clone())
}

#[expect(clippy::disallowed_methods, reason = "where real tests are told their server")]
fn sftp_server() -> String {
    std::env::var("LOTSE_SFTP_SERVER").expect("LOTSE_SFTP_SERVER names OpenSSH's sftp-server")
}

#[tokio::test]
#[ignore = "real: sftp-server"]
async fn a_folder_reached_by_sftp_keeps_the_last_three_bundles_and_an_edge_reads_the_newest() {
    let (stage, [..]) = Stage::furnished().await;
    let server = sftp_server();
    let asked = stage.path("asked");
    let script = format!("echo \"$*\" >> {}\nexec {server}", asked.display());
    let folder = stage.path("web/status page");
    let address =
        format!("sftp://anna@web.example.org:2222{}", folder.display()).replace(' ', "%20");
    let place = Place::at(&address, sftp(&stage, &script), stage.clock.clone()).unwrap();
    let first = publish(&stage, &place).await.unwrap();
    let arguments = std::fs::read_to_string(&asked).unwrap();
    assert!(arguments.contains("-o BatchMode=yes"), "{arguments}");
    assert!(arguments.ends_with("-p 2222 -l anna -s -- web.example.org sftp\n"), "{arguments}");

    // An edge reads it by SFTP, and a web server of the folder finds the newest through the link.
    let cache = stage.path("cache");
    place.fetch(&cache).await.unwrap();
    let edge = Edge::open(&cache, &stage.path("memory.json"), None, stage.clock.clone()).unwrap();
    assert_eq!(edge.sequence(), first.sequence);
    assert!(folder.join("current/en/index.html").is_file());

    // What cannot be written leaves the bundle before.
    let blocked = folder.join(".next-current.json");
    std::fs::create_dir(&blocked).unwrap();
    stage.clock.advance(SignedDuration::from_secs(1));
    let refused = publish(&stage, &place).await.unwrap_err();
    assert!(matches!(refused, Error::Remote { action: "write", .. }), "{refused}");
    place.fetch(&stage.path("other")).await.unwrap();
    let memory = stage.path("other.json");
    let read = Edge::open(&stage.path("other"), &memory, None, stage.clock.clone()).unwrap();
    assert_eq!(read.sequence(), first.sequence);
    std::fs::remove_dir(&blocked).unwrap();

    let last = published_often(&stage, &place).await;
    place.fetch(&cache).await.unwrap();
    assert!(edge.look().unwrap());
    assert_eq!(edge.sequence(), last);
    let link = std::fs::read_link(folder.join("current")).unwrap();
    assert_eq!(link.to_str(), Some(&*last.to_string()));
    // Nothing is left of the first one, not even its directories.
    assert!(!folder.join(first.sequence.to_string()).exists());
}

#[tokio::test]
async fn a_machine_that_does_not_let_us_in_is_told_with_the_words_of_ssh() {
    let (stage, [..]) = Stage::furnished().await;
    let variable = sftp(&stage, "echo 'Host key verification failed.' >&2; exit 255");
    let place =
        Place::at("sftp://web.example.org/srv/page", variable, stage.clock.clone()).unwrap();
    let refused = publish(&stage, &place).await.unwrap_err();
    let said = "cannot connect to web.example.org: Host key verification failed.";
    assert_eq!(refused.to_string(), said);
    let hints = lotse_core::error::Explain::hints(&refused);
    assert!(hints[0].contains("ssh -o BatchMode=yes web.example.org true"), "{hints:?}");
    for wrong in [
        "sftp://",
        "sftp://web.example.org",
        "sftp://web.example.org/",
        "sftp://anna:secret@web.example.org/srv",
        "sftp://-oProxyCommand=x/srv",
        "sftp://-lroot@web.example.org/srv",
    ] {
        let refused = Place::at(wrong, |_: &str| None, stage.clock.clone()).unwrap_err();
        assert!(!refused.to_string().contains("secret"), "{refused}");
    }
}
