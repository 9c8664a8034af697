use super::*;
use crate::model::UpstreamChecksum;

const WHOLE: &str = r#"---
images:
  - name: Harbour Linux 1
    enable: true
    shortname: harbour-1
    format: qcow2
    login: pilot
    password: gosafe
    min_disk: 10
    min_ram: 512
    status: active
    visibility: public
    multi: true
    keep: false
    separator: " "
    meta:
      architecture: x86_64
      hw_disk_bus: null
      hw_vif_multiqueue_enabled: true
      hw_qemu_guest_agent: yes
      hypervisor_type: qemu
      os_distro: debian
      os_version: '1'
      os_purpose: generic
      os_secure_boot: optional
      hotfix_hours: 24
      load: 1.10
      replace_frequency: monthly
      uuid_validity: last-3
      provided_until: 2030-01-31
    tags: [harbour]
    latest_url:
      https://example.org/harbour/latest.qcow2
    latest_checksum_url: https://example.org/harbour/SHA512SUMS
    versions:
      - version: '20240901'
        url: https://example.org/harbour/20240901.qcow2
        build_date: "2024-09-01"
        meta:
          patchlevel: "7"
          os_version: '1.7'
      - version: '20240819'
        url:
          https://example.org/harbour/20240819.qcow2
        mirror_url: https://mirror.example.org/20240819.qcow2
        checksum: "sha256:669bd580dcef5491d4dfd5724d252cce7cde1b2b33a3ca951e688d71386875e3"
        build_date: 2024-08-19
        os_version: '1.6'
        visibility: community
        hidden: true
        id: 6c1d1b1c-2a55-4f6f-9a56-d7e4f1f3f6a1
        source: https://example.org/harbour
  - name: Appliance
    enable: false
    format: raw
    login: root
    min_ram: 0
    status: deactivated
    visibility: private
    multi: false
    separator: "-"
    meta: {image_description: appliances}
    tags: []
    versions:
      - {version: '9', url: 'file:///srv/a/b.raw', build_date: 2024-08-19 12:00:00}
      - {version: '10', url: 'https://example.org/10.raw'}
      - {version: latest, url: 'https://example.org/l.raw', checksum_url: 'https://example.org/l.sha'}
"#;

fn file(name: &str, text: &str) -> SourceFile {
    SourceFile::new(name, text)
}

/// The complaints as `file:line message | help`.
fn complaints(files: &[(&str, &str)]) -> Vec<String> {
    let sources: Vec<_> = files.iter().map(|(name, text)| file(name, text)).collect();
    let Err(DeclaredError::Invalid { diagnostics }) = Catalog::from_sources(&sources) else {
        panic!("the files were accepted")
    };
    diagnostics
        .iter()
        .map(|found| {
            let help = found.help.as_ref().map(|help| format!(" | {help}")).unwrap_or_default();
            format!("{}:{} {}{help}", found.file, found.span.line, found.message)
        })
        .collect()
}

/// A small definition whose lines can be replaced.
fn small(name: &str, versions: &str) -> String {
    format!(
        "images:\n- name: {name}\n  format: qcow2\n  login: x\n  status: active\n  visibility: public\n  multi: true\n  \
         versions:\n{versions}"
    )
}

const ONE: &str = "  - {version: '1', url: 'https://example.org/1'}\n";

