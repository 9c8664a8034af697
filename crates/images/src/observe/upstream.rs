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
use lotse_transfer::manifest::{self, Entry};
use lotse_transfer::signature::Signed;
use lotse_transfer::{HttpOptions, Limits, Publisher};
use reqwest::{Method, Response, StatusCode, header};
use url::Url;

use super::{Doubt, Trusted, Upstream};
use crate::declare::{Catalog, LATEST};
use crate::model::{Checksum, Definition, SignedList, SourceUrl, UpstreamChecksum, Version};
use crate::options::{Options, day};

/// Definitions asked about at the same time.
const AT_ONCE: usize = 8;

/// How much of a checksum file is read, in bytes; those of large distributions have some hundred KiB.
const MOST_READ: usize = 4 << 20;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// What upstream publishes for every enabled definition that follows it.
pub(super) async fn published(
    catalog: &Catalog,
    options: &Options,
) -> BTreeMap<String, Result<Upstream, Doubt>> {
    let mut followed = Vec::new();
    for definition in catalog.enabled() {
        let pointer = definition.versions.iter().find(|version| version.version == LATEST);
        followed.extend(pointer.map(|pointer| (definition, pointer)));
    }
    if followed.is_empty() {
        return BTreeMap::new();
    }
    let client = match client(options) {
        Ok(client) => client,
        Err(doubt) => {
            let failed =
                |(definition, _): (&Definition, _)| (definition.name.clone(), Err(doubt.clone()));
            return followed.into_iter().map(failed).collect();
        }
    };
    let mut all = BTreeMap::new();
    for few in followed.chunks(AT_ONCE) {
        let now = ending(options.today);
        let asked = few.iter().map(|(_, pointer)| one(&client, pointer, now));
        let answers = futures::future::join_all(asked).await;
        all.extend(few.iter().map(|(definition, _)| definition.name.clone()).zip(answers));
    }
    all
}

/// What the signed lists say of versions that follow nothing, by definition and version. A list in which
/// several of them stand is read once.
pub(super) async fn signed(
    versions: &[(&Definition, &Version)],
    options: &Options,
) -> BTreeMap<(String, String), Result<Trusted, Doubt>> {
    let lists: BTreeMap<Place<'_>, &SignedList> =
        versions.iter().filter_map(|(_, version)| version.signed.as_ref()).map(place).collect();
    if lists.is_empty() {
        return BTreeMap::new();
    }
    let client = client(options);
    let lists: Vec<_> = lists.into_iter().collect();
    let mut read = BTreeMap::new();
    for few in lists.chunks(AT_ONCE) {
        let asked = few.iter().map(|(_, list)| files(client.as_ref(), list));
        let answers = futures::future::join_all(asked).await;
        read.extend(few.iter().map(|(place, _)| *place).zip(answers));
    }
    let now = ending(options.today);
    let mut told = BTreeMap::new();
    for (definition, version) in versions {
        let Some(signed) = &version.signed else { continue };
        let Some((list, signature)) = read.get(&place(signed).0) else { continue };
        let trusted =
            judged(signed, list.clone(), signature.clone(), now).and_then(|(text, by)| {
                let checksums = named_in(&text, &signed.list, &version.url)?;
                Ok(Trusted { checksums, signed: by })
            });
        told.insert((definition.name.clone(), version.version.clone()), trusted);
    }
    told
}

/// The addresses of a list and of its signature.
type Place<'a> = (&'a str, Option<&'a str>);

fn place(list: &SignedList) -> (Place<'_>, &SignedList) {
    ((list.list.as_str(), list.signature.as_ref().map(SourceUrl::as_str)), list)
}

fn client(options: &Options) -> Result<Client, Doubt> {
    let http =
        HttpOptions { internal_redirects: options.internal_redirects, ..HttpOptions::default() };
    let limits = Limits { connect: CONNECT, ..Limits::default() };
    let publisher = Publisher::new(&http, limits);
    let publisher = publisher.map_err(|error| Doubt::Unavailable(chain(&error)))?;
    Ok(Client { publisher, timeout: options.upstream_timeout })
}

/// Who asks.
struct Client {
    publisher: Publisher,
    /// How long an answer may take as a whole.
    timeout: Duration,
}

async fn one(client: &Client, pointer: &Version, now: Timestamp) -> Result<Upstream, Doubt> {
    let Some(place) = &pointer.latest else {
        let reason = "it is not declared where upstream publishes its checksum".to_owned();
        return Err(Doubt::Unavailable(reason));
    };
    let (UpstreamChecksum::Manifest(url) | UpstreamChecksum::Single(url)) = place;
    let (text, signed) = match &pointer.signed {
        Some(list) => {
            let (text, signature) = files(Ok(client), list).await;
            let (text, signed) = judged(list, text, signature, now)?;
            (text, Some(signed))
        }
        None => (decoded(read(client, url).await?), None),
    };
    let mut checksums = match place {
        UpstreamChecksum::Manifest(_) => named_in(&text, url, &pointer.url)?,
        UpstreamChecksum::Single(_) => {
            let found = manifest::bare(&text).ok_or_else(|| {
                Doubt::Unavailable(format!("{url} is not a checksum and nothing else"))
            })?;
            vec![found]
        }
    };
    let checksum = checksums.remove(0);
    let modified = modified(client, &pointer.url).await;
    Ok(Upstream { checksum, weaker: checksums, modified, signed })
}

