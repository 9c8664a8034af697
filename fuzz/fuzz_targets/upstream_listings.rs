//! What upstreams list: any page, checksum file or JSON is read or refused, and what is found has the
//! form of a version, a URL and a checksum.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use lotse_core::declared::SourceFile;
use lotse_upstream::{Answer, Answers, Catalogue, History, Outcome, Sources, Step, edit, search};

const DEFINITIONS: &str = "images:\n  - name: Debian 13\n    format: qcow2\n    shortname: d\n    \
    meta: {os_distro: debian}\n    versions:\n      - version: '20261001'\n        checksum: sha512:00\n        \
    url: https://h.example/c/20261001-1/debian-13-genericcloud-amd64-20261001-1.qcow2\n  - name: Garden Linux\n    \
    versions:\n      - version: '1'\n        url: https://github.com/gardenlinux/gardenlinux/releases/download/1/openstack-gardener_prod-amd64-1-0.tar.xz\n";

/// Compiled once: the patterns take longer than a run.
static SOURCES: LazyLock<Option<Sources>> = LazyLock::new(|| Sources::built_in().ok());

fuzz_target!(|text: &str| {
    let base = url::Url::parse("https://h.example/c/");
    for name in base
        .ok()
        .and_then(|base| lotse_upstream::listing::names(&base, text).ok())
        .unwrap_or_default()
    {
        assert!(!name.trim_end_matches('/').contains('/'), "an entry of another directory");
    }
    let entries = lotse_transfer::manifest::entries(text);
    drop(lotse_transfer::manifest::find(&entries, "a", true));
    let source = SourceFile::new("fuzz.yml", DEFINITIONS);
    let catalogue = Catalogue::from_sources(vec![("fuzz.yml".into(), source)], Vec::new());
    let (Ok(catalogue), Some(sources)) = (catalogue, &*SOURCES) else { return };
    for definition in &catalogue.definitions {
        let mut answers = Answers::new();
        let finding = loop {
            match search(definition, sources, &answers) {
                Step::Done(finding) => break finding,
                // The same text is the listing and the checksum file.
                Step::Ask(request) => {
                    let answer = match request {
                        lotse_upstream::Request::Text(_) => Answer::Text(text.to_owned()),
                        lotse_upstream::Request::File(_) => Answer::File(None),
                        lotse_upstream::Request::Hash(..) => return,
                    };
                    assert!(answers.insert(request, Ok(answer)).is_none(), "asked twice");
                }
            }
        };
        if let Outcome::Newer { build, .. } = finding.outcome {
            let edited = edit(DEFINITIONS, definition, &build, History::Keep);
            assert!(edited.is_ok(), "what was found can be written: {build:?}");
        }
    }
});
