//! Swift's part of the contract: accounts, containers, objects.
//!
//! How many objects an account has is told to it by a background process, which the testbed does not
//! run; those numbers are left out.

use reqwest::Method;
use serde_json::json;

use super::bed::Bed;
use super::script::Script;
use super::tenant::{self, Tenant};
use crate::client::{Answer, Session};

const SERVICE: &str = "object-store";

/// A member and a reader of a project of their own.
async fn keepers(bed: &Bed, script: &mut Script) -> (Session, Session, Session) {
    let people = [("keeper", "member"), ("guest", "reader")];
    let Tenant { admin, mut people } = tenant::of(bed, script, &people).await;
    let guest = people.pop().expect("a guest");
    let keeper = people.pop().expect("a keeper");
    script.name(&keeper.catalog[SERVICE], "<object-store>");
    (keeper, guest, admin)
}

fn request(
    who: &Session,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    body: Option<&str>,
) -> reqwest::RequestBuilder {
    let method: Method = method.parse().expect("a method");
    let url = format!("{}{path}", who.catalog[SERVICE]);
    let request = who.http.request(method, url);
    let request = match who.token.as_str() {
        "" => request,
        token => request.header("X-Auth-Token", token),
    };
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    match body {
        Some(body) => request.body(body.to_owned()),
        None => request,
    }
}

/// Asks with these headers and this body; writes down the answer and its headers.
async fn say(
    script: &mut Script,
    who: &Session,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    body: Option<&str>,
) -> Answer {
    let shown: Vec<String> =
        headers.iter().map(|(name, value)| format!("[{name}: {value}]")).collect();
    let shown = format!("{} {method}", shown.join(" "));
    let request = request(who, (method, path), headers, body);
    let path = if path.len() > 200 { "…long…" } else { path };
    let answer = script.ask(shown.trim_start(), path, body, request).await;
    let mut notes: Vec<String> =
        answer.headers.keys().filter_map(|name| note(&answer, name.as_str())).collect();
    notes.sort();
    for one in notes {
        script.note(&one);
    }
    answer
}

/// What is worth writing down of a header.
fn note(answer: &Answer, name: &str) -> Option<String> {
    const VARYING: &[&str] = &[
        "x-timestamp",
        "x-trans-id",
        "last-modified",
        "x-put-timestamp",
        "x-delete-at",
        "x-copied-from-last-modified",
        "x-account-object-count",
        "x-account-bytes-used",
        "x-account-storage-policy-policy-0-object-count",
        "x-account-storage-policy-policy-0-bytes-used",
        "x-account-storage-policy-policy-0-container-count",
    ];
    const EXACT: &[&str] = &["etag", "content-length", "accept-ranges", "content-range"];
    let value = answer.header(name)?;
    if VARYING.contains(&name) {
        return Some(format!("{name}: …"));
    }
    // Of lists it hangs on the spaces in JSON; of what has no body it may be left out.
    let of_object = matches!(answer.status, 200 | 206) && answer.header("etag").is_some();
    let ours = EXACT.contains(&name) || name.starts_with("x-") || name.starts_with("content-d");
    (ours && (of_object || name != "content-length") && name != "x-openstack-request-id")
        .then(|| format!("{name}: {value}"))
}

async fn get(script: &mut Script, who: &Session, path: &str) -> Answer {
    say(script, who, ("GET", path), &[], None).await
}

async fn head(script: &mut Script, who: &Session, path: &str) -> Answer {
    say(script, who, ("HEAD", path), &[], None).await
}

async fn put(script: &mut Script, who: &Session, path: &str, body: &str) -> Answer {
    say(script, who, ("PUT", path), &[], Some(body)).await
}

async fn delete(script: &mut Script, who: &Session, path: &str) -> Answer {
    say(script, who, ("DELETE", path), &[], None).await
}

/// Puts an object without writing down.
async fn keep(who: &Session, path: &str, body: &str) {
    let answer = Answer::of(request(who, ("PUT", path), &[], Some(body))).await;
    assert!(matches!(answer.status, 201 | 202), "{}", answer.text);
}

