//! Content that passes through us on its way to Glance.

use lotse_images::ImportPreference;
use lotse_sim::{Effect, Fault, SimCloud, SimOptions};
use serde_json::json;
use sha2::Digest;

use crate::mirror::{VIRTUAL_SIZE, sha256, sha512};
use crate::stage::{Stage, file};

/// A definition whose checksum Glance does not compute.
pub(crate) fn with_sha256(stage: &Stage, name: &str, version: &str) -> String {
    let text = stage.definition(name, &[version], "");
    let file = file(name, version);
    text.replace(&format!("sha512:{}", sha512(&file)), &format!("sha256:{}", sha256(&file)))
}

fn left(stage: &Stage) -> usize {
    std::fs::read_dir(stage.directory.path()).unwrap().count()
}

pub(crate) async fn content_with_a_sha256_is_verified_before_glance_gets_it(stage: &Stage) {
    let catalog = Stage::catalog(&[with_sha256(stage, "Debian 13", "1")]);
    let plan = stage.plan(&catalog).await;
    let way = plan.steps()[0].changes.iter().find(|change| change.field == "import").unwrap();
    assert_eq!((&way.after, plan.notes().len()), (&json!("glance-direct"), 0));
    stage.converge(&catalog).await;
    assert_eq!(stage.shown().await, ["Debian 13: public active"]);
    let image = stage.images().await.remove(0);
    let file = file("Debian 13", "1");
    assert_eq!(image.os_hash_value, Some(sha512(&file)));
    assert_eq!(image.property("lotse_verified"), Some(&*format!("sha256:{}", sha256(&file))));
    assert_eq!((image.virtual_size, image.min_disk), (Some(VIRTUAL_SIZE), 3));
    assert!(stage.plan(&catalog).await.is_empty());
    assert_eq!(left(stage), 0, "the download is removed");
}

pub(crate) async fn content_with_another_sha256_never_reaches_glance(stage: &Stage) {
    let file = file("Debian 13", "1");
    let text = with_sha256(stage, "Debian 13", "1");
    let catalog = Stage::catalog(&[text.replace(&sha256(&file), &"0".repeat(64))]);
    let failures = stage.failures(&catalog).await;
    assert!(
        failures[0].contains(&sha256(&file)) && failures[0].contains(&"0".repeat(64)),
        "{failures:?}"
    );
    assert_eq!(stage.shown().await, [""; 0]);
    assert_eq!(left(stage), 0, "what is wrong is not kept");
}

pub(crate) async fn files_of_this_machine_are_imported(stage: &Stage) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.qcow2");
    let name = file("Debian 13", "1");
    std::fs::write(&path, crate::mirror::qcow2(&name)).unwrap();
    let text = stage.definition("Debian 13", &["1"], "");
    let text = text.replace(&stage.mirror.url(&name), &format!("file://{}", path.display()));
    stage.converge(&Stage::catalog(&[text])).await;
    let image = stage.images().await.remove(0);
    assert_eq!(image.property("image_source"), Some("file:a.qcow2"));
    assert_eq!(image.os_hash_value, Some(sha512(&name)));
    assert!(path.exists(), "the file of the operator stays");
}

pub(crate) async fn packed_content_is_unpacked_on_the_way(stage: &Stage) {
    // Some publishers give the checksum of what is downloaded, others of what is in it.
    for (version, packed) in [("1", true), ("2", false)] {
        let name = file("Debian 13", version);
        let url = stage.mirror.url(&name);
        let content = crate::mirror::qcow2(&name);
        let summed = if packed { crate::mirror::gzipped(&content) } else { content };
        let sha256 = hex::encode(sha2::Sha256::digest(&summed));
        let text = stage.definition("Debian 13", &[version], "");
        let text = text.replace(&url, &format!("{url}.gz"));
        let text = text.replace(&format!("sha512:{}", sha512(&name)), &format!("sha256:{sha256}"));
        let catalog = Stage::catalog(&[text]);
        stage.converge(&catalog).await;
        let images = stage.images().await;
        let image = images
            .iter()
            .find(|image| image.property("internal_version") == Some(version))
            .unwrap();
        assert_eq!(image.os_hash_value, Some(sha512(&name)), "what is in it");
        assert_eq!(image.property("lotse_verified"), Some(&*format!("sha256:{sha256}")));
        assert!(stage.plan(&catalog).await.is_empty());
        assert_eq!(left(stage), 0, "nothing stays on the disk");
    }
}

pub(crate) async fn a_qcow2_image_becomes_a_plain_disk_where_that_is_declared(stage: &Stage) {
    let (image, disk) = crate::mirror::small_disk("Debian 13");
    let sha256 = hex::encode(sha2::Sha256::digest(&image));
    let name = file("Debian 13", "1");
    let url = stage.mirror.publish("small.qcow2", image);
    let text = stage.definition("Debian 13", &["1"], "  convert: raw\n");
    let text = text.replace(&stage.mirror.url(&name), &url);
    let text = text.replace(&format!("sha512:{}", sha512(&name)), &format!("sha256:{sha256}"));
    let catalog = Stage::catalog(&[text]);
    stage.converge(&catalog).await;
    let image = stage.images().await.remove(0);
    assert_eq!(image.disk_format.as_deref(), Some("raw"));
    assert_eq!(image.os_hash_value, Some(hex::encode(sha2::Sha512::digest(&disk))));
    assert_eq!(image.property("lotse_verified"), Some(&*format!("sha256:{sha256}")));
    assert_eq!(image.size, u64::try_from(disk.len()).ok());
    let observed = stage.observed(&catalog).await;
    let plan = lotse_images::plan(&catalog, &observed, &stage.options).unwrap();
    assert!(plan.is_empty(), "{:#?}", plan.steps());
    let verified = lotse_images::verify(&catalog, &observed, &plan).remove(0);
    assert_eq!(verified.content, lotse_images::verify::Content::Verified);
    assert_eq!(left(stage), 0, "nothing stays on the disk");
}

