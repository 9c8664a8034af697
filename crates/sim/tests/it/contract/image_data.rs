//! Glance's part of the contract: bytes and imports.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::bed::Bed;
use super::image::made;
use super::mirror::Mirror;
use super::script::Script;
use crate::client::Session;

/// A qcow2 file of 10 MiB that holds nothing.
fn qcow2() -> Vec<u8> {
    let mut bytes = vec![0_u8; 65_536];
    bytes[..4].copy_from_slice(b"QFI\xfb");
    bytes[4..8].copy_from_slice(&3_u32.to_be_bytes());
    bytes[20..24].copy_from_slice(&16_u32.to_be_bytes());
    bytes[24..32].copy_from_slice(&(10_u64 << 20).to_be_bytes());
    bytes[100..104].copy_from_slice(&104_u32.to_be_bytes());
    bytes
}

fn disk(format: &str) -> Value {
    json!({"disk_format": format, "container_format": "bare"})
}

fn octets(who: &Session, path: &str, bytes: Vec<u8>) -> RequestBuilder {
    let request = who.image(Method::PUT, path);
    request.header("Content-Type", "application/octet-stream").body(bytes)
}

/// Asks for the image, again and again, until it is as wanted.
async fn until(who: &Session, path: &str, mut wanted: impl FnMut(&Value) -> bool) -> Value {
    let mut pause = tokio::time::interval(std::time::Duration::from_millis(50));
    for _ in 0..600 {
        pause.tick().await;
        let shown = who.get(path).await.json();
        if wanted(&shown) {
            return shown;
        }
    }
    panic!("{path} does not become what it should");
}

/// Whether no import is under way, nor waited for.
fn at_rest(image: &Value) -> bool {
    let passing = image["status"] == "importing" || image["status"] == "uploading";
    !passing && image.get("os_glance_import_task").is_none()
}

/// Waits until the import has ended; writes down the states on the way and the end.
async fn settled(script: &mut Script, who: &Session, path: &str) {
    // That it was importing has been seen before the download was let go.
    let mut seen = vec!["importing".to_owned()];
    until(who, path, |image| {
        let status = image["status"].as_str().expect("a status").to_owned();
        if seen.last() != Some(&status) {
            seen.push(status);
        }
        at_rest(image)
    })
    .await;
    script.note(&format!("states: {}", seen.join(" → ")));
    script.get(who, path).await;
}

pub(crate) async fn upload(bed: &Bed, script: &mut Script) {
    let member = &bed.member;
    let path = made(bed, script, member, "image", disk("raw")).await;
    let file = format!("{path}/file");
    script.part("before");
    script.get(member, &file).await;
    script.part("refused");
    let typed = |media_type: &str| {
        member.image(Method::PUT, &file).header("Content-Type", media_type).body("hello")
    };
    script.ask("PUT", "as JSON", None, typed("application/json")).await;
    let untyped = member.image(Method::PUT, &file).body("hello");
    script.ask("PUT", "as nothing", None, untyped).await;
    let bare = made(bed, script, member, "bare", json!({})).await;
    script
        .ask("PUT", "without format", None, octets(member, &format!("{bare}/file"), vec![1]))
        .await;
    script.ask("PUT", "nowhere", None, octets(member, "/v2/images/nonsense/file", vec![1])).await;
    let foreign = octets(&bed.other, &file, vec![1]);
    script.ask("PUT", "somebody else's", None, foreign).await;
    script.part("uploaded");
    script.ask("PUT", "hello", None, octets(member, &file, b"hello".to_vec())).await;
    script.get(member, &path).await;
    script.get(member, &file).await;
    let part = member.image(Method::GET, &file).header("Range", "bytes=1-2");
    script.ask("GET", "bytes 1 and 2", None, part).await;
    script.part("no more");
    script.ask("PUT", "again", None, octets(member, &file, b"again".to_vec())).await;
    script.ask("PUT", "stage", None, octets(member, &format!("{path}/stage"), vec![1])).await;
    let format = json!([{"op": "replace", "path": "/disk_format", "value": "qcow2"}]);
    script.patch(member, &path, &format).await;
    script.get(member, &format!("{path}/tasks")).await;
    script.part("a qcow2 file");
    let path = made(bed, script, member, "qcow2", disk("qcow2")).await;
    script.ask("PUT", "qcow2", None, octets(member, &format!("{path}/file"), qcow2())).await;
    script.get(member, &path).await;
    script.part("what only claims to be qcow2");
    let path = made(bed, script, member, "pretender", disk("qcow2")).await;
    script
        .ask("PUT", "hello", None, octets(member, &format!("{path}/file"), b"hello".into()))
        .await;
    script.get(member, &path).await;
}