#[test]
fn every_field_of_the_format_arrives() {
    let catalog = Catalog::from_sources(&[file("a.yml", WHOLE)]).unwrap();
    let [harbour, appliance] = catalog.definitions.as_slice() else { panic!() };
    assert!(harbour.enabled && harbour.multi && !appliance.enabled && !appliance.multi);
    let versions: Vec<_> = harbour.versions.iter().map(|version| &*version.version).collect();
    assert_eq!(versions, ["20240819", "20240901"]);
    assert_eq!(harbour.final_name("20240901"), "Harbour Linux 1");
    assert_eq!(harbour.final_name("20240819"), "Harbour Linux 1 (20240819)");
    let old = &harbour.versions[0];
    assert_eq!(old.source().as_str(), "https://mirror.example.org/20240819.qcow2");
    assert_eq!(old.checksum.as_ref().unwrap().algorithm().as_str(), "sha256");
    assert_eq!(
        (old.hidden, old.visibility),
        (Some(true), Some(crate::model::Visibility::Community))
    );
    assert!(old.id.is_some());
    let versions: Vec<_> = appliance.versions.iter().map(|version| &*version.version).collect();
    assert_eq!(versions, ["9", "10", "latest"]);
    assert_eq!(appliance.final_name("10"), "Appliance-10");
    assert_eq!(appliance.versions[0].build_date, Some(jiff::civil::date(2024, 8, 19)));
    assert_eq!(appliance.description(), "appliances");
    assert!(matches!(appliance.versions[2].latest, Some(UpstreamChecksum::Single(_))));
    assert_eq!(appliance.origin.to_string(), "a.yml:53");
}

#[test]
fn properties_have_the_values_and_the_precedence_of_the_python_tool() {
    let catalog = Catalog::from_sources(&[file("a.yml", WHOLE)]).unwrap();
    let harbour = &catalog.definitions[0];
    let old = harbour.properties(&harbour.versions[0]);
    let expected = [
        ("architecture", "x86_64"),
        ("hotfix_hours", "24"),
        ("hw_disk_bus", "None"),
        ("hw_qemu_guest_agent", "True"),
        ("hw_vif_multiqueue_enabled", "True"),
        ("hypervisor_type", "qemu"),
        ("image_build_date", "2024-08-19"),
        ("image_description", "Harbour Linux 1"),
        ("image_name", "Harbour Linux 1"),
        ("image_original_user", "pilot"),
        ("image_source", "https://example.org/harbour/20240819.qcow2"),
        ("internal_version", "20240819"),
        ("load", "1.1"),
        ("os_distro", "debian"),
        ("os_purpose", "generic"),
        ("os_secure_boot", "optional"),
        ("os_version", "1.6"),
        ("provided_until", "2030-01-31"),
        ("replace_frequency", "monthly"),
        ("uuid_validity", "last-3"),
    ];
    let old: Vec<_> = old.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(old, expected);
    let new = harbour.properties(&harbour.versions[1]);
    assert_eq!((&*new["os_version"], &*new["patchlevel"]), ("1.7", "7"));
    let appliance = &catalog.definitions[1];
    let first = appliance.properties(&appliance.versions[0]);
    assert_eq!((&*first["os_version"], &*first["image_source"]), ("9", "file:b.raw"));
}

#[test]
fn versions_that_are_not_text_are_refused_with_what_to_write() {
    let text = small(
        "A",
        "  - {version: 20240819, url: 'https://h/1'}\n  - {version: 1.10, url: 'https://h/1'}\n  \
         - {version: 2024-08-19, url: 'https://h/1'}\n",
    );
    assert_eq!(
        complaints(&[("a.yml", &text)]),
        [
            "a.yml:9 `20240819` is read as an integer (YAML 1.1), but \"version\" must be text | \
             write \"20240819\" if the text is meant",
            "a.yml:10 `1.10` is read as a floating-point number (YAML 1.1), but \"version\" must be text | \
             write \"1.10\" if the text is meant",
            "a.yml:11 `2024-08-19` is read as a date (YAML 1.1), but \"version\" must be text | \
             write \"2024-08-19\" if the text is meant",
        ]
    );
}

