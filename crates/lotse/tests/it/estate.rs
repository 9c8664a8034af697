//! `lotse serve` with an estate from Git: the first commit, a broken one, a webhook.

use std::io::{Read as _, Write as _};
use std::process::Command;

use serde_json::Value;

use crate::process::{Place, Server, example, get, until};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A place with a repository that holds the example images, and a configuration that follows it.
fn harbour() -> (Place, Server) {
    let place = Place::new();
    let sim = place.simulate(&[]);
    for file in std::fs::read_dir(example("images")).unwrap() {
        let file = file.unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        place.write(&format!("repo/images/{}", file.file_name().to_string_lossy()), &text);
    }
    git(&place, &["init", "-q", "-b", "main"]);
    commit(&place, "first");
    place.write("secret", SECRET);
    place.write(
        "lotse.yaml",
        "listen: 127.0.0.1:0\nstate_directory: state\nclouds_file: clouds.yaml\nestate:\n  git:\n    \
         url: ./repo\n    poll: 1h\n    webhook:\n      secret: {file: secret}\nimages:\n  \
         clouds: [sim]\n  policy: apply\n  period: 1h\n",
    );
    (place, sim)
}

fn git(place: &Place, arguments: &[&str]) {
    let status = Command::new("git")
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"])
        .args(arguments)
        .current_dir(place.path("repo"))
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .status()
        .unwrap();
    assert!(status.success(), "{arguments:?}");
}

fn commit(place: &Place, message: &str) {
    git(place, &["add", "-A"]);
    git(place, &["commit", "-q", "-m", message]);
}

fn serve(place: &Place) -> Server {
    let mut command = place.lotse(&["serve", "--config", "lotse.yaml", "--format", "json"]);
    // Git is found as people find it.
    command.env("PATH", "/usr/local/bin:/usr/bin:/bin");
    Server::start(command)
}

/// Reads the status file until it is as wished.
fn status(place: &Place, wished: impl Fn(&Value) -> bool) -> Value {
    loop {
        let text = std::fs::read(place.path("state/estate/status.json")).unwrap_or_default();
        if let Ok(status) = serde_json::from_slice::<Value>(&text)
            && wished(&status)
        {
            return status;
        }
        std::thread::yield_now();
    }
}

/// A push, as GitLab tells of it; the status of the answer.
fn push(page: &str, token: &str) -> u16 {
    let address = page.strip_prefix("http://").unwrap();
    let body = r#"{"object_kind":"push","ref":"refs/heads/main"}"#;
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST /hooks/estate HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         x-gitlab-token: {token}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_push_reaches_the_cloud_and_a_broken_one_does_not() {
    let (place, _sim) = harbour();
    let daemon = serve(&place);
    let page = daemon.hello["page"].as_str().unwrap().to_owned();
    let first = status(&place, |status| status["verdict"] == "good");
    assert_eq!(first["good"]["subject"], "first");
    until(&page, "/readyz", |code, _| code == 200);
    // The tasks that could not work before the first checkout looked again after it.
    let metrics = until(&page, "/metrics", |_, text| {
        text.contains(r#"lotse_task_last_success{task="images/sim"} 1"#)
    });
    assert!(metrics.contains("lotse_estate_broken 0.0"), "{metrics}");

    place.write("repo/images/broken.yml", "images: 7\n");
    commit(&place, "broken");
    assert_eq!(push(&page, "not the secret, but as long as it is"), 401);
    assert_eq!(push(&page, SECRET), 202);
    let broken = status(&place, |status| status["verdict"] == "broken");
    let place_of = &broken["broken"]["fault"]["diagnostics"][0];
    assert_eq!(
        (&place_of["file"], &place_of["span"]["line"]),
        (&"images/broken.yml".into(), &1.into())
    );
    assert_eq!(broken["good"], first["good"]);
    assert!(get(&page, "/metrics").1.contains("lotse_estate_broken 1.0"));
    assert_eq!(get(&page, "/readyz").0, 200, "the last good revision is in use");

    std::fs::remove_file(place.path("repo/images/broken.yml")).unwrap();
    commit(&place, "repaired");
    assert_eq!(push(&page, SECRET), 202);
    let repaired = status(&place, |status| status["verdict"] == "good");
    assert_eq!(repaired["good"]["subject"], "repaired");
    assert!(daemon.terminate().success());

    // Without the repository, the next start goes on with what is there.
    std::fs::rename(place.path("repo"), place.path("elsewhere")).unwrap();
    let daemon = serve(&place);
    let page = daemon.hello["page"].as_str().unwrap().to_owned();
    let gone = status(&place, |status| status["verdict"] == "unreachable");
    assert_eq!(gone["good"], repaired["good"]);
    assert_eq!(get(&page, "/readyz").0, 200);
    assert!(daemon.terminate().success());
}

#[test]
fn the_check_of_the_configuration_says_what_is_followed() {
    let (place, _sim) = harbour();
    let checked = place.run(&["config", "check", "--config", "lotse.yaml"]).with_code(0);
    assert!(checked.stdout.contains("estate: refs/heads/main of "), "{}", checked.stdout);
    let text = std::fs::read_to_string(place.path("lotse.yaml")).unwrap();
    place.write("lotse.yaml", &text.replace("poll: 1h", "branch: a\n    tag: b"));
    let checked = place.run(&["config", "check", "--config", "lotse.yaml"]).with_code(2);
    assert!(checked.stdout.contains("give one of branch, tag and commit"), "{}", checked.stdout);
}