/// The failure of an import of these bytes, which are declared to be a qcow2 image.
async fn refusal_of(stage: &Stage, bytes: &[u8]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.qcow2");
    std::fs::write(&path, bytes).unwrap();
    let name = file("Debian 13", "1");
    let text = stage.definition("Debian 13", &["1"], "");
    let text = text.replace(&stage.mirror.url(&name), &format!("file://{}", path.display()));
    let sha512 = hex::encode(sha2::Sha512::digest(bytes));
    let text = text.replace(&crate::mirror::sha512(&name), &sha512);
    let failures = stage.failures(&Stage::catalog(&[text])).await;
    assert_eq!(stage.images().await.len(), 0, "it costs no request of the cloud");
    failures[0].clone()
}

#[tokio::test]
async fn an_image_that_names_another_file_is_refused() {
    let mut bytes = crate::mirror::qcow2("evil");
    let name = b"/etc/shadow";
    bytes[8..16].copy_from_slice(&512_u64.to_be_bytes());
    bytes[16..20].copy_from_slice(&u32::try_from(name.len()).unwrap().to_be_bytes());
    bytes[512..512 + name.len()].copy_from_slice(name);
    let stage = Stage::simulated().await;
    let refusal = refusal_of(&stage, &bytes).await;
    assert!(refusal.contains("backing file \"/etc/shadow\""), "{refusal}");
}

#[tokio::test]
async fn what_is_not_of_the_declared_format_is_refused() {
    let stage = Stage::simulated().await;
    let refusal = refusal_of(&stage, b"<!doctype html><p>Not found, but 200.").await;
    assert!(refusal.contains("declared as qcow2"), "{refusal}");
}

/// A cloud whose operator has switched the import API off.
async fn without_imports() -> Stage {
    let options = SimOptions { import_methods: Vec::new(), ..SimOptions::default() };
    Stage::on_this(SimCloud::start(options).await.unwrap()).await
}

#[tokio::test]
async fn without_the_import_api_content_is_uploaded() {
    let stage = without_imports().await;
    let catalog = Stage::catalog(&[stage.definition("Debian 13", &["1"], "")]);
    let plan = stage.plan(&catalog).await;
    let way = plan.steps()[0].changes.iter().find(|change| change.field == "import").unwrap();
    assert_eq!(way.after, json!("upload"));
    stage.converge(&catalog).await;
    assert_eq!(stage.shown().await, ["Debian 13: public active"]);
    assert_eq!(stage.images().await[0].os_hash_value, Some(sha512(&file("Debian 13", "1"))));
    assert!(stage.plan(&catalog).await.is_empty());
}

#[tokio::test]
async fn an_upload_that_breaks_off_is_begun_again() {
    for (import, path) in [(true, "/v2/images/*/stage"), (false, "/v2/images/*/file")] {
        let mut stage = if import { Stage::simulated().await } else { without_imports().await };
        stage.options.import = ImportPreference::Stream;
        let faults = stage.sim.as_ref().unwrap().faults();
        faults.add(Fault::new(Effect::ResetBefore).on("image", "PUT", path).times(2));
        let catalog = Stage::catalog(&[stage.definition("Debian 13", &["1"], "")]);
        stage.converge(&catalog).await;
        assert_eq!(stage.shown().await, ["Debian 13: public active"]);
        assert_eq!(stage.images().await.len(), 1);
    }
}

#[tokio::test]
async fn content_that_glance_does_not_take_is_told_and_leaves_nothing() {
    let options = SimOptions { image_size_cap: 1000, ..SimOptions::default() };
    let stage = Stage::on_this(SimCloud::start(options).await.unwrap()).await;
    let catalog = Stage::catalog(&[with_sha256(&stage, "Debian 13", "1")]);
    let failures = stage.failures(&catalog).await;
    assert!(failures[0].contains("Maximum image size"), "{failures:?}");
    assert_eq!(stage.shown().await, [""; 0]);
}

#[tokio::test]
async fn a_source_that_is_not_there_costs_no_request_of_the_cloud() {
    let stage = Stage::simulated().await;
    let text = with_sha256(&stage, "Debian 13", "1");
    let url = stage.mirror.url(&file("Debian 13", "1"));
    let catalog = Stage::catalog(&[text.replace(&url, &stage.mirror.missing())]);
    let failures = stage.failures(&catalog).await;
    assert!(failures[0].contains("404"), "{failures:?}");
    assert_eq!(stage.images().await.len(), 0);
}
