//! Addresses that are encrypted well, badly or not at all, seen through the catalogue of a cloud.

use std::net::SocketAddr;
use std::sync::Arc;

use lotse_conformance::judge::{Choice, judge, utc};
use lotse_conformance::observe::Reach;
use lotse_conformance::testcase::Need;
use lotse_conformance::tls::Address;
use lotse_conformance::{Judgement, Mode, Snapshot, Verdict, profile};
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::stage::Stage;

const RULES: [&str; 5] = [
    "scs-0125-encrypted",
    "scs-0125-tls-versions",
    "scs-0125-tls-ciphers",
    "scs-0125-tls-curves",
    "scs-0125-certificate-lifespan",
];

/// A server on loopback; it ends with the value.
struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    async fn start<F: Future<Output = ()> + Send>(
        serve: impl Fn(TcpStream) -> F + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serve(stream).await;
            }
        });
        Self { address, task }
    }

    /// One as it should be, but for the time that its certificate is good.
    async fn modern(until: i32) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap();
        parameters.not_before = rcgen::date_time_ymd(2026, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(until, 1, 1);
        let certificate = parameters.self_signed(&key).unwrap().der().clone();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self::start(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                // Greetings that lead nowhere are errors here, and what is expected.
                drop(acceptor.accept(stream).await);
            }
        })
        .await
    }

    /// One that takes whatever is offered first.
    async fn lax() -> Self {
        Self::start(async |mut stream| {
            let mut heard = vec![0; 4096];
            let Ok(count) = stream.read(&mut heard).await else { return };
            let answer = first_choice(&heard[..count]).unwrap_or_default();
            drop(stream.write_all(&answer).await);
        })
        .await
    }
}

/// The answer of a server that takes the first suite of a greeting, in its version.
fn first_choice(heard: &[u8]) -> Option<Vec<u8>> {
    let (version, suite) = (heard.get(9..11)?, heard.get(46..48)?);
    let new = suite[0] == 0x13;
    let mut body = [version, &[7; 32], &[0], suite, &[0]].concat();
    if new {
        // It asks for another greeting, with a key of the group P-521.
        body.extend_from_slice(&[0, 12, 0, 43, 0, 2, 3, 4, 0, 51, 0, 2, 0, 25]);
    }
    let length = u8::try_from(body.len()).ok()?;
    Some([&[22, 3, 3, 0, length + 4, 2, 0, 0, length][..], &body].concat())
}

/// Puts an address into the catalogue.
async fn announce(stage: &Stage, kind: &str, url: &str) {
    let body = json!({ "service": { "type": kind, "name": kind } });
    let made = stage.admin.post("identity", "/v3/services").json(&body).send().await.unwrap();
    let service = made.json::<Value>().unwrap()["service"]["id"].clone();
    let region = stage.admin.pages::<Value>("identity", "/v3/regions", &[], "regions");
    let region = region.all().await.unwrap()[0]["id"].clone();
    let body = json!({ "endpoint": {
        "interface": "public", "service_id": service, "region_id": region, "url": url,
    }});
    stage.admin.post("identity", "/v3/endpoints").json(&body).send().await.unwrap();
}

/// What the cloud shows besides the services of the simulation, which speak HTTP.
async fn look(stage: &Stage) -> (Snapshot, Vec<Address>) {
    let mut snapshot = stage.look(&[Need::Encryption], Reach::ReadOnly).await;
    let addresses = snapshot.encryption.given().unwrap().clone();
    let plain = addresses.iter().filter(|one| !one.is_encrypted());
    assert!(plain.clone().count() == 1, "the simulation is one address: {addresses:#?}");
    assert!(plain.clone().all(|one| one.services.contains(&"compute".to_owned())));
    let ours: Vec<_> = addresses.into_iter().filter(Address::is_encrypted).collect();
    snapshot.encryption = lotse_conformance::snapshot::Answer::Given(ours.clone());
    (snapshot, ours)
}

fn of(snapshot: &Snapshot, id: &str) -> Judgement {
    let spec = profile::named("scs-iaas", Mode::Standard).unwrap();
    let at = utc(snapshot.taken_at);
    let mut choice = Choice::everything(at, Mode::Standard);
    choice.versions = vec!["drafts".to_owned()];
    judge(&spec, snapshot, &choice).unwrap().testcases.remove(id).unwrap().judgement
}