/// Removes everything in the account of this run's project.
pub(crate) async fn clean_up(tenant: &Session) {
    if !tenant.catalog.contains_key(SERVICE) {
        return;
    }
    let all = async |path: &str| {
        let listed = Answer::of(request(tenant, ("GET", path), &[], None)).await;
        if listed.status == 200 { listed.json().as_array().cloned() } else { None }
    };
    for container in all("?format=json").await.into_iter().flatten() {
        let container = format!("/{}", super::bed::text(&container, "name"));
        for object in all(&format!("{container}?format=json")).await.into_iter().flatten() {
            let path = format!("{container}/{}", super::bed::text(&object, "name"));
            Answer::of(request(tenant, ("DELETE", &path), &[], None)).await;
        }
        let gone = Answer::of(request(tenant, ("DELETE", &container), &[], None)).await;
        assert!(matches!(gone.status, 204 | 404), "{container} stays: {}", gone.text);
    }
}

pub(crate) async fn accounts(bed: &Bed, script: &mut Script) {
    let (keeper, guest, admin) = keepers(bed, script).await;
    script.part("empty");
    head(script, &keeper, "").await;
    get(script, &keeper, "").await;
    get(script, &keeper, "?format=json").await;
    script.part("metadata");
    let meta = [("X-Account-Meta-Color", "red"), ("X-Account-Meta-Size", "big")];
    say(script, &keeper, ("POST", ""), &meta, None).await;
    let meta = [("X-Remove-Account-Meta-Size", "x"), ("X-Account-Meta-Color", "")];
    say(script, &keeper, ("POST", ""), &meta, None).await;
    say(script, &keeper, ("POST", ""), &[("X-Account-Meta-Shape", "round")], None).await;
    head(script, &keeper, "").await;
    let long = format!("X-Account-Meta-{}", "n".repeat(129));
    say(script, &keeper, ("POST", ""), &[(&long, "x")], None).await;
    say(script, &keeper, ("POST", ""), &[("X-Account-Meta-A", &"v".repeat(257))], None).await;
    script.part("containers in it");
    for name in ["alpha", "alps", "beta/not"] {
        put(script, &keeper, &format!("/{}", name.split('/').next().expect("a name")), "").await;
    }
    for query in [
        "",
        "?format=json",
        "?format=xml",
        "?limit=1",
        "?marker=alpha",
        "?end_marker=alps",
        "?prefix=al&format=json&limit=1",
        "?prefix=z",
        "?delimiter=p",
        "?reverse=true",
        "?limit=10001",
        "?limit=x",
        "?format=nonsense",
    ] {
        get(script, &keeper, query).await;
    }
    say(script, &keeper, ("GET", ""), &[("Accept", "application/json")], None).await;
    say(script, &keeper, ("GET", ""), &[("Accept", "image/png")], None).await;
    script.part("who may");
    let stranger = Session { token: String::new(), ..keeper.clone() };
    let lost = Session { token: "nonsense".to_owned(), ..keeper.clone() };
    let there = |who: &Session| Session { catalog: keeper.catalog.clone(), ..who.clone() };
    for who in [&admin, &guest, &stranger, &lost, &there(&bed.other), &there(&bed.admin)] {
        get(script, who, "").await;
    }
    put(script, &guest, "/mine", "").await;
    put(script, &there(&bed.other), "/mine", "").await;
    script.part("not there");
    delete(script, &keeper, "").await;
    say(script, &keeper, ("PUT", ""), &[], None).await;
    say(script, &keeper, ("PATCH", ""), &[], None).await;
}

