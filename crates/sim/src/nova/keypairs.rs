//! Keypairs: what people sign in to servers with. They belong to users, not to projects.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use md5::{Digest, Md5};
use serde_json::{Value, json};

use super::asked::{Asked, Json, Paging, refused};
use super::model::Keypair;
use super::{quota, shapes};
use crate::fault_body::Fault;
use crate::http::query::Query;
use crate::schema::refused::{fits, query_fits};
use crate::world::SharedWorld;

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v2.1/os-keypairs", get(index).post(create))
        .route("/v2.1/os-keypairs/{name}", get(show).delete(delete))
}

/// Whose keys are meant: one's own, or those an administrator names (2.10 on).
fn owner(asked: &Asked, named: Option<&str>, rule: &str) -> Result<String, Fault> {
    let user = named.filter(|_| asked.at_least(10)).unwrap_or(asked.user());
    if asked.is_admin() || user == asked.user() {
        return Ok(user.to_owned());
    }
    Err(refused(&format!("os-keypairs:{rule}")))
}

fn schema(asked: &Asked, paging: bool) -> Option<Value> {
    if !asked.at_least(10) {
        return None;
    }
    let mut parameters = vec![("user_id", shapes::text())];
    if paging && asked.at_least(35) {
        parameters.push(("limit", shapes::not_negative()));
        parameters.push(("marker", shapes::text()));
    }
    Some(shapes::query(&parameters, !asked.at_least(75)))
}

fn check_query(asked: &Asked, query: &Query, paging: bool) -> Result<(), Fault> {
    schema(asked, paging).map_or(Ok(()), |schema| query_fits(&schema, query))
}

fn view(key: &Keypair, asked: &Asked) -> Value {
    let mut shown = json!({
        "name": key.name,
        "public_key": key.public_key,
        "fingerprint": key.fingerprint,
    });
    if asked.at_least(2) {
        shown["type"] = json!(key.kind);
    }
    shown
}

static NONE: Query = Query(Vec::new());

async fn index(
    State(world): State<SharedWorld>,
    asked: Asked,
    query: Query,
) -> Result<axum::Json<Value>, Fault> {
    check_query(&asked, &query, true)?;
    let user = owner(&asked, query.get("user_id"), "index")?;
    let paged = asked.at_least(35);
    let paging = Paging::parse(if paged { &query } else { &NONE })?;
    let compute = world.compute();
    let mut keys: Vec<&Keypair> =
        compute.keypairs.iter().filter(|key| key.user_id == user).collect();
    keys.sort_by(|a, b| a.name.cmp(&b.name));
    let start = match &paging.marker {
        None => 0,
        Some(marker) => {
            let place = keys.iter().position(|key| key.name == *marker);
            let missing = || Fault::bad(format!("Marker {marker} could not be found."));
            place.map(|place| place + 1).ok_or_else(missing)?
        }
    };
    let page: Vec<&&Keypair> = keys.iter().skip(start).take(paging.limit).collect();
    let shown = page.iter().map(|key| json!({"keypair": view(key, &asked)}));
    let mut body = json!({"keypairs": shown.collect::<Value>()});
    let last = page.last().map(|key| key.name.as_str());
    if paged
        && let Some(next) = Paging::next(&world.base, "os-keypairs", &query, (page.len(), last))
    {
        body["keypairs_links"] = next;
    }
    Ok(axum::Json(body))
}

fn missing(name: &str, user: &str) -> Fault {
    Fault::missing(format!("Keypair {name} not found for user {user}"))
}

async fn show(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(name): Path<String>,
    query: Query,
) -> Result<axum::Json<Value>, Fault> {
    check_query(&asked, &query, false)?;
    let user = owner(&asked, query.get("user_id"), "show")?;
    let compute = world.compute();
    let key = compute.keypairs.iter().find(|key| key.user_id == user && key.name == name);
    let key = key.ok_or_else(|| missing(&name, &user))?;
    let mut shown = view(key, &asked);
    shown["user_id"] = json!(key.user_id);
    shown["id"] = json!(key.number);
    shown["created_at"] = json!(microseconds(key));
    shown["deleted"] = json!(false);
    shown["deleted_at"] = Value::Null;
    shown["updated_at"] = Value::Null;
    Ok(axum::Json(json!({"keypair": shown})))
}

fn microseconds(key: &Keypair) -> String {
    key.created_at.strftime("%Y-%m-%dT%H:%M:%S.000000").to_string()
}

static CREATE: LazyLock<[Value; 4]> = LazyLock::new(|| {
    let name = |format: &str| {
        let special = json!({
            "type": "string", "minLength": 1, "maxLength": 255, "format": format,
        });
        json!({"allOf": [shapes::name(), special]})
    };
    let kind = json!({"type": "string", "enum": ["ssh", "x509"]});
    let oldest = json!({"name": name("keypair_name_20"), "public_key": shapes::text()});
    let typed =
        json!({"name": name("keypair_name_20"), "type": kind, "public_key": shapes::text()});
    let mut owned = typed.clone();
    owned["user_id"] = shapes::text();
    let mut newest = owned.clone();
    newest["name"] = name("keypair_name_292");
    let wrap = |fields, required: &[&str]| shapes::wrapped("keypair", fields, required);
    [
        wrap(oldest, &["name"]),
        wrap(typed, &["name"]),
        wrap(owned, &["name"]),
        wrap(newest, &["name", "public_key"]),
    ]
});

