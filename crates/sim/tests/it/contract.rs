//! One suite for the simulated cloud and the real one.
//!
//! A scenario asks and writes down what was answered: status, media type, headers that matter, the
//! whole body, with everything that differs from run to run replaced by names. The transcript is
//! compared with the one kept in `tests/it/snapshots/`, which was written down from the testbed. So the
//! simulation cannot drift from the truth, and neither can the truth change unnoticed.
//!
//! `LOTSE_TESTBED_CLOUDS=… INSTA_UPDATE=always cargo test -p lotse-sim contract -- --ignored`
//! writes the transcripts anew.

/// Each scenario twice: against the simulation always, against the testbed on request. A service
/// lists its scenarios in its own module; the name of a scenario is the name of its transcript.
macro_rules! scenarios {
    ($($(#[$doc:meta])* $name:ident = $scenario:path;)*) => {
        mod sim {
            use super::*;
            use crate::contract::{bed::Bed, play};
            $(
                $(#[$doc])*
                #[tokio::test]
                async fn $name() {
                    play(Bed::simulated().await, stringify!($name), |bed, script| {
                        Box::pin($scenario(bed, script))
                    })
                    .await;
                }
            )*
        }

        mod real {
            use super::*;
            use crate::contract::{bed::Bed, play};
            $(
                $(#[$doc])*
                #[tokio::test]
                #[ignore = "real: testbed"]
                async fn $name() {
                    play(Bed::real().await, stringify!($name), |bed, script| {
                        Box::pin($scenario(bed, script))
                    })
                    .await;
                }
            )*
        }
    };
}

mod barbican;
mod barbican_parts;
mod bed;
mod cinder;
mod cinder_action;
mod cinder_admin;
mod cinder_state;
mod cinder_volume;
mod identity;
mod image;
mod image_data;
mod image_list;
mod mirror;
mod neutron;
mod neutron_admin;
mod neutron_list;
mod neutron_network;
mod neutron_port;
mod neutron_router;
mod neutron_security;
mod neutron_subnet;
mod nova;
mod nova_action;
mod nova_flavor;
mod nova_host;
mod nova_network;
mod nova_server;
mod nova_state;
mod octavia;
mod octavia_life;
mod placement;
mod script;
mod swift;
mod tenant;
mod trouble;

use std::future::Future;
use std::pin::Pin;

use self::bed::Bed;
use self::script::Script;

/// A scenario: asks through the script and writes down.
type Scenario =
    for<'a> fn(&'a Bed, &'a mut Script) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Runs a scenario, cleans up whatever happened, and compares the transcript.
async fn play(bed: Bed, name: &'static str, scenario: Scenario) {
    let transcript = run(bed, scenario).await;
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, transcript));
}

/// Runs a scenario and cleans up whatever happened; the transcript.
async fn run(bed: Bed, scenario: Scenario) -> String {
    let bed = std::sync::Arc::new(bed);
    let played = tokio::spawn({
        let bed = bed.clone();
        async move {
            let mut script = Script::new(&bed);
            scenario(&bed, &mut script).await;
            script.transcript()
        }
    })
    .await;
    bed.clean_up().await;
    match played {
        Ok(transcript) => transcript,
        Err(failure) => std::panic::resume_unwind(failure.into_panic()),
    }
}

scenarios! {
    versions_are_discovered = identity::versions;
    people_sign_in_and_are_refused = identity::sign_in;
    tokens_are_shown_and_revoked = identity::tokens;
    a_member_may_not_administer = identity::member;
    an_administrator_keeps_projects_users_and_roles = identity::administration;
    application_credentials_act_for_their_user = identity::credentials;
    images_are_created_or_refused = image::create;
    images_are_shown_or_not_found = image::show;
    images_are_changed_or_refused = image::patch;
    images_are_seen_by_those_who_may = image::visibility;
    images_are_deleted_unless_protected = image::delete;
    images_are_shared_with_members = image::members;
    lists_are_filtered_sorted_and_paged = image_list::list;
    bytes_are_uploaded_and_downloaded = image_data::upload;
    staged_bytes_are_imported = image_data::staged;
    downloads_are_imported_or_fail = image_data::web_download;
    imports_are_refused = image_data::refused_imports;
    active_images_are_switched_off_and_on = image_data::deactivation;
    images_are_copied_to_further_stores = image_data::copy;
    broken_requests_are_refused = trouble::broken;
    contested_changes_have_one_winner = trouble::contested;
}