#[tokio::test]
async fn a_cloud_that_encrypts_nothing_breaks_the_first_rule_and_passes_none() {
    let stage = Stage::new().await;
    let snapshot = stage.look(&[Need::Encryption], Reach::ReadOnly).await;
    for id in RULES {
        assert_eq!(of(&snapshot, id).verdict, Verdict::Fail, "{id}");
    }
    assert!(of(&snapshot, RULES[0]).findings[0].evidence.contains("nothing is encrypted"));
    let asked = stage.look(&[Need::Catalogue], Reach::ReadOnly).await;
    assert_eq!(of(&asked, RULES[0]).verdict, Verdict::Abort);
}

#[tokio::test]
async fn a_modern_address_keeps_all_rules_and_one_certificate_for_years_breaks_one() {
    let stage = Stage::new().await;
    let (good, long) = (Server::modern(2027).await, Server::modern(2030).await);
    announce(&stage, "good", &format!("https://{}/v1", good.address)).await;
    let (snapshot, addresses) = look(&stage).await;
    for id in RULES {
        assert_eq!(of(&snapshot, id).verdict, Verdict::Pass, "{id}: {addresses:#?}");
    }
    let greeted = addresses[0].greeted.given().unwrap();
    assert_eq!(greeted.versions, [0x0303, 0x0304]);
    assert_eq!(greeted.certificate.given().unwrap().days(), 365);
    // The catalogue comes with the token, and this one has another.
    let stage = Stage::new().await;
    announce(&stage, "good", &format!("https://{}/v1", good.address)).await;
    announce(&stage, "long", &format!("https://{}/v1", long.address)).await;
    let (snapshot, _) = look(&stage).await;
    for id in RULES {
        let judged = of(&snapshot, id);
        let broken = id == "scs-0125-certificate-lifespan";
        assert_eq!(judged.verdict == Verdict::Fail, broken, "{id}: {judged:#?}");
        if broken {
            let [found] = &judged.findings[..] else { panic!("{judged:#?}") };
            assert_eq!(found.object.as_ref().unwrap().id, "long");
            assert!(found.evidence.contains("1461 days"), "{found:?}");
        }
    }
}

#[tokio::test]
async fn an_address_that_takes_whatever_is_offered_breaks_the_rules_on_that() {
    let stage = Stage::new().await;
    let lax = Server::lax().await;
    announce(&stage, "lax", &format!("https://{}", lax.address)).await;
    let (snapshot, addresses) = look(&stage).await;
    let greeted = addresses[0].greeted.given().unwrap();
    assert_eq!(greeted.versions, [0x0300, 0x0301, 0x0302, 0x0303, 0x0304]);
    assert!(greeted.more_suites && greeted.foreign_groups.contains(&25), "{greeted:?}");
    for (id, evidence) in [
        ("scs-0125-tls-versions", "takes SSL 3.0"),
        ("scs-0125-tls-ciphers", "takes TLS_RSA_WITH_AES_128_CBC_SHA"),
        ("scs-0125-tls-curves", "takes P-521"),
    ] {
        let judged = of(&snapshot, id);
        assert_eq!(judged.verdict, Verdict::Fail, "{id}: {judged:#?}");
        assert!(judged.findings.iter().any(|one| one.evidence == evidence), "{judged:#?}");
    }
    // It never ends a handshake, so that nobody sees its certificate.
    assert_eq!(of(&snapshot, "scs-0125-certificate-lifespan").verdict, Verdict::Abort);
    assert_eq!(of(&snapshot, "scs-0125-encrypted").verdict, Verdict::Pass);
}

#[tokio::test]
async fn who_speaks_no_tls_or_does_not_listen_is_no_pass() {
    let nobody = Server::start(async |_| {}).await;
    let address = nobody.address;
    drop(nobody);
    let talker = Server::start(async |mut stream: TcpStream| {
        drop(stream.write_all(b"220 mail.example ESMTP\r\n").await);
    })
    .await;
    for (kind, address) in [("nobody", address), ("talker", talker.address)] {
        let stage = Stage::new().await;
        announce(&stage, kind, &format!("https://{address}")).await;
        let (snapshot, addresses) = look(&stage).await;
        assert!(addresses.iter().all(|one| one.greeted.failure().is_some()), "{addresses:#?}");
        for id in &RULES[1..] {
            assert_eq!(of(&snapshot, id).verdict, Verdict::Abort, "{id}");
        }
    }
}