async fn create(
    State(world): State<SharedWorld>,
    asked: Asked,
    Json(body): Json,
) -> Result<Response, Fault> {
    let [oldest, typed, owned, newest] = &*CREATE;
    let schema = match asked.version.minor {
        ..2 => oldest,
        2..10 => typed,
        10..92 => owned,
        _ => newest,
    };
    fits(schema, &body)?;
    let wanted = &body["keypair"];
    let name = wanted["name"].as_str().unwrap_or_default().trim().to_owned();
    let user = owner(&asked, wanted["user_id"].as_str(), "create")?;
    let kind = wanted["type"].as_str().unwrap_or("ssh").to_owned();
    let (public_key, private_key) = if let Some(key) = wanted["public_key"].as_str() {
        (key.to_owned(), None)
    } else {
        let (public, private) = made_up(&world, &kind);
        (public, Some(private))
    };
    let fingerprint = fingerprint(&public_key, &kind)?;
    let now = world.now();
    let mut compute = world.compute();
    let limit = quota::limit(&compute, asked.project(), "key_pairs");
    let have = compute.keypairs.iter().filter(|key| key.user_id == user).count();
    if limit >= 0 && i64::try_from(have).is_ok_and(|have| have >= limit) {
        return Err(Fault::new(StatusCode::FORBIDDEN, "Quota exceeded, too many key pairs."));
    }
    if compute.keypairs.iter().any(|key| key.user_id == user && key.name == name) {
        return Err(Fault::conflict(format!("Key pair '{name}' already exists.")));
    }
    let number = compute.number();
    let user_id = user;
    let key = Keypair { number, user_id, name, kind, public_key, fingerprint, created_at: now };
    let mut shown = view(&key, &asked);
    shown["user_id"] = json!(key.user_id);
    if let Some(private) = private_key {
        shown["private_key"] = json!(private);
    }
    compute.keypairs.push(key);
    let status = if asked.at_least(2) { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, axum::Json(json!({"keypair": shown}))).into_response())
}

async fn delete(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(name): Path<String>,
    query: Query,
) -> Result<StatusCode, Fault> {
    check_query(&asked, &query, false)?;
    let user = owner(&asked, query.get("user_id"), "delete")?;
    let mut compute = world.compute();
    let before = compute.keypairs.len();
    compute.keypairs.retain(|key| key.user_id != user || key.name != name);
    if compute.keypairs.len() == before {
        return Err(missing(&name, &user));
    }
    Ok(if asked.at_least(2) { StatusCode::NO_CONTENT } else { StatusCode::ACCEPTED })
}

/// A key as long as a real one; it opens nothing.
fn made_up(world: &SharedWorld, kind: &str) -> (String, String) {
    let random = |count: usize| -> String { (0..count).map(|_| world.ids.hex()).collect() };
    if kind == "x509" {
        let body = random(8);
        let label = |what: &str, body: &str| {
            format!("-----BEGIN {what}-----\n{body}\n-----END {what}-----\n")
        };
        return (label("CERTIFICATE", &body), label("PRIVATE KEY", &random(16)));
    }
    let public = format!("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ{} Generated-by-Nova", random(10));
    let rows: Vec<String> = (0..25).map(|_| random(2)).collect();
    let private = format!(
        "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----\n",
        rows.join("\n")
    );
    (public, private)
}

/// MD5 of the key's bytes (SSH) or SHA-1-like digest of the certificate, in pairs of digits.
fn fingerprint(public_key: &str, kind: &str) -> Result<String, Fault> {
    let failed = || Fault::bad("Keypair data is invalid: failed to generate fingerprint");
    let bytes = if kind == "x509" {
        if !public_key.contains("BEGIN CERTIFICATE") {
            let text = "Keypair data is invalid: failed to generate X509 fingerprint. Error \
                        message: Unable to load PEM file. See https://cryptography.io/en/latest/faq/\
                        #why-can-t-i-import-my-pem-file for more details. InvalidData(InvalidByte(0, \
                        110))";
            return Err(Fault::bad(text));
        }
        public_key.as_bytes().to_vec()
    } else {
        let mut words = public_key.split_whitespace();
        let (kind, data) = (words.next().ok_or_else(failed)?, words.next().ok_or_else(failed)?);
        let known =
            kind.starts_with("ssh-") || kind.starts_with("ecdsa-") || kind.starts_with("sk-");
        // Made-up keys are no valid base64 of a key; real ones start with the length of their type.
        if !known || !data.starts_with("AAAA") {
            return Err(failed());
        }
        decode(data).ok_or_else(failed)?
    };
    let digest = Md5::digest(&bytes);
    let pairs: Vec<String> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(pairs.join(":"))
}

/// Base64, leniently: what is missing at the end is left out.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bits = 0_u32;
    let mut held = 0_u32;
    let mut bytes = Vec::new();
    for byte in text.bytes().filter(|byte| !matches!(byte, b'=' | b'\n' | b'\r')) {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        held = (held << 6) | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((held >> bits) & 0xff).unwrap_or(0));
            held &= (1 << bits) - 1;
        }
    }
    Some(bytes)
}
