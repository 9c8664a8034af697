//! `lotse image latest`: the whole way from recorded listings to files and commits.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use crate::process::{Ended, Place};

fn recorded(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../upstream/tests").join(name)
}

/// Answers one request from the recorded pages.
fn answer(mut stream: TcpStream) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap().trim_start_matches('/').split('?').next().unwrap();
    let page = if path.ends_with('/') { format!("{path}index.html") } else { path.to_owned() };
    let files = std::fs::read_to_string(recorded("upstream/files.txt")).unwrap();
    let is_file = files.lines().any(|line| line.starts_with(&format!("https://{path} ")));
    let body = std::fs::read(recorded("upstream").join(page));
    let status = if is_file || body.is_ok() { "200 OK" } else { "404 Not Found" };
    let body = if head.starts_with("HEAD") { Vec::new() } else { body.unwrap_or_default() };
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\
         last-modified: Thu, 05 Nov 2026 08:00:00 GMT\r\n\r\n"
    );
    // The client may have seen enough.
    stream.write_all(&[answer.as_bytes(), &body].concat()).ok();
}

/// An estate with recorded definitions, and a file of sources that leads to a server of our own.
fn estate() -> (Place, String) {
    let place = Place::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream));
        }
    });
    let mut sources = String::from("mirrors:\n");
    for host in ["cdimage.debian.org", "cloud-images.ubuntu.com", "repo.almalinux.org"] {
        let line = format!("  - {{from: 'https://{host}/', to: '{base}/{host}/'}}\n");
        sources.push_str(&line);
    }
    place.write("sources.yaml", &sources);
    std::fs::create_dir(place.path("images")).unwrap();
    for name in ["debian.yml", "almalinux.yml"] {
        std::fs::copy(recorded("definitions").join(name), place.path("images").join(name)).unwrap();
    }
    let images = place.path("images").display().to_string();
    (place, images)
}

fn latest(place: &Place, images: &str, more: &[&str]) -> Ended {
    let sources = place.path("sources.yaml").display().to_string();
    let fixed = ["image", "latest", "--images", images, "--sources", &sources];
    place.run(&[&fixed, more].concat())
}

#[test]
fn definition_files_follow_upstream_and_say_what_they_did() {
    let (place, images) = estate();
    let before = std::fs::read_to_string(place.path("images/debian.yml")).unwrap();
    let dry = latest(&place, &images, &["--dry-run", "--detailed-exitcode"]).with_code(3);
    assert!(dry.stdout.contains("Debian 13     20261001 → 20261113\n"), "{}", dry.stdout);
    assert!(dry.stdout.contains("+      - version: '20261113'\n"), "{}", dry.stdout);
    assert_eq!(std::fs::read_to_string(place.path("images/debian.yml")).unwrap(), before);

    let written = latest(&place, &images, &["--format", "json"]).with_code(0).json();
    let files: Vec<_> = written["files"].as_array().unwrap().iter().collect();
    assert_eq!(files.len(), 2, "{written:#}");
    assert_eq!(files[1]["changes"][0]["build"]["version"], "20261113");
    let again = latest(&place, &images, &["--detailed-exitcode"]).with_code(0);
    assert!(again.stdout.contains("Debian 13     up to date: 20261113"), "{}", again.stdout);
    place.run(&["image", "check", "--images", &images]).with_code(0);
}

#[test]
fn one_definition_that_fails_does_not_hold_the_others_up() {
    let (place, images) = estate();
    let text = std::fs::read_to_string(place.path("images/debian.yml")).unwrap();
    std::fs::write(place.path("images/debian.yml"), text.replace("/bookworm/", "/gone/")).unwrap();
    let ended = latest(&place, &images, &["--format", "json"]).with_code(1).json();
    let outcome = |at: usize| ended["findings"][at]["outcome"].as_str().unwrap().to_owned();
    let all: Vec<_> = (0..4).map(outcome).collect();
    assert_eq!(all, ["newer", "up-to-date", "unusable", "newer"], "{ended:#}");
    let why = ended["findings"][2]["why"].as_str().unwrap();
    assert!(why.ends_with("/gone/daily/: upstream has nothing there (404)"), "{why}");
    let some = latest(&place, &images, &["--filter", "^Alma"]).with_code(0);
    assert!(!some.stdout.contains("Debian"), "{}", some.stdout);
}

#[test]
fn mistakes_in_sources_and_options_are_told_before_anything_is_asked() {
    let (place, images) = estate();
    let bad = place.write("bad.yaml", "sources:\n  - name: x\n    find: nowhere\n");
    let arguments = ["image", "latest", "--images", &images, "--sources", bad.to_str().unwrap()];
    let ended = place.run(&arguments).with_code(2);
    assert!(ended.stderr.contains("bad.yaml:3:11"), "{}", ended.stderr);
    let ended = latest(&place, &images, &["--filter", "("]).with_code(2);
    assert!(ended.stderr.contains("--filter"), "{}", ended.stderr);
    latest(&place, &images, &["--branch", "x"]).with_code(2);
}

#[test]
fn ages_and_ends_of_life_are_told_without_asking_anybody() {
    let (place, images) = estate();
    let ends = "state: 2020-01-01\nproducts:\n  - name: debian\n    definitions: '^Debian (?<release>\\d+)'\n    \
        releases: [{release: '12', eol: 2020-01-01}, {release: '14', eol: 2999-01-01}]\n";
    let ends = place.write("ends.yaml", ends).display().to_string();
    let check = ["image", "latest", "--images", &images, "--check-age", "--max-age", "36500"];
    let ended = place.run(&[&check[..], &["--end-of-life", &ends]].concat()).with_code(4);
    assert!(ended.stdout.contains("debian 12 ended on 2020-01-01"), "{}", ended.stdout);
    assert!(ended.stdout.contains("debian 14 is out and has no definition"), "{}", ended.stdout);
    let cycles = place.write("debian.json", "[{\"cycle\": \"12\", \"eol\": \"2999-01-01\"}]");
    let refresh = format!("debian={}", cycles.display());
    let options = ["--end-of-life", &ends, "--end-of-life", &refresh, "--format", "json"];
    let ages = place.run(&[&check[..], &options].concat()).with_code(0).json();
    assert_eq!(ages["missing"], serde_json::json!([]), "{ages:#}");
    assert_eq!(ages["ages"][2]["end"]["phase"], "supported", "{ages:#}");
}
