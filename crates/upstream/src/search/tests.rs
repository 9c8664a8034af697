//! Recorded pages of upstream in, findings out.

use std::path::{Path, PathBuf};

use lotse_core::declared::SourceFile;

use super::*;
use crate::Catalogue;

fn recorded() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upstream")
}

/// What the recorded upstream answers.
fn answer(request: &Request) -> Result<Answer, FetchError> {
    let missing = || FetchError::NotFound { url: request.url().to_owned(), status: 404 };
    match request {
        Request::Text(url) => {
            let path = url.trim_start_matches("https://").split('?').next().unwrap();
            let path =
                if path.ends_with('/') { format!("{path}index.html") } else { path.to_owned() };
            let text = std::fs::read_to_string(recorded().join(path)).map_err(|_| missing())?;
            Ok(Answer::Text(text))
        }
        Request::File(url) => {
            let files = std::fs::read_to_string(recorded().join("files.txt")).unwrap();
            let mut lines = files.lines().filter_map(|line| line.split_once(' '));
            let (_, made) = lines.find(|(file, _)| file == url).ok_or_else(missing)?;
            Ok(Answer::File(Some(made.parse().unwrap())))
        }
        Request::Hash(_, algorithm) => {
            Ok(Answer::Hash(Checksum::new(*algorithm, &"c".repeat(algorithm.digits())).unwrap()))
        }
    }
}

fn catalogue(name: &str) -> Catalogue {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/definitions").join(name);
    Catalogue::load(&path).unwrap()
}

/// Searches until it is over; also says what was asked.
fn found(definition: &Definition) -> (Finding, Vec<Request>) {
    let sources = Sources::built_in().unwrap();
    let mut answers = Answers::new();
    let mut asked = Vec::new();
    loop {
        match search(definition, &sources, &answers) {
            Step::Done(finding) => return (finding, asked),
            Step::Ask(request) => {
                assert!(asked.len() < 10, "no end: {asked:#?}");
                asked.push(request.clone());
                let answer = answer(&request);
                answers.insert(request, answer);
            }
        }
    }
}

/// Version, date and the end of the URL of what was found, by definition.
fn newer(file: &str, index: usize) -> (String, String, String, Option<Checksum>) {
    let catalogue = catalogue(file);
    let (finding, _) = found(&catalogue.definitions[index]);
    let Outcome::Newer { build, .. } = finding.outcome else { panic!("{finding:#?}") };
    let date = build.build_date.unwrap().to_string();
    (build.version, date, build.url, build.checksum)
}

fn up_to_date(file: &str, index: usize) -> &'static str {
    let catalogue = catalogue(file);
    let (finding, _) = found(&catalogue.definitions[index]);
    let Outcome::UpToDate { why, .. } = finding.outcome else { panic!("{finding:#?}") };
    why
}

#[test]
fn almalinux_is_found_in_its_checksum_file_by_the_dated_name() {
    let (version, date, url, checksum) = newer("almalinux.yml", 0);
    assert_eq!((version.as_str(), date.as_str()), ("20261102", "2026-11-02"));
    assert!(
        url.ends_with("/9/cloud/x86_64/images/AlmaLinux-9-GenericCloud-9.8-20261102.x86_64.qcow2")
    );
    assert_eq!(checksum.unwrap().algorithm(), Algorithm::Sha256);
    assert_eq!(up_to_date("almalinux.yml", 1), "the checksum is the same");
}

#[test]
fn rocky_is_found_behind_its_link_by_the_day_it_was_made() {
    let (version, date, url, _) = newer("rockylinux.yml", 0);
    assert_eq!((version.as_str(), date.as_str()), ("20261105", "2026-11-05"));
    assert!(url.ends_with("Rocky-9-GenericCloud.latest.x86_64.qcow2"));
    assert_eq!(up_to_date("rockylinux.yml", 1), "the checksum is the same");
}

#[test]
fn centos_stream_is_found_although_its_link_is_a_pattern() {
    let (version, _, url, _) = newer("centos.yml", 0);
    assert_eq!(version, "20261110");
    assert!(url.ends_with("/CentOS-Stream-GenericCloud-9-20261110.0.x86_64.qcow2"));
    // The file says 20261001 for the build of 20260930: nothing to be done.
    assert_eq!(up_to_date("centos.yml", 1), "upstream lists nothing newer");
}

