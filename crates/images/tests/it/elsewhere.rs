//! Content that another cloud has already.

use lotse_images::ImportPreference;
use lotse_sim::{Effect, Fault};
use serde_json::json;

use crate::stage::{Stage, file};
use crate::streamed::with_sha256;

/// A cloud that keeps the same images as another one, and may copy from it.
async fn beside(first: &Stage) -> Stage {
    let mut second = Stage::simulated().await;
    second.options.tag.clone_from(&first.options.tag);
    second.beside = Some(first.cloud.clone());
    second
}

/// The same definition, of which upstream publishes nothing any more.
fn unpublished(first: &Stage, text: &str) -> String {
    let url = first.mirror.url(&file("Debian 13", "1"));
    assert!(text.contains(&url));
    text.replace(&url, &first.mirror.missing())
}

#[tokio::test]
async fn content_comes_from_the_cloud_that_has_it() {
    let first = Stage::simulated().await;
    let text = first.definition("Debian 13", &["1"], "");
    first.converge(&Stage::catalog(std::slice::from_ref(&text))).await;
    let second = beside(&first).await;
    let catalog = Stage::catalog(&[unpublished(&first, &text)]);
    let plan = second.plan(&catalog).await;
    let said = |field: &str| {
        let change = plan.steps()[0].changes.iter().find(|change| change.field == field);
        change.unwrap().after.clone()
    };
    assert_eq!((said("copied_from"), said("import")), (json!("sim"), json!("glance-direct")));
    second.converge(&catalog).await;
    let (source, copy) = (first.images().await.remove(0), second.images().await.remove(0));
    assert_eq!((&copy.name, &copy.os_hash_value), (&source.name, &source.os_hash_value));
    assert_eq!(copy.property("image_source"), Some(&*first.mirror.missing()));
    assert!(second.plan(&catalog).await.is_empty());
    let left = std::fs::read_dir(second.directory.path()).unwrap().count();
    assert_eq!(left, 0, "what was copied is removed");
}

#[tokio::test]
async fn a_copy_that_is_interrupted_goes_on_where_it_ended() {
    let first = Stage::simulated().await;
    let text = first.definition("Debian 13", &["1"], "");
    first.converge(&Stage::catalog(std::slice::from_ref(&text))).await;
    let sim = first.sim.as_ref().unwrap();
    sim.faults().add(Fault::new(Effect::Truncate).on("image", "GET", "/v2/images/*/file").times(1));
    let second = beside(&first).await;
    let catalog = Stage::catalog(&[unpublished(&first, &text)]);
    // The first attempt keeps half of it; a later process takes the rest.
    let failures = second.failures(&catalog).await;
    assert!(failures.len() <= 1, "{failures:?}");
    second.converge(&catalog).await;
    assert_eq!(second.images().await[0].os_hash_value, first.images().await[0].os_hash_value);
}

#[tokio::test]
async fn content_that_nobody_verified_there_is_verified_on_the_way() {
    for right in [true, false] {
        let mut first = Stage::simulated().await;
        first.options.import = ImportPreference::Cloud;
        let text = with_sha256(&first, "Debian 13", "1");
        first.converge(&Stage::catalog(std::slice::from_ref(&text))).await;
        let second = beside(&first).await;
        let text = unpublished(&first, &text);
        let sha256 = crate::mirror::sha256(&file("Debian 13", "1"));
        let text = if right { text } else { text.replace(&sha256, &"0".repeat(64)) };
        let catalog = Stage::catalog(&[text]);
        if right {
            second.converge(&catalog).await;
            let image = second.images().await.remove(0);
            assert_eq!(image.property("lotse_verified"), Some(&*format!("sha256:{sha256}")));
        } else {
            let failures = second.failures(&catalog).await;
            assert!(failures[0].contains(&sha256), "{failures:?}");
            assert_eq!(second.images().await.len(), 0);
        }
    }
}

#[tokio::test]
async fn other_content_there_is_not_taken() {
    let first = Stage::simulated().await;
    first.converge(&Stage::catalog(&[first.definition("Debian 13", &["1"], "")])).await;
    let second = beside(&first).await;
    // The same version, of which another checksum is declared: upstream has it.
    let old = file("Debian 13", "1");
    let new = file("Debian 13", "2");
    let text = first.definition("Debian 13", &["1"], "");
    let text = text.replace(&crate::mirror::sha512(&old), &crate::mirror::sha512(&new));
    let text = text.replace(&first.mirror.url(&old), &first.mirror.url(&new));
    second.converge(&Stage::catalog(&[text])).await;
    let image = second.images().await.remove(0);
    assert_eq!(image.os_hash_value, Some(crate::mirror::sha512(&new)));
}

#[tokio::test]
async fn a_cloud_that_cannot_be_asked_is_told_and_upstream_serves() {
    let first = Stage::simulated().await;
    let mut second = beside(&first).await;
    let gone = Stage::simulated().await;
    second.beside = Some(gone.frail().0);
    drop(gone);
    let catalog = Stage::catalog(&[first.definition("Debian 13", &["1"], "")]);
    let plan = second.plan(&catalog).await;
    let told = plan.notes().iter().any(|note| note.text.contains("cannot be asked for its images"));
    assert!(told, "{:?}", plan.notes());
    second.converge(&catalog).await;
    assert_eq!(second.images().await.len(), 1);
}
