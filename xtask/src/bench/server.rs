//! Servers of the simulated cloud: how long one takes from the request until it runs, as its client
//! sees it, when nothing is configured to take time.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::cloud::{Cloud, answer, text};
use super::load::{Client, request};
use super::measure::{median, millis};
use super::{Fact, Target, binary};
use crate::environment::Environment;
use crate::error::Error;

/// How many servers are made, one after the other.
const SERVERS: usize = 300;
/// How many of them come before it is measured.
const WARM: usize = 20;
/// How long a server may take.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn run(env: &Environment) -> Result<Vec<Fact>, Error> {
    let cloud = Cloud::start(&binary(env)?.display().to_string(), None, &[])?;
    let token = cloud.sign_in()?;
    let flavors = cloud.json("GET", "/compute/v2.1/flavors", &token, "")?;
    let flavors = flavors["flavors"].as_array().cloned().unwrap_or_default();
    let nano = flavors.iter().find(|flavor| flavor["name"] == "m1.nano");
    let flavor = nano.map(|flavor| text(&flavor["id"])).ok_or_else(|| answer("no flavor"))?;
    let image = cloud.image(&token)?;
    cloud.ask(&request("PUT", &format!("{image}/file"), &token, "disk"))?;
    let body = json!({"server": {
        "name": "bench", "flavorRef": flavor, "imageRef": image.rsplit('/').next(),
        "networks": "none",
    }});
    let create = request("POST", "/compute/v2.1/servers", &token, &body.to_string());
    let mut client = Client::new(&cloud.url);
    let mut times = Vec::new();
    for number in 0..SERVERS + WARM {
        let begun = Instant::now();
        let made = ask(&mut client, &create)?;
        let path = format!("/compute/v2.1/servers/{}", text(&made["server"]["id"]));
        let look = request("GET", &path, &token, "");
        while ask(&mut client, &look)?["server"]["status"] != "ACTIVE" {
            if begun.elapsed() > PATIENCE {
                return Err(answer("a server does not become active"));
            }
        }
        if number >= WARM {
            times.push(begun.elapsed());
        }
        ask(&mut client, &request("DELETE", &path, &token, ""))?;
    }
    times.sort_unstable();
    let late = times.get(times.len() * 95 / 100).copied().unwrap_or_default();
    let what = format!("POST of a server until a GET shows it ACTIVE, median of {SERVERS}");
    Ok(vec![
        Fact::new(what, millis(median(times)), "ms").wanted(Target::AtMost(2.0)),
        Fact::new("… of the slowest twentieth, the quickest", millis(late), "ms"),
    ])
}

/// Asks over the one connection; the answer as JSON, null when it is empty.
fn ask(client: &mut Client, asked: &[u8]) -> Result<Value, Error> {
    let answered = client.ask(asked).map_err(|error| answer(&error.to_string()))?;
    if answered.status >= 300 {
        return Err(answer(&String::from_utf8_lossy(&answered.body)));
    }
    Ok(serde_json::from_slice(&answered.body).unwrap_or_default())
}