pub(crate) async fn containers(bed: &Bed, script: &mut Script) {
    let (keeper, guest, admin) = keepers(bed, script).await;
    script.part("made");
    put(script, &keeper, "/box", "").await;
    put(script, &keeper, "/box", "").await;
    head(script, &keeper, "/box").await;
    get(script, &keeper, "/box").await;
    get(script, &keeper, "/box?format=json").await;
    let meta = [("X-Container-Meta-Color", "red"), ("X-Container-Read", ".r:*")];
    say(script, &keeper, ("PUT", "/shelf"), &meta, None).await;
    head(script, &keeper, "/shelf").await;
    script.part("refused");
    put(script, &keeper, &format!("/{}", "n".repeat(257)), "").await;
    say(script, &keeper, ("PUT", "/bad"), &[("X-Container-Read", ".nonsense:x")], None).await;
    say(script, &keeper, ("PUT", "/bad"), &[("X-Storage-Policy", "none")], None).await;
    say(script, &keeper, ("PUT", "/bad"), &[("X-Container-Meta-Quota-Bytes", "x")], None).await;
    say(script, &keeper, ("PATCH", "/box"), &[], None).await;
    script.part("changed");
    let meta = [("X-Container-Meta-Size", "big"), ("X-Remove-Container-Meta-Color", "x")];
    say(script, &keeper, ("POST", "/shelf"), &meta, None).await;
    head(script, &keeper, "/shelf").await;
    say(script, &keeper, ("POST", "/none"), &meta, None).await;
    script.part("listed");
    for name in ["a", "a/1", "a/2", "b/x/1", "b/y", "c d"] {
        keep(&keeper, &format!("/box/{}", name.replace(' ', "%20")), name).await;
    }
    for query in [
        "",
        "?format=json&limit=1",
        "?format=xml&limit=2",
        "?limit=2",
        "?marker=a/2",
        "?marker=a&end_marker=b/y",
        "?prefix=a/",
        "?delimiter=/",
        "?delimiter=/&format=json",
        "?delimiter=/&prefix=b/",
        "?delimiter=/&prefix=b/&format=xml",
        "?delimiter=/&marker=a/",
        "?path=a",
        "?reverse=on",
        "?reverse=on&marker=b/y&limit=2",
        "?prefix=none",
        "?limit=0",
        "?limit=10001",
    ] {
        get(script, &keeper, &format!("/box{query}")).await;
    }
    head(script, &keeper, "/box").await;
    script.part("who may");
    let stranger = Session { token: String::new(), ..keeper.clone() };
    let there = |who: &Session| Session { catalog: keeper.catalog.clone(), ..who.clone() };
    for who in [&admin, &guest, &stranger, &there(&bed.other)] {
        head(script, who, "/box").await;
        get(script, who, "/box/a").await;
    }
    let other = bed.other.project.clone().expect("a project");
    let shared = [("X-Container-Read", format!("{other}:*")), ("X-Container-Write", String::new())];
    let shared = shared.each_ref().map(|(name, value)| (*name, value.as_str()));
    say(script, &keeper, ("POST", "/box"), &shared, None).await;
    head(script, &keeper, "/box").await;
    get(script, &there(&bed.other), "/box?limit=1").await;
    get(script, &there(&bed.other), "/box/a").await;
    head(script, &there(&bed.other), "/box").await;
    put(script, &there(&bed.other), "/box/z", "x").await;
    for read in [".r:*", ".r:*,.rlistings", ".r:-example.org,.r:*"] {
        say(script, &keeper, ("POST", "/box"), &[("X-Container-Read", read)], None).await;
        get(script, &stranger, "/box/a").await;
        get(script, &stranger, "/box?limit=1").await;
    }
    script.part("gone");
    delete(script, &keeper, "/box").await;
    delete(script, &guest, "/shelf").await;
    delete(script, &keeper, "/shelf").await;
    delete(script, &keeper, "/shelf").await;
    for method in ["GET", "HEAD"] {
        say(script, &keeper, (method, "/shelf"), &[], None).await;
    }
}

