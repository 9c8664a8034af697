//! `lotse serve` with an estate from Git: the first commit, a broken one, a webhook.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::process::{Place, Server, example, exchange, get, until};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// The section `estate` that follows the branch `main` and is told of pushes.
const FOLLOWED: &str =
    "  git:\n    url: ./repo\n    poll: 1h\n    webhook:\n      secret: {file: secret}\n";

/// A place with a repository that holds the example images, and a configuration with this section
/// `estate`.
fn harbour(estate: &str) -> (Place, Server) {
    let place = Place::new();
    let sim = place.simulate(&[]);
    copy_images(&place, "repo/images");
    git(&place, &["init", "-q", "-b", "main"]);
    commit(&place, "first");
    place.write("secret", SECRET);
    place.write(
        "lotse.yaml",
        &format!(
            "listen: 127.0.0.1:0\nstate_directory: state\nclouds_file: clouds.yaml\nestate:\n\
             {estate}images:\n  clouds: [sim]\n  import: cloud\n  policy: apply\n  period: 1h\n"
        ),
    );
    (place, sim)
}

fn copy_images(place: &Place, to: &str) {
    for file in std::fs::read_dir(example("images")).unwrap() {
        let file = file.unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        place.write(&format!("{to}/{}", file.file_name().to_string_lossy()), &text);
    }
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

/// Starts the daemon; programs are looked for in `first` and then where people have them.
fn serve_with(place: &Place, first: &str) -> Server {
    let mut command = place.lotse(&["serve", "--config", "lotse.yaml", "--format", "json"]);
    command.env("PATH", format!("{first}:/usr/local/bin:/usr/bin:/bin"));
    place.serve_by(command)
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

const PUSH: &str = r#"{"object_kind":"push","ref":"refs/heads/main"}"#;

/// A webhook with this header; the status of the answer, and its head.
fn hook(page: &str, header: &str, body: &str) -> (u16, String) {
    let (status, head, _) = exchange(page, "POST /hooks/estate", header, body);
    (status, head)
}

/// A push, as GitLab tells of it; the status of the answer.
fn push(page: &str, token: &str) -> u16 {
    hook(page, &format!("x-gitlab-token: {token}"), PUSH).0
}

#[test]
fn a_push_reaches_the_cloud_and_a_broken_one_does_not() {
    let (place, _sim) = harbour(FOLLOWED);
    let daemon = place.serve();
    let page = daemon.page();
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
    let (code, shown) = get(&page, "/estate");
    let first_commit = first["good"]["commit"].as_str().unwrap();
    for text in ["The newest commit is broken.", "images/broken.yml:1:9", first_commit, "Ada"] {
        assert!(code == 200 && shown.contains(text), "{text} in {shown}");
    }
    let answer: Value = serde_json::from_str(&get(&page, "/api/v1/estate").1).unwrap();
    assert_eq!(
        (&answer["verdict"], &answer["good"]["commit"]),
        (&"broken".into(), &first_commit.into())
    );
    assert_eq!(answer["broken"]["fault"]["places"][0]["file"], "images/broken.yml");
    assert_eq!(answer["history"][0]["place"], "images/broken.yml:1:9");
    assert!(get(&page, "/api/v1/openapi.json").1.contains("show_estate"));
    assert_eq!(get(&page, "/readyz").0, 200, "the last good revision is in use");

    std::fs::remove_file(place.path("repo/images/broken.yml")).unwrap();
    commit(&place, "repaired");
    assert_eq!(push(&page, SECRET), 202);
    let repaired = status(&place, |status| status["verdict"] == "good");
    assert_eq!(repaired["good"]["subject"], "repaired");
    assert!(daemon.terminate().success());

    // Without the repository, the next start goes on with what is there.
    std::fs::rename(place.path("repo"), place.path("elsewhere")).unwrap();
    let daemon = place.serve();
    let page = daemon.page();
    let gone = status(&place, |status| status["verdict"] == "unreachable");
    assert_eq!(gone["good"], repaired["good"]);
    assert_eq!(get(&page, "/readyz").0, 200);
    let history = std::fs::read(place.path("state/estate/history.json")).unwrap();
    let history: Value = serde_json::from_slice(&history).unwrap();
    let told = history["happenings"].as_array().unwrap().iter();
    let told: Vec<_> = told.map(|one| one["what"].as_str().unwrap()).collect();
    assert_eq!(told, ["in-use", "broken", "in-use", "unreachable"]);
    assert_eq!(history["happenings"][1]["place"], "images/broken.yml:1:9");
    assert!(daemon.terminate().success());
}

#[test]
fn the_check_of_the_configuration_says_what_is_followed() {
    let (place, _sim) = harbour(FOLLOWED);
    let checked = place.run(&["config", "check", "--config", "lotse.yaml"]).with_code(0);
    assert!(checked.stdout.contains("estate: refs/heads/main of "), "{}", checked.stdout);
    let text = std::fs::read_to_string(place.path("lotse.yaml")).unwrap();
    place.write("lotse.yaml", &text.replace("poll: 1h", "branch: a\n    tag: b"));
    let checked = place.run(&["config", "check", "--config", "lotse.yaml"]).with_code(2);
    assert!(checked.stdout.contains("give one of branch, tag and commit"), "{}", checked.stdout);
}

#[test]
fn a_folder_is_read_in_place_and_its_mistakes_are_told() {
    let (place, _sim) = harbour("  folder: repo\n");
    let daemon = place.serve();
    let metrics = until(&daemon.page(), "/metrics", |_, text| {
        text.contains(r#"lotse_task_last_success{task="images/sim"} 1"#)
            && text.contains(r#"lotse_estate_looks_total{outcome="unchanged"}"#)
    });
    assert!(metrics.contains("lotse_estate_broken 0.0"), "{metrics}");
    assert!(daemon.terminate().success());

    place.write("repo/images/broken.yml", "images: 7\n");
    let daemon = place.serve();
    let page = daemon.page();
    until(&page, "/metrics", |_, text| text.contains("lotse_estate_broken 1.0"));
    let task =
        until(&page, "/api/v1/tasks/estate", |_, body| body.contains(r#""outcome":"failed""#));
    assert!(task.contains("is not a valid estate") && task.contains("images/broken.yml"), "{task}");
    assert!(daemon.terminate().success());
}

#[test]
fn a_poll_follows_a_branch_and_a_path_and_takes_signed_commits_only() {
    let (place, _sim) = harbour(
        "  git:\n    url: ./repo\n    branch: production\n    path: clouds/north\n    \
         poll: 10s\n    allowed_signers: signers\n",
    );
    let key = place.path("key");
    let key = key.to_str().unwrap();
    let keygen = ["-q", "-N", "", "-t", "ed25519", "-C", "ada", "-f", key];
    assert!(Command::new("ssh-keygen").args(keygen).status().unwrap().success());
    let public = std::fs::read_to_string(place.path("key.pub")).unwrap();
    place.write("signers", &format!("ada@example.org namespaces=\"git\" {public}"));
    // What is on another branch, and beside the path, is nobody's business.
    place.write("repo/images/broken.yml", "images: 7\n");
    commit(&place, "broken, on another branch");
    git(&place, &["checkout", "-q", "-b", "production"]);
    copy_images(&place, "repo/clouds/north/images");
    commit(&place, "unsigned");

    let daemon = place.serve();
    let page = daemon.page();
    let unsigned = status(&place, |status| status["verdict"] == "broken");
    let message = unsigned["broken"]["fault"]["message"].as_str().unwrap();
    assert!(message.contains("there is no signature"), "{message}");
    let (code, reasons) = get(&page, "/readyz");
    assert!(code == 503 && reasons.contains("there is no signature"), "{reasons}");

    let config = |name, value| git(&place, &["config", name, value]);
    config("gpg.format", "ssh");
    config("user.signingKey", key);
    git(&place, &["commit", "-q", "--amend", "-S", "-m", "signed"]);
    let signed = status(&place, |status| status["verdict"] == "good");
    assert_eq!(signed["good"]["subject"], "signed");
    assert_eq!(signed["good"]["signature"]["signer"], "ada@example.org");
    assert_eq!(
        (&signed["reference"], &signed["path"]),
        (&"refs/heads/production".into(), &"clouds/north".into())
    );
    until(&page, "/readyz", |code, _| code == 200);
    until(&page, "/metrics", |_, text| {
        text.contains(r#"lotse_task_last_success{task="images/sim"} 1"#)
    });
    assert!(daemon.terminate().success());
}

/// HMAC-SHA256 under the secret, as another program computes it.
fn signature(body: &str) -> String {
    let mut openssl = Command::new("openssl")
        .args(["dgst", "-sha256", "-hmac", SECRET, "-r"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    openssl.stdin.take().unwrap().write_all(body.as_bytes()).unwrap();
    let output = openssl.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
}

#[test]
fn every_kind_of_server_proves_its_webhooks_and_nobody_else_does() {
    let (place, _sim) = harbour(FOLLOWED);
    let daemon = place.serve();
    let page = daemon.page();
    status(&place, |status| status["verdict"] == "good");
    let proof = signature(PUSH);
    let other = signature("another body");
    for (server, header) in [
        ("GitHub", "x-hub-signature-256: sha256="),
        ("Gitea", "x-gitea-signature: "),
        ("Forgejo", "x-forgejo-signature: "),
    ] {
        assert_eq!(hook(&page, &format!("{header}{other}"), PUSH).0, 401, "{server}");
        assert_eq!(hook(&page, &format!("{header}{proof}"), PUSH).0, 202, "{server}");
    }
    assert_eq!(push(&page, SECRET), 202, "GitLab");
    assert_eq!(push(&page, &proof), 401, "a token is not a signature");
    assert_eq!(hook(&page, "x-unsigned: yes", PUSH).0, 401);
    // A browser on another site, whoever is signed in there, is a server without the secret.
    assert_eq!(hook(&page, "origin: https://evil.example", PUSH).0, 401);
    let elsewhere = r#"{"ref":"refs/heads/topic"}"#;
    let proof = signature(elsewhere);
    assert_eq!(hook(&page, &format!("x-gitea-signature: {proof}"), elsewhere).0, 204);
    // A push of many commits is longer than a form.
    let long = format!(r#"{{"ref":"refs/heads/topic","commits":["{}"]}}"#, "x".repeat(300_000));
    let proof = signature(&long);
    assert_eq!(hook(&page, &format!("x-gitea-signature: {proof}"), &long).0, 204);
    let metrics = get(&page, "/metrics").1;
    assert!(metrics.contains(r#"lotse_estate_webhooks_total{status="401"} 6"#), "{metrics}");
    assert!(daemon.terminate().success());
}

/// How many looks there were, whatever they came to.
fn looks(page: &str) -> i64 {
    let metrics = get(page, "/metrics").1;
    let counts = metrics.lines().filter(|line| line.starts_with("lotse_estate_looks_total{"));
    counts.map(|line| line.rsplit(' ').next().unwrap().parse::<i64>().unwrap()).sum()
}

#[test]
fn a_flood_of_webhooks_ends_with_429_and_costs_a_few_looks() {
    let (place, _sim) = harbour(FOLLOWED);
    let daemon = place.serve();
    let page = &daemon.page();
    let first = status(&place, |status| status["verdict"] == "good");
    let answers: Vec<(u16, String)> = std::thread::scope(|scope| {
        let flood = || {
            let mut answers = Vec::new();
            // At least so many, and until there is nothing more to be had.
            while answers.len() < 50 || answers.iter().all(|(status, _)| *status != 429) {
                answers.push(hook(page, &format!("x-gitlab-token: {SECRET}"), PUSH));
            }
            answers
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(flood)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    for (status, head) in &answers {
        assert!(*status == 202 || (*status == 429 && head.contains("\nretry-after: ")), "{head}");
    }
    let strangers = (0..200).map(|_| push(page, "not the secret, but as long as it is"));
    assert!(strangers.into_iter().all(|status| status == 401));
    assert_eq!((get(page, "/healthz").0, get(page, "/readyz").0), (200, 200));
    // The first look, a burst of four, and one every ten seconds, by the daemon's own clock.
    let time =
        |status: &Value| status["last_look"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let (most, done) = {
        let done = looks(page);
        let last = status(&place, |status| status["verdict"] == "good");
        let seconds = time(&last).duration_since(time(&first)).as_secs();
        (1 + 4 + seconds / 10 + 1, done)
    };
    assert!(done <= most, "{done} looks, at most {most} were allowed");
    assert!(daemon.terminate().success());
}

#[test]
fn a_daemon_that_is_killed_while_it_fetches_loses_nothing() {
    let (place, _sim) = harbour(FOLLOWED);
    // Stands before Git, and holds an answer that is long in the middle, while there is a file
    // `hold`. Short answers (those of the first half of the conversation) pass.
    let (hold, held, release) = (place.path("hold"), place.path("held"), place.path("release"));
    let script = format!(
        "#!/bin/sh\ngit=/usr/bin/git\n[ -e '{hold}' ] || exec $git \"$@\"\n$git \"$@\" | {{\n  \
         dd bs=4096 count=10 2>/dev/null\n  if [ \"$(head -c 1 | wc -c)\" = 1 ]; then touch '{held}'; cat '{release}'; \
         fi\n}}\n",
        hold = hold.display(),
        held = held.display(),
        release = release.display(),
    );
    let stand_in = place.write("bin/git", &script);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(stand_in, mode).unwrap();
    assert!(Command::new("mkfifo").arg(&release).status().unwrap().success());
    let bin = place.path("bin");
    let bin = bin.to_str().unwrap();

    let mut daemon = serve_with(&place, bin);
    let first = status(&place, |status| status["verdict"] == "good");
    place.write("repo/large", &noise(200_000));
    commit(&place, "second");
    std::fs::write(&hold, "").unwrap();
    assert_eq!(push(&daemon.page(), SECRET), 202);
    for round in ["first", "second"] {
        while !held.exists() {
            std::thread::yield_now();
        }
        assert_eq!(place.names_in("state/estate/incoming").len(), 1, "in the middle, {round}");
        let page = daemon.page();
        assert_eq!(get(&page, "/readyz").0, 200);
        let revision = format!("lotse_estate_revision{{commit={}}} 1", first["good"]["commit"]);
        let metrics = get(&page, "/metrics").1;
        assert!(metrics.contains(&revision), "{revision} in {metrics}");
        daemon.kill();
        std::fs::remove_file(&held).unwrap();
        if round == "second" {
            std::fs::remove_file(&hold).unwrap();
        }
        daemon = serve_with(&place, bin);
    }
    let second = status(&place, |status| status["good"]["subject"] == "second");
    assert_eq!(second["verdict"], "good");
    assert_eq!(place.names_in("state/estate/incoming"), [""; 0]);
    assert_eq!(place.names_in("state/estate/revisions").len(), 2);
    assert!(daemon.terminate().success());
    // Lets the stand-ins end.
    drop(std::fs::File::options().write(true).open(release).unwrap());
}

/// Text that no compression makes short, the same at every call.
fn noise(length: usize) -> String {
    let mut state = 0x9e37_79b9_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        char::from(b'!' + u8::try_from(state % 90).unwrap())
    };
    (0..length).map(|_| next()).collect()
}