pub(crate) async fn staged(bed: &Bed, script: &mut Script) {
    let member = &bed.member;
    let path = made(bed, script, member, "image", disk("qcow2")).await;
    let stage = format!("{path}/stage");
    script.part("staged");
    let json = member.image(Method::PUT, &stage).json(&json!({}));
    script.ask("PUT", "as JSON", None, json).await;
    script.ask("PUT", "qcow2", None, octets(member, &stage, qcow2())).await;
    script.get(member, &path).await;
    script.ask("PUT", "again", None, octets(member, &stage, qcow2())).await;
    script.ask("PUT", "file", None, octets(member, &format!("{path}/file"), qcow2())).await;
    let web = json!({"method": {"name": "web-download", "uri": "http://127.0.0.1/x"}});
    script.post(member, &format!("{path}/import"), &web).await;
    script.part("imported");
    let direct = json!({"method": {"name": "glance-direct"}, "stores": ["slow"]});
    script.post(member, &format!("{path}/import"), &direct).await;
    let shown = until(member, &path, at_rest).await;
    script.note(&format!("ends {}", shown["status"]));
    script.get(member, &path).await;
    script.get(member, &format!("{path}/tasks")).await;
    script.post(member, &format!("{path}/import"), &direct).await;
}

pub(crate) async fn web_download(bed: &Bed, script: &mut Script) {
    let member = &bed.member;
    let mirror = Mirror::serving(qcow2()).await;
    script.name(&mirror.url, "<mirror>");
    for (title, name, file) in
        [("a download", "image", "image"), ("what is not there", "missing", "nowhere")]
    {
        script.part(title);
        let path = made(bed, script, member, name, disk("qcow2")).await;
        let uri = format!("{}/{file}", mirror.url);
        let body = json!({"method": {"name": "web-download", "uri": uri}});
        script.post(member, &format!("{path}/import"), &body).await;
        until(member, &path, |image| image["status"] == "importing").await;
        script.get(member, &path).await;
        let again = member.post(&format!("{path}/import"), &body).await;
        script.note(&format!("again while it runs: {}", again.status));
        let rename = json!([{"op": "add", "path": "/meanwhile", "value": "changed"}]);
        script
            .note(&format!("changed while it runs: {}", member.patch(&path, &rename).await.status));
        mirror.release();
        settled(script, member, &path).await;
        let tasks = script.get(member, &format!("{path}/tasks")).await;
        let task = tasks.json()["tasks"][0]["id"].as_str().expect("a task").to_owned();
        script.get(&bed.admin, &format!("/v2/tasks/{task}")).await;
        script.get(member, &format!("/v2/tasks/{task}")).await;
        script.get(member, "/v2/tasks").await;
    }
    script.part("tasks");
    script.get(&bed.admin, "/v2/tasks/nonsense").await;
    script.get(member, "/v2/images/nonsense/tasks").await;
}

