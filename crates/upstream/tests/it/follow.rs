//! All distributions from their listings to their files.

use lotse_upstream::{Catalogue, Finding, History, Outcome, Update, look, updates};

use crate::server::{Upstream, client, recorded};

/// The definitions as they are on a disk of their own.
pub(crate) fn estate() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(recorded("definitions")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), place.path().join(file.file_name())).unwrap();
    }
    place
}

pub(crate) async fn found(
    upstream: &Upstream,
    catalogue: &Catalogue,
) -> (Vec<(usize, Finding)>, Vec<Update>) {
    let all: Vec<_> = catalogue.definitions.iter().collect();
    let findings = look(&all, &upstream.sources(), &client()).await;
    let mut findings: Vec<_> = findings.into_iter().enumerate().collect();
    let updates = updates(catalogue, &mut findings, History::Keep);
    (findings, updates)
}

#[tokio::test]
async fn every_distribution_is_followed_and_a_second_look_finds_nothing() {
    let upstream = Upstream::start().await;
    let place = estate();
    let catalogue = Catalogue::load(place.path()).unwrap();
    let (findings, updates) = found(&upstream, &catalogue).await;
    let newer = |finding: &Finding| matches!(finding.outcome, Outcome::Newer { .. });
    let names: Vec<_> = findings
        .iter()
        .filter(|(_, finding)| newer(finding))
        .map(|(_, finding)| finding.definition.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "AlmaLinux 9",
            "CentOS Stream 9",
            "Debian 13",
            "Fedora 43",
            "Flatcar Container Linux",
            "Garden Linux",
            "openSUSE Leap 16.0",
            "OPNsense",
            "Rocky 9",
            "Talos Linux",
            "Ubuntu 24.04",
            "Ubuntu 24.04 Minimal",
            "Ubuntu 26.04",
        ],
        "{findings:#?}"
    );
    assert!(findings.iter().all(|(_, finding)| !finding.outcome.is_trouble()), "{findings:#?}");
    let asked = upstream.asked();
    let mut once = asked.clone();
    once.dedup();
    assert_eq!(asked, once, "no address is asked twice");
    for update in &updates {
        update.write().unwrap();
    }

    let catalogue = Catalogue::load(place.path()).unwrap();
    let (findings, updates) = found(&upstream, &catalogue).await;
    assert_eq!(updates, [], "{findings:#?}");
    assert!(
        findings.iter().all(|(_, finding)| matches!(finding.outcome, Outcome::UpToDate { .. }))
    );
}

#[tokio::test]
async fn the_difference_shows_the_new_entry_and_nothing_else() {
    let upstream = Upstream::start().await;
    let catalogue = Catalogue::load(&recorded("definitions/debian.yml")).unwrap();
    let (_, updates) = found(&upstream, &catalogue).await;
    let diff = updates[0].diff();
    let changed = diff.lines().skip(2).filter(|line| line.starts_with(['+', '-']));
    let changed: Vec<_> = changed.collect();
    let line = |text: &str| diff.lines().any(|line| line.trim_end() == text);
    assert!(
        line("+      - version: '20261113'") && line("+        build_date: 2026-11-13"),
        "{diff}"
    );
    assert_eq!(changed.len(), 8, "{diff}");
    assert!(changed.iter().all(|line| line.starts_with('+')), "nothing goes: {diff}");
    assert!(diff.contains("/openstack-images/debian-13/20261113-debian-13.qcow2"), "{diff}");
}

#[tokio::test]
async fn a_file_that_somebody_changed_meanwhile_is_left_alone() {
    let upstream = Upstream::start().await;
    let place = estate();
    let catalogue = Catalogue::load(&place.path().join("debian.yml")).unwrap();
    let (_, updates) = found(&upstream, &catalogue).await;
    std::fs::write(place.path().join("debian.yml"), "images: [] # mine\n").unwrap();
    let error = updates[0].write().unwrap_err();
    assert!(error.to_string().contains("was changed by somebody else"), "{error}");
    let text = std::fs::read_to_string(place.path().join("debian.yml")).unwrap();
    assert_eq!(text, "images: [] # mine\n");
}