pub(crate) async fn objects(bed: &Bed, script: &mut Script) {
    let (keeper, guest, _) = keepers(bed, script).await;
    keep(&keeper, "/box", "").await;
    script.part("put");
    put(script, &keeper, "/box/notes.txt", "hello").await;
    put(script, &keeper, "/box/notes.txt", "hello!").await;
    head(script, &keeper, "/box/notes.txt").await;
    get(script, &keeper, "/box/notes.txt").await;
    let headers = [
        ("Content-Type", "application/x-thing"),
        ("X-Object-Meta-Color", "red"),
        ("Content-Disposition", "attachment"),
        ("X-Delete-After", "3600"),
    ];
    say(script, &keeper, ("PUT", "/box/deep/thing"), &headers, Some("0123456789")).await;
    get(script, &keeper, "/box/deep/thing").await;
    put(script, &keeper, "/box/empty", "").await;
    say(script, &keeper, ("PUT", "/box/empty"), &[("Content-Length", "0")], Some("")).await;
    head(script, &keeper, "/box/empty").await;
    script.part("refused");
    put(script, &keeper, "/none/x", "x").await;
    put(script, &guest, "/box/x", "x").await;
    put(script, &keeper, &format!("/box/{}", "n".repeat(1025)), "x").await;
    for (name, value) in [
        ("ETag", "00000000000000000000000000000000"),
        ("If-None-Match", "*"),
        ("If-None-Match", "x"),
        ("X-Delete-At", "1"),
        ("X-Delete-After", "x"),
        ("X-Delete-At", "x"),
        ("X-Copy-From", "/box/none"),
        ("X-Copy-From", "none"),
    ] {
        let body = if name.starts_with("X-Copy") { "" } else { "x" };
        say(script, &keeper, ("PUT", "/box/notes.txt"), &[(name, value)], Some(body)).await;
    }
    let long = [("X-Object-Meta-A", "v".repeat(257))];
    let long = long.each_ref().map(|(name, value)| (*name, value.as_str()));
    say(script, &keeper, ("POST", "/box/notes.txt"), &long, None).await;
    read(script, &keeper).await;
    script.part("changed");
    say(script, &keeper, ("POST", "/box/deep/thing"), &[("X-Object-Meta-Size", "big")], None).await;
    head(script, &keeper, "/box/deep/thing").await;
    say(script, &keeper, ("POST", "/box/none"), &[("X-Object-Meta-Size", "big")], None).await;
    script.part("copied");
    let from = [("X-Copy-From", "/box/deep/thing"), ("X-Object-Meta-More", "yes")];
    say(script, &keeper, ("PUT", "/box/copy"), &from, Some("")).await;
    head(script, &keeper, "/box/copy").await;
    say(script, &keeper, ("COPY", "/box/copy"), &[("Destination", "/box/second")], None).await;
    get(script, &keeper, "/box/second").await;
    say(script, &keeper, ("COPY", "/box/copy"), &[], None).await;
    say(script, &keeper, ("COPY", "/box/copy"), &[("Destination", "/none/x")], None).await;
    let fresh = [("Destination", "box/third"), ("X-Fresh-Metadata", "true")];
    say(script, &keeper, ("COPY", "/box/copy"), &fresh, None).await;
    head(script, &keeper, "/box/third").await;
    quotas(script, &keeper).await;
    script.part("gone");
    delete(script, &guest, "/box/copy").await;
    delete(script, &keeper, "/box/copy").await;
    delete(script, &keeper, "/box/copy").await;
    get(script, &keeper, "/box/copy").await;
    head(script, &keeper, "/box/copy").await;
    delete(script, &keeper, "/none/copy").await;
    say(script, &keeper, ("PATCH", "/box/notes.txt"), &[], None).await;
    get(script, &keeper, "/box").await;
    let listed = Answer::of(request(&keeper, ("GET", "/box?format=json"), &[], None)).await.json();
    let types = listed
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| json!([one["name"], one["content_type"], one["bytes"]]).to_string());
    script.note(&types.collect::<Vec<_>>().join(" "));
}

/// Parts and conditions.
async fn read(script: &mut Script, keeper: &Session) {
    script.part("read in parts");
    for range in ["bytes=2-4", "bytes=7-", "bytes=-3", "bytes=20-30", "bytes=0-99", "nonsense"] {
        say(script, keeper, ("GET", "/box/deep/thing"), &[("Range", range)], None).await;
    }
    script.part("read on conditions");
    let etag = "781e5e245d69b566979b86e28d23f2c7";
    let early = "Wed, 01 Jan 2020 00:00:00 GMT";
    let late = "Mon, 01 Jan 2120 00:00:00 GMT";
    for condition in [
        ("If-None-Match", etag),
        ("If-None-Match", "x"),
        ("If-None-Match", "*"),
        ("If-Match", etag),
        ("If-Match", "x"),
        ("If-Modified-Since", early),
        ("If-Modified-Since", late),
        ("If-Unmodified-Since", early),
        ("If-Unmodified-Since", late),
    ] {
        say(script, keeper, ("GET", "/box/deep/thing"), &[condition], None).await;
    }
}

/// What a container may hold.
async fn quotas(script: &mut Script, keeper: &Session) {
    script.part("within a quota");
    let quota = [("X-Container-Meta-Quota-Bytes", "12"), ("X-Container-Meta-Quota-Count", "2")];
    say(script, keeper, ("PUT", "/small"), &quota, None).await;
    put(script, keeper, "/small/one", "0123456789abc").await;
    put(script, keeper, "/small/one", "0123456789").await;
    head(script, keeper, "/small").await;
}

scenarios! {
    object_accounts_are_listed_and_described = accounts;
    object_containers_are_made_listed_and_shared = containers;
    objects_are_written_read_and_copied = objects;
}