#[test]
fn names_versions_and_ids_given_twice_are_complained_about_with_both_places() {
    let first = small(
        "A",
        "  - {version: '1', url: 'https://h/1'}\n  - {version: '1', url: 'https://h/2'}\n",
    );
    let second = small("A", ONE);
    assert_eq!(
        complaints(&[("a.yml", &first), ("b.yml", &second)]),
        [
            "a.yml:10 the version \"1\" is given twice; first in a.yml:9 | rename or remove one of the two",
            "b.yml:2 the image \"A\" is given twice; first in a.yml:2 | rename or remove one of the two",
        ]
    );
    let third = small("A (1)", ONE);
    assert_eq!(
        complaints(&[("a.yml", &small("A", ONE)), ("b.yml", &third)]),
        [
            "b.yml:2 the name in the cloud \"A (1)\" is given twice; first in a.yml:9 | rename or remove one of the two"
        ]
    );
    let id = "  - {version: '1', url: 'https://h/1', id: 6c1d1b1c-2a55-4f6f-9a56-d7e4f1f3f6a1}\n";
    assert!(
        complaints(&[("a.yml", &small("A", id)), ("b.yml", &small("B", id))])[0].contains("the id")
    );
}

#[test]
fn complaints_of_all_files_come_together() {
    let files = [
        ("a.yml", "imges: []\n"),
        ("b.yml", "images: []\n"),
        ("c.yml", &small("A", "  - {version: '1', url: 'example.org'}\n")),
        ("d.yml", &small("B", "  - {version: latest, url: 'https://h/1'}\n")),
        ("e.yml", &small("C", "  - {version: '1', url: 'https://h/1', checksum: 'sha512:00'}\n")),
        ("f.yml", &small("D", "  - {version: '1', url: 'https://h/1', build_date: 2024-19-08}\n")),
        (
            "g.yml",
            &small(
                "E",
                "  - {version: '1', url: 'https://h/1', meta: {os_purpose: general, name: x}}\n",
            ),
        ),
        (
            "h.yml",
            &small(
                "F",
                "  - {version: '1', url: 'https://h/1', meta: {uuid_validity: last-0, min_disk: 3}}\n",
            ),
        ),
    ];
    assert_eq!(
        complaints(&files),
        [
            "a.yml:1 unknown key \"imges\" | did you mean \"images\"?",
            "a.yml:1 the key \"images\" is missing | images: The images.",
            "b.yml:1 the list needs at least 1 item",
            "f.yml:9 `2024-19-08` cannot be read: it has the form of a date, but there is no such date | \
             write \"2024-19-08\" if the text is meant",
            "g.yml:9 \"os_purpose\" cannot be \"general\" | did you mean \"generic\"?",
            "c.yml:9 this is not a URL | write a URL that begins with https://, http://, ftp:// or file:///",
            "d.yml:9 the version \"latest\" needs \"checksums_url\" or \"checksum_url\"",
            "e.yml:9 a sha512 checksum has 128 hexadecimal digits, not 2 | \
             write <algorithm>:<digits>, for example sha512:…",
            "h.yml:9 \"min_disk\" cannot be a property: it is a field of the image itself",
            "h.yml:9 \"uuid_validity\" cannot be \"last-0\" | write none, notice, forever, last-N (N from 1) or a date",
        ]
    );
}