#[test]
fn a_directory_that_debian_is_still_filling_is_passed_over() {
    let (version, date, url, checksum) = newer("debian.yml", 1);
    assert_eq!((version.as_str(), date.as_str()), ("20261113", "2026-11-13"));
    assert!(url.ends_with("/20261113-2661/debian-13-genericcloud-amd64-daily-20261113-2661.qcow2"));
    assert_eq!(checksum.unwrap().algorithm(), Algorithm::Sha512);
    assert_eq!(up_to_date("debian.yml", 0), "the checksum is the same");
}

#[test]
fn ubuntu_is_found_in_its_directories_and_builds_of_one_day_are_told_apart() {
    let (version, _, url, _) = newer("ubuntu.yml", 0);
    assert_eq!(version, "20261108.1");
    assert!(url.ends_with("/noble/20261108.1/noble-server-cloudimg-amd64.img"));
    let (version, _, url, _) = newer("ubuntu.yml", 1);
    assert_eq!(version, "20261020");
    assert!(url.contains("/release-20261020/"), "{url}");
}

#[test]
fn what_was_built_again_under_the_same_version_gets_a_version_of_its_own() {
    let (version, date, ..) = newer("ubuntu.yml", 2);
    assert_eq!((version.as_str(), date.as_str()), ("20260927.1", "2026-09-27"));
    assert_eq!(again("20260927", "20260927.1"), "20260927.2");
    assert_eq!(repeated("1.11", "1.11.3"), None);
}

#[test]
fn fedora_is_found_in_its_list_of_releases() {
    let (version, date, url, checksum) = newer("fedora.yml", 0);
    assert_eq!((version.as_str(), date.as_str()), ("20261022", "2026-10-22"));
    assert!(url.ends_with("/Fedora-Cloud-Base-Generic-43-1.6.x86_64.qcow2"), "{url}");
    assert!(checksum.is_some());
}

#[test]
fn opensuse_is_found_although_its_checksum_file_names_another_file() {
    let (version, ..) = newer("opensuse.yml", 0);
    assert_eq!(version, "20261103");
}

#[test]
fn flatcar_is_found_in_its_version_file_with_the_strongest_of_its_digests() {
    let (version, date, url, checksum) = newer("flatcar.yml", 0);
    assert_eq!((version.as_str(), date.as_str()), ("4459.2.1", "2026-10-27"));
    assert!(url.ends_with("/amd64-usr/4459.2.1/flatcar_production_openstack_image.img"));
    assert_eq!(checksum.unwrap().algorithm(), Algorithm::Sha512);
}

#[test]
fn talos_is_found_among_its_releases_without_the_previews_and_its_checksum_computed() {
    let (version, date, url, checksum) = newer("talos.yml", 0);
    assert_eq!((version.as_str(), date.as_str()), ("1.12.4", "2026-11-10"));
    assert!(url.ends_with("/v1.12.4/openstack-amd64.raw.xz"));
    assert_eq!(checksum.unwrap().to_string(), format!("sha512:{}", "c".repeat(128)));
}

#[test]
fn garden_linux_is_found_among_the_files_of_its_releases() {
    let (version, _, url, checksum) = newer("gardenlinux.yml", 0);
    assert_eq!(version, "2150.1.0");
    assert!(url.ends_with("/2150.1.0/openstack-gardener_prod-amd64-2150.1.0-0a1b2c3d.tar.xz"));
    assert!(checksum.is_some());
}

#[test]
fn opnsense_is_found_in_the_listing_of_a_mirror() {
    let (version, date, url, _) = newer("opnsense.yml", 0);
    assert_eq!((version.as_str(), date.as_str()), ("26.7", "2026-07-22"));
    assert!(url.ends_with("/26.7/OPNsense-26.7-nano-amd64.img.bz2"));
}

#[test]
fn every_definition_of_the_examples_has_a_source() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/estate/images");
    let catalogue = Catalogue::load(&path).unwrap();
    let sources = Sources::built_in().unwrap();
    for definition in &catalogue.definitions {
        // The examples name AlmaLinux by its link without saying so; all others have their own.
        assert!(sources.of(definition).is_some(), "{}", definition.name);
    }
}

