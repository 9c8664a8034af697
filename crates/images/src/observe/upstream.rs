//! What upstream publishes behind `latest`: its checksum, and when it was changed.
//!
//! Only the text of checksum files and the headers of images are read, with limits of size and time:
//! whoever publishes them is not trusted. What goes wrong is said in words, for a note: an upstream
//! that does not answer must not keep a cloud from being looked after.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use futures::StreamExt;
use jiff::civil::Date;
use lotse_core::error::chain;
use lotse_core::time::Timestamp;
use lotse_transfer::manifest;
use reqwest::{Client, Response, header};

use super::Upstream;
use crate::declare::{Catalog, LATEST};
use crate::model::{Definition, SourceUrl, UpstreamChecksum, Version};
use crate::options::{Options, day};

/// Definitions asked about at the same time.
const AT_ONCE: usize = 8;

/// How much of a checksum file is read, in bytes; those of large distributions have some hundred KiB.
const MOST_READ: usize = 4 << 20;

/// Redirects that are followed; mirrors of distributions redirect.
const REDIRECTS: usize = 5;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// What upstream publishes for every enabled definition that follows it.
pub(super) async fn published(
    catalog: &Catalog,
    options: &Options,
) -> BTreeMap<String, Result<Upstream, String>> {
    let mut followed = Vec::new();
    for definition in catalog.enabled() {
        let pointer = definition.versions.iter().find(|version| version.version == LATEST);
        followed.extend(pointer.map(|pointer| (definition, pointer)));
    }
    if followed.is_empty() {
        return BTreeMap::new();
    }
    let client = match client(options.upstream_timeout) {
        Ok(client) => client,
        Err(reason) => {
            let failed =
                |(definition, _): (&Definition, _)| (definition.name.clone(), Err(reason.clone()));
            return followed.into_iter().map(failed).collect();
        }
    };
    let mut all = BTreeMap::new();
    for few in followed.chunks(AT_ONCE) {
        let asked = few.iter().map(|(_, pointer)| one(&client, pointer));
        let answers = futures::future::join_all(asked).await;
        all.extend(few.iter().map(|(definition, _)| definition.name.clone()).zip(answers));
    }
    all
}

fn client(timeout: Duration) -> Result<Client, String> {
    let mut roots = rustls::RootCertStore::empty();
    // Some of what a machine trusts may be unreadable; the rest still counts.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| chain(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::limited(REDIRECTS))
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT)
        .timeout(timeout)
        .user_agent(concat!("lotse/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| chain(&error))
}

async fn one(client: &Client, pointer: &Version) -> Result<Upstream, String> {
    let Some(place) = &pointer.latest else {
        return Err("it is not declared where upstream publishes its checksum".to_owned());
    };
    let file = pointer.url.file_name();
    let mut checksums = match place {
        UpstreamChecksum::Manifest(url) => {
            let entries = manifest::entries(&text(client, url).await?);
            let found = manifest::of_file(&entries, file);
            if found.is_empty() {
                return Err(format!("the list of checksums {url} does not name \"{file}\""));
            }
            found
        }
        UpstreamChecksum::Single(url) => {
            let found = manifest::bare(&text(client, url).await?);
            vec![found.ok_or_else(|| format!("{url} is not a checksum and nothing else"))?]
        }
    };
    let checksum = checksums.remove(0);
    Ok(Upstream { checksum, weaker: checksums, modified: modified(client, &pointer.url).await })
}

/// The day on which the image was changed, if the server says so. Nothing depends on it but a label.
async fn modified(client: &Client, url: &SourceUrl) -> Option<Date> {
    let response = client.head(url.as_str()).send().await.ok()?.error_for_status().ok()?;
    let said = response.headers().get(header::LAST_MODIFIED)?.to_str().ok()?;
    let at = httpdate::parse_http_date(said).ok()?.duration_since(UNIX_EPOCH).ok()?;
    let at = Timestamp::from_second(i64::try_from(at.as_secs()).ok()?).ok()?;
    Some(day(at))
}

async fn text(client: &Client, url: &SourceUrl) -> Result<String, String> {
    let response = client.get(url.as_str()).send().await;
    // The address is in the sentence already.
    let failed = |error: reqwest::Error| {
        let error = error.without_url();
        let why = if error.is_timeout() { "it took too long".to_owned() } else { chain(&error) };
        format!("{url} cannot be read: {why}")
    };
    let response = response.map_err(failed)?;
    if !response.status().is_success() {
        return Err(format!("{url} cannot be read: the server answered {}", response.status()));
    }
    let bytes = body(response).await.map_err(|trouble| match trouble {
        Trouble::Broken(error) => failed(error),
        Trouble::TooLarge => {
            format!("{url} has more than {} MiB and is no checksum file", MOST_READ >> 20)
        }
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

enum Trouble {
    Broken(reqwest::Error),
    TooLarge,
}

async fn body(response: Response) -> Result<Vec<u8>, Trouble> {
    let mut bytes = Vec::new();
    let mut pieces = response.bytes_stream();
    while let Some(piece) = pieces.next().await {
        bytes.extend_from_slice(&piece.map_err(Trouble::Broken)?);
        if bytes.len() > MOST_READ {
            return Err(Trouble::TooLarge);
        }
    }
    Ok(bytes)
}