#[test]
fn what_is_said_of_signatures_is_checked_where_it_stands() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let key = include_str!("../../tests/it/signed/publisher.key");
    std::fs::write(path("a.key"), key).unwrap();
    std::fs::write(path("b.key"), "no key\n").unwrap();
    std::fs::create_dir(path("keys")).unwrap();
    std::fs::write(path("keys/a.asc"), key).unwrap();
    let version = |more: &str| format!("  - {{version: '1', url: 'https://h/d/1.img', {more}}}\n");
    let file = |name: &str, more: &str| (path(name), small(name, &version(more)));
    let signed = |by: &str| format!("checksums_url: S, signed_by: {by}");
    let unknown = "0".repeat(40);
    let files = [
        file("a.yml", "signed_by: a.key"),
        file("b.yml", &signed("missing.key")),
        file("c.yml", &signed("b.key")),
        file("d.yml", &signed(&format!("'{unknown}'"))),
        file("e.yml", "checksums_signature_url: S.asc"),
        file("f.yml", "checksums_url: S"),
        file("g.yml", "checksums_url: 'file:///S', signed_by: a.key"),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (&**name, &**text)).collect();
    let here = format!("{}/", dir.path().display());
    let found: Vec<String> =
        complaints(&files).iter().map(|line| line.replace(&here, "")).collect();
    let help = "name a file with armoured public keys, relative to this file, or the fingerprint of a key \
                in the directory \"keys\" beside it";
    assert_eq!(
        found,
        [
            "a.yml:9 what is signed is a list of checksums: \"signed_by\" needs \"checksums_url\"".to_owned(),
            format!("b.yml:9 missing.key: No such file or directory (os error 2) | {help}"),
            format!("c.yml:9 b.key: the key cannot be read: there is no such block in it | {help}"),
            format!("d.yml:9 no file in keys holds the key {unknown} | {help}"),
            "e.yml:9 \"checksums_signature_url\" needs \"signed_by\": the keys that count".to_owned(),
            "f.yml:9 \"checksums_url\" goes with the version \"latest\" only | give the checksum itself as \
             \"checksum\", or say by whom a list is signed (\"signed_by\")"
                .to_owned(),
            "g.yml:9 a checksum is fetched from https:// or http://".to_owned(),
        ]
    );
    let by = "9D28 18C7 0411 CDCC 45A5  CE34 5D0A C758 BDA0 9B32";
    for by in ["a.key", by] {
        let text = small("A", &version(&signed(&format!("'{by}'"))));
        let source = SourceFile::new(path("good.yml"), text);
        let catalog = Catalog::from_sources(&[source]).unwrap();
        let signed = catalog.definitions[0].versions[0].signed.clone().unwrap();
        assert_eq!(signed.list.as_str(), "https://h/d/S");
        assert!(signed.signature.is_none());
        assert_eq!(signed.keys.fingerprints(), ["9d2818c70411cdcc45a5ce345d0ac758bda09b32"]);
    }
}

#[test]
fn a_directory_is_read_in_the_order_of_names_and_other_files_are_ignored() {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("b.yaml", small("B", ONE)),
        ("a.yml", small("A", ONE)),
        ("README.md", "# {not: yaml".to_owned()),
    ] {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    let catalog = Catalog::load(dir.path()).unwrap();
    let names: Vec<_> = catalog.definitions.iter().map(|definition| &*definition.name).collect();
    assert_eq!(names, ["A", "B"]);
    assert_eq!(Catalog::load(&dir.path().join("b.yaml")).unwrap().definitions.len(), 1);
}

#[test]
fn a_directory_without_definitions_and_a_path_without_anything_say_so() {
    let dir = tempfile::tempdir().unwrap();
    let error = Catalog::load(dir.path()).unwrap_err().to_string();
    assert!(error.ends_with("holds no file whose name ends in .yml or .yaml"), "{error}");
    let error = Catalog::load(&dir.path().join("none")).unwrap_err().to_string();
    assert!(error.ends_with("none cannot be read"), "{error}");
}

#[test]
fn the_published_schema_describes_every_field() {
    let schema = schema();
    for (name, properties) in [("Image", 24), ("Version", 16)] {
        let all = schema.pointer(&format!("/$defs/{name}/properties")).unwrap();
        let all = all.as_object().unwrap();
        assert_eq!(all.len(), properties, "{name}");
        for (key, property) in all {
            let described = property.get("description").is_some();
            assert!(described, "{name}.{key} has no description: {property}");
        }
    }
}

/// The catalogue that the Python tool ships; `cargo xtask bench` sets the path.
#[test]
#[ignore = "real: needs LOTSE_OIM_CATALOG, the etc/images directory of openstack-image-manager"]
fn the_shipped_catalogue_of_the_python_tool_loads_unchanged() {
    #[expect(clippy::disallowed_methods, reason = "the path is the test's parameter")]
    let path = std::env::var("LOTSE_OIM_CATALOG").expect("LOTSE_OIM_CATALOG names the directory");
    match Catalog::load(Path::new(&path)) {
        Ok(catalog) => {
            let versions: usize =
                catalog.definitions.iter().map(|image| image.versions.len()).sum();
            assert!(catalog.definitions.len() >= 30 && versions >= catalog.definitions.len());
        }
        Err(error) => panic!("{}", error.report()),
    }
}