/// All checksums that a list gives to the file of this URL, the strongest first; at least one.
fn named_in(text: &str, list: &SourceUrl, url: &SourceUrl) -> Result<Vec<Checksum>, Doubt> {
    let file = url.file_name();
    let entries: Vec<Entry> = manifest::entries(text);
    let found = manifest::of_file(&entries, file);
    if found.is_empty() {
        let reason = format!("the list of checksums {list} does not name \"{file}\"");
        return Err(Doubt::Unavailable(reason));
    }
    Ok(found)
}

/// A detached signature, or why there is none.
type Signature = Result<Vec<u8>, Doubt>;

/// A list and, where it is a file of its own, its signature.
async fn files(
    client: Result<&Client, &Doubt>,
    signed: &SignedList,
) -> (Result<Vec<u8>, Doubt>, Option<Signature>) {
    let client = match client {
        Ok(client) => client,
        Err(doubt) => return (Err(doubt.clone()), None),
    };
    let signature = async {
        let url = signed.signature.as_ref()?;
        Some(read(client, url).await.map_err(|doubt| match doubt {
            // Whoever can change a list can also take its signature away.
            Doubt::Missing(reason) => Doubt::Refused(format!(
                "the list of checksums {} is not signed: {reason}",
                signed.list
            )),
            other => other,
        }))
    };
    futures::join!(read(client, &signed.list), signature)
}

/// The text of a list that is signed by a pinned key, and by which.
fn judged(
    signed: &SignedList,
    list: Result<Vec<u8>, Doubt>,
    signature: Option<Signature>,
    now: Timestamp,
) -> Result<(String, Signed), Doubt> {
    let list = list?;
    let verified = match signature {
        Some(signature) => {
            let by = signed.keys.verify_detached(&list, &signature?, now);
            by.map(|by| (decoded(list), by))
        }
        None => signed.keys.verify_text(&decoded(list), now),
    };
    verified.map_err(|fault| {
        let pinned = signed.keys.fingerprints().join(", ");
        Doubt::Refused(format!(
            "the list of checksums {} is not signed as declared: {fault} (pinned: {pinned})",
            signed.list
        ))
    })
}

fn decoded(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// The end of a day: what expires on it has expired.
fn ending(day: Date) -> Timestamp {
    let end = day.at(23, 59, 59, 0).to_zoned(jiff::tz::TimeZone::UTC);
    end.map_or(Timestamp::MIN, |end| end.timestamp())
}

/// The day on which the image was changed, if the server says so. Nothing depends on it but a label.
async fn modified(client: &Client, url: &SourceUrl) -> Option<Date> {
    let asked = client.publisher.ask(&Method::HEAD, Url::parse(url.as_str()).ok()?);
    let response = tokio::time::timeout(client.timeout, asked).await.ok()?.ok()?;
    let response = response.error_for_status().ok()?;
    let said = response.headers().get(header::LAST_MODIFIED)?.to_str().ok()?;
    let at = httpdate::parse_http_date(said).ok()?.duration_since(UNIX_EPOCH).ok()?;
    let at = Timestamp::from_second(i64::try_from(at.as_secs()).ok()?).ok()?;
    Some(day(at))
}

async fn read(client: &Client, url: &SourceUrl) -> Result<Vec<u8>, Doubt> {
    let failed = |why: String| Doubt::Unavailable(format!("{url} cannot be read: {why}"));
    let asked = Url::parse(url.as_str()).map_err(|error| failed(error.to_string()))?;
    let whole = async {
        let answer = client.publisher.ask(&Method::GET, asked).await;
        let response = answer.map_err(|error| failed(told(&error)))?;
        let status = response.status();
        if !status.is_success() {
            let reason = format!("{url} cannot be read: the server answered {status}");
            return Err(match status {
                StatusCode::NOT_FOUND | StatusCode::GONE => Doubt::Missing(reason),
                _ => Doubt::Unavailable(reason),
            });
        }
        body(response).await.map_err(|trouble| match trouble {
            // The address is in the sentence already.
            Trouble::Broken(error) => failed(chain(&error.without_url())),
            Trouble::TooLarge => {
                let most = MOST_READ >> 20;
                let reason = format!("{url} has more than {most} MiB and is no checksum file");
                Doubt::Unavailable(reason)
            }
        })
    };
    let late = |_| failed("it took too long".to_owned());
    tokio::time::timeout(client.timeout, whole).await.map_err(late)?
}

/// What happened, without the address.
fn told(error: &lotse_transfer::Error) -> String {
    match error {
        lotse_transfer::Error::Request { source, .. } => chain(source),
        lotse_transfer::Error::Stalled { .. } => "it took too long".to_owned(),
        other => chain(other),
    }
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