pub(crate) async fn refused_imports(bed: &Bed, script: &mut Script) {
    let member = &bed.member;
    let ready = format!("{}/import", made(bed, script, member, "ready", disk("raw")).await);
    let bare = format!("{}/import", made(bed, script, member, "bare", json!({})).await);
    let public = json!({"disk_format": "raw", "container_format": "bare", "visibility": "public"});
    let foreign = format!("{}/import", made(bed, script, &bed.admin, "foreign", public).await);
    let web = |uri: &str| json!({"method": {"name": "web-download", "uri": uri}});
    script.part("bad input");
    for body in [
        json!({}),
        json!({"method": {}}),
        json!({"method": {"name": "magic"}}),
        json!({"method": {"name": "web-download"}}),
        web("ftp://127.0.0.1/x"),
        web("nonsense"),
        web(""),
        json!({"method": {"name": "glance-direct"}, "all_stores": "yes"}),
        json!({"method": {"name": "web-download", "uri": "http://127.0.0.1/x"}, "stores": ["nowhere"]}),
    ] {
        script.post(member, &ready, &body).await;
    }
    for body in ["{bad", "", "[]"] {
        let request = member.image(Method::POST, &ready).header("Content-Type", "application/json");
        script.ask("POST", "import", Some(body), request.body(body)).await;
    }
    script.part("wrong state");
    script.post(member, &ready, &json!({"method": {"name": "glance-direct"}})).await;
    script.post(&bed.admin, &ready, &json!({"method": {"name": "copy-image"}})).await;
    script.post(member, &bare, &web("http://127.0.0.1/x")).await;
    script.part("not allowed or not there");
    script.post(member, &foreign, &web("http://127.0.0.1/x")).await;
    script.post(member, "/v2/images/nonsense/import", &web("http://127.0.0.1/x")).await;
    script.post(&bed.other, &ready, &web("http://127.0.0.1/x")).await;
}

pub(crate) async fn deactivation(bed: &Bed, script: &mut Script) {
    let member = &bed.member;
    let path = made(bed, script, member, "image", disk("raw")).await;
    let action = |who: &Session, path: &str, name: &str| {
        who.image(Method::POST, &format!("{path}/actions/{name}"))
    };
    script.part("queued");
    script.ask("POST", "deactivate", None, action(member, &path, "deactivate")).await;
    script.ask("POST", "reactivate", None, action(member, &path, "reactivate")).await;
    let data = octets(member, &format!("{path}/file"), b"hello".to_vec());
    assert_eq!(data.send().await.expect("an answer").status(), 204);
    script.part("active");
    for (title, who) in [("other", &bed.other), ("member", member), ("member", member)] {
        let title = format!("deactivate by {title}");
        script.ask("POST", &title, None, action(who, &path, "deactivate")).await;
    }
    script.note(&format!("is {}", member.get(&path).await.json()["status"]));
    script.get(member, &format!("{path}/file")).await;
    script.get(&bed.admin, &format!("{path}/file")).await;
    script.ask("POST", "reactivate", None, action(member, &path, "reactivate")).await;
    script.ask("POST", "reactivate", None, action(member, &path, "reactivate")).await;
    script.note(&format!("is {}", member.get(&path).await.json()["status"]));
    script.ask("POST", "nowhere", None, action(member, "/v2/images/nonsense", "deactivate")).await;
    script.ask("POST", "nonsense", None, action(member, &path, "nonsense")).await;
}

pub(crate) async fn copy(bed: &Bed, script: &mut Script) {
    let (member, admin) = (&bed.member, &bed.admin);
    let path = made(bed, script, member, "image", disk("raw")).await;
    let data = octets(member, &format!("{path}/file"), b"hello".to_vec());
    assert_eq!(data.send().await.expect("an answer").status(), 204);
    let copy = |stores: Value| json!({"method": {"name": "copy-image"}, "stores": stores});
    let import = format!("{path}/import");
    script.part("refused");
    script.post(member, &import, &copy(json!(["slow"]))).await;
    script.post(admin, &import, &copy(json!(["fast"]))).await;
    script.post(admin, &import, &copy(json!(["nowhere"]))).await;
    script.part("copied");
    script.post(admin, &import, &copy(json!(["slow"]))).await;
    until(member, &path, at_rest).await;
    script.get(member, &path).await;
    script
        .post(admin, &import, &json!({"method": {"name": "copy-image"}, "all_stores": true}))
        .await;
}