/// One definition with one version, and one answer to everything that is asked for text.
fn with(version: &str, page: &Result<&str, FetchError>, source: &str) -> Outcome {
    let text = format!(
        "images:\n  - name: X\n    versions:\n      - version: '{version}'\n        url: https://h.example/x/1/x.img\n"
    );
    let file = SourceFile::new("x.yml", text);
    let catalogue = Catalogue::from_sources(vec![("x.yml".into(), file)], Vec::new()).unwrap();
    let sources = Sources::from_source(&SourceFile::new("s.yaml", source), true).unwrap();
    let mut answers = Answers::new();
    loop {
        match search(&catalogue.definitions[0], &sources, &answers) {
            Step::Done(finding) => return finding.outcome,
            Step::Ask(request @ Request::Text(_)) => {
                let answer = page.clone().map(|text| Answer::Text(text.to_owned()));
                assert!(answers.insert(request, answer).is_none());
            }
            Step::Ask(request) => {
                assert!(answers.insert(request, Ok(Answer::File(None))).is_none());
            }
        }
    }
}

const LISTING: &str = "builtin: false\nsources:\n  - name: own\n    match: {url: '^(?<base>.+/)[^/]+/x.img$'}\n    \
    find:\n      listing: {url: '{base}', entry: '^(?<version>[^/]+)/$'}\n    url: '{base}{version}/x.img'\n";

#[test]
fn a_definition_never_goes_back() {
    let page = "<html><a href=\"1.9/\">x</a><a href=\"1.10/\">x</a></html>";
    assert!(matches!(with("1.11", &Ok(page), LISTING), Outcome::UpToDate { .. }));
    assert!(matches!(with("1.10", &Ok(page), LISTING), Outcome::UpToDate { .. }));
    let Outcome::Newer { from, build } = with("1.9", &Ok(page), LISTING) else { panic!() };
    assert_eq!((from.as_str(), build.version.as_str()), ("1.9", "1.10"));
}

#[test]
fn what_cannot_be_used_says_why() {
    let unusable = |page: &str| match with("1", &Ok(page), LISTING) {
        Outcome::Unusable { why } => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        unusable("<html><a href=\"2/\">"),
        "https://h.example/x/: the listing is cut off: its end is missing"
    );
    assert_eq!(unusable("<html></html>"), "https://h.example/x/ lists no build that fits");
    let hostile = unusable("<html><a href=\"9%20%22:%20evil/\">x</a></html>");
    assert!(hostile.contains("holds no blanks"), "{hostile}");
    let hostile = unusable("<html><a href=\"9'{}/\">x</a></html>");
    assert!(hostile.contains("has not the form of a version"), "{hostile}");
    let failed = FetchError::Failed { url: "https://h.example/x/".into(), why: "500".into() };
    let Outcome::Failed { why } = with("1", &Err(failed), LISTING) else { panic!() };
    assert_eq!(why, "https://h.example/x/: 500");
}

#[test]
fn a_new_version_is_not_written_with_an_old_checksum() {
    let text = "images:\n  - name: X\n    versions:\n      - version: '1'\n        checksum: sha256:00\n        \
        url: https://h.example/x/1/x.img\n";
    let file = SourceFile::new("x.yml", text);
    let catalogue = Catalogue::from_sources(vec![("x.yml".into(), file)], Vec::new()).unwrap();
    let sources = Sources::from_source(&SourceFile::new("s.yaml", LISTING), true).unwrap();
    let page = Answer::Text("<html><a href=\"2/\">x</a></html>".to_owned());
    let mut answers: Answers =
        [(Request::Text("https://h.example/x/".to_owned()), Ok(page))].into();
    answers.insert(Request::File("https://h.example/x/2/x.img".to_owned()), Ok(Answer::File(None)));
    let Step::Done(finding) = search(&catalogue.definitions[0], &sources, &answers) else {
        panic!()
    };
    let Outcome::Unusable { why } = finding.outcome else { panic!("{finding:?}") };
    assert!(why.contains("publishes no checksum"), "{why}");
}
