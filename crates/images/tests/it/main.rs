//! What the image catalogue does to a cloud: the simulated one, and with `--ignored` the testbed
//! (`LOTSE_TESTBED_CLOUDS` names its clouds.yaml, `LOTSE_TESTBED_CLOUD` the cloud in it).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

mod behaviour;
mod boot;
#[path = "../../../transfer/tests/it/bucket.rs"]
#[allow(dead_code, reason = "the tests of lotse-transfer look closer at it")]
mod bucket;
mod copies;
mod elsewhere;
mod kills;
mod latest;
mod mirror;
mod peer;
mod retention;
mod rollback;
mod share;
mod signed;
mod stage;
mod stores;
mod streamed;
mod task;
mod trouble;

/// The same behaviours on both clouds.
macro_rules! behaviours {
    ($($of:ident::$name:ident)*) => {
        mod on_the_simulated_cloud {
            $(#[tokio::test]
            async fn $name() {
                crate::stage::on_sim(crate::$of::$name).await;
            })*
        }

        mod on_the_testbed {
            $(#[tokio::test]
            #[ignore = "real: testbed"]
            async fn $name() {
                crate::stage::on_testbed(crate::$of::$name).await;
            })*
        }
    };
}

behaviours! {
    behaviour::the_first_apply_imports_and_the_second_plan_is_empty
    behaviour::drift_is_one_update_and_then_gone
    behaviour::a_new_version_takes_the_name_and_the_old_image_stays_as_it_is
    behaviour::an_image_that_is_not_ours_is_never_touched
    behaviour::deactivated_images_are_made_and_not_waited_for
    behaviour::a_download_that_fails_is_told_in_glances_words_and_leaves_nothing
    behaviour::content_with_another_checksum_never_becomes_visible
    behaviour::an_import_that_was_begun_is_finished_and_not_repeated
    behaviour::several_versions_come_at_once_and_only_the_newest_is_generic
    behaviour::hidden_versions_are_hidden_and_not_imported_again
    behaviour::an_image_that_was_made_meanwhile_is_not_made_twice
    streamed::content_with_a_sha256_is_verified_before_glance_gets_it
    streamed::content_with_another_sha256_never_reaches_glance
    streamed::files_of_this_machine_are_imported
    streamed::packed_content_is_unpacked_on_the_way
    stores::a_new_image_is_imported_into_the_declared_stores
    stores::content_is_copied_to_stores_that_are_declared_later
    stores::a_store_that_the_cloud_does_not_have_is_told_before_anything_is_made
    boot::an_image_becomes_visible_when_a_server_of_it_came_up
    streamed::a_qcow2_image_becomes_a_plain_disk_where_that_is_declared
}
