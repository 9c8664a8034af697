//! What never appears in logs, and what of the environment is heeded on the way.

use std::io::Write;
use std::sync::{Arc, Mutex};

use lotse_openstack::{Cloud, CloudConfig, Error, Sources};
use serde_json::json;

use crate::fake::{Fake, options, reply};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_fullest_log_holds_requests_and_no_secrets() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    refused_and_unavailable().await;
    // Places in the code that another test reached at the very moment this log was opened may have
    // missed that there is one.
    tracing::callsite::rebuild_interest_cache();
    log.0.lock().unwrap().clear();
    let (cloud, error) = refused_and_unavailable().await;
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("/image/v2/images") && log.contains("req-from-the-service"), "{log}");
    assert!(log.contains("trying again"), "{log}");
    for secret in ["s3cret", "token-0", "token-1"] {
        assert!(!log.contains(secret), "{secret}");
        assert!(!format!("{cloud:?} {:?} {error:?}", cloud.config()).contains(secret), "{secret}");
    }
}

/// A request whose token is refused and whose service is then down.
async fn refused_and_unavailable() -> (Cloud, Error) {
    let fake = Fake::start(|seen| {
        (!seen.is_sign_in()).then(|| reply(if seen.before == 0 { 401 } else { 503 }, &json!({})))
    })
    .await;
    let cloud = fake.cloud();
    let error = cloud.get("image", "/v2/images").send().await.unwrap_err();
    (cloud, error)
}

fn through(fake: &Fake, proxy: &[(&str, &str)], auth_url: &str) -> Cloud {
    let text = format!(
        "clouds:\n  fake:\n    auth: {{auth_url: \"{auth_url}\", user_id: u, password: p, project_id: p1}}\n"
    );
    let mut sources = Sources::from_text("clouds.yaml", &text);
    for (name, value) in proxy {
        sources.environment.insert((*name).to_owned(), value.replace("PROXY", &fake.url));
    }
    Cloud::connect(CloudConfig::resolve(&sources).unwrap(), &options()).unwrap()
}

#[tokio::test]
async fn the_proxy_of_the_environment_is_used_but_for_the_hosts_it_excepts() {
    let proxy = Fake::start(|_| None).await;
    let cloud = through(&proxy, &[("http_proxy", "PROXY")], "http://keystone.invalid/v3");
    cloud.token().await.unwrap();
    let seen = proxy.seen();
    assert_eq!(seen[0].target, "http://keystone.invalid/v3/auth/tokens");

    let direct = Fake::start(|_| None).await;
    let auth_url = format!("{}/v3", direct.url);
    let cloud = through(
        &proxy,
        &[("HTTP_PROXY", "PROXY"), ("no_proxy", "example.org,127.0.0.1")],
        &auth_url,
    );
    cloud.token().await.unwrap();
    assert_eq!((proxy.seen().len(), direct.sign_ins()), (1, 1));
}
