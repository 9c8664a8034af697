//! Nova's part of the contract: the order in which a server's states follow each other.
//!
//! Each change has one order, written down here. In a simulation whose transitions take time every
//! state of it must be seen. A real cloud is quicker than its clients: there the states that were
//! seen must follow each other in this order, with none that is not in it.

use serde_json::{Value, json};

use super::bed::{Bed, text};
use super::nova::{becomes, flavor, image, names, quietly};
use super::script::Script;

/// What is asked for, and what follows: status, `vm_state` and task.
type Change = (&'static str, Value, &'static [&'static str]);

const CREATED: &[&str] = &[
    "BUILD building scheduling",
    "BUILD building -",
    "BUILD building networking",
    "BUILD building block_device_mapping",
    "BUILD building spawning",
    "ACTIVE active -",
];

const RESIZED: &[&str] = &[
    "RESIZE active resize_prep",
    "RESIZE active resize_migrating",
    "RESIZE active resize_migrated",
    "RESIZE active resize_finish",
    "VERIFY_RESIZE resized -",
];

/// Changes that lead from an active server to an active one in the end.
fn changes(large: &str, image: &str, run: &str) -> Vec<Change> {
    let resize = json!({"flavorRef": large});
    vec![
        ("os-stop", Value::Null, &["ACTIVE active powering-off", "SHUTOFF stopped -"]),
        ("os-start", Value::Null, &["SHUTOFF stopped powering-on", "ACTIVE active -"]),
        (
            "reboot",
            json!({"type": "SOFT"}),
            &[
                "REBOOT active rebooting",
                "REBOOT active reboot_pending",
                "REBOOT active reboot_started",
                "ACTIVE active -",
            ],
        ),
        (
            "reboot",
            json!({"type": "HARD"}),
            &[
                "HARD_REBOOT active rebooting_hard",
                "HARD_REBOOT active reboot_pending_hard",
                "HARD_REBOOT active reboot_started_hard",
                "ACTIVE active -",
            ],
        ),
        ("pause", Value::Null, &["ACTIVE active pausing", "PAUSED paused -"]),
        ("unpause", Value::Null, &["PAUSED paused unpausing", "ACTIVE active -"]),
        ("suspend", Value::Null, &["ACTIVE active suspending", "SUSPENDED suspended -"]),
        ("resume", Value::Null, &["SUSPENDED suspended resuming", "ACTIVE active -"]),
        ("rescue", Value::Null, &["ACTIVE active rescuing", "RESCUE rescued -"]),
        ("unrescue", Value::Null, &["RESCUE rescued unrescuing", "ACTIVE active -"]),
        ("resize", resize.clone(), RESIZED),
        (
            "revertResize",
            Value::Null,
            &["REVERT_RESIZE resized resize_reverting", "ACTIVE active -"],
        ),
        ("resize", resize, RESIZED),
        ("confirmResize", Value::Null, &["VERIFY_RESIZE resized -", "ACTIVE active -"]),
        (
            "rebuild",
            json!({"imageRef": image}),
            &[
                "REBUILD active rebuilding",
                "REBUILD active rebuild_block_device_mapping",
                "REBUILD active rebuild_spawning",
                "ACTIVE active -",
            ],
        ),
        (
            "createImage",
            json!({"name": format!("{run}-snapshot")}),
            &[
                "ACTIVE active image_snapshot_pending",
                "ACTIVE active image_snapshot",
                "ACTIVE active image_uploading",
                "ACTIVE active -",
            ],
        ),
        (
            "createBackup",
            json!({"name": format!("{run}-backup"), "backup_type": "daily", "rotation": 1}),
            &["ACTIVE active image_backup", "ACTIVE active image_uploading", "ACTIVE active -"],
        ),
        (
            "shelve",
            Value::Null,
            &[
                "ACTIVE active shelving",
                "ACTIVE active shelving_image_uploading",
                "SHELVED shelved shelving_offloading",
                "SHELVED_OFFLOADED shelved_offloaded -",
            ],
        ),
        (
            "unshelve",
            Value::Null,
            &[
                "SHELVED_OFFLOADED shelved_offloaded unshelving",
                "SHELVED_OFFLOADED shelved_offloaded spawning",
                "ACTIVE active -",
            ],
        ),
    ]
}

/// Whether the states that were seen are in this order.
fn compare(bed: &Bed, what: &str, seen: &[String], order: &[&str]) {
    if bed.is_slow() {
        assert_eq!(seen, order, "{what}");
        return;
    }
    let mut rest = order.iter();
    let in_order = seen.iter().all(|state| rest.any(|known| known == state));
    assert!(in_order, "{what}: seen {seen:?}, known {order:?}");
    assert_eq!(seen.last().map(String::as_str), order.last().copied(), "{what}");
}

async fn orders(bed: &Bed, script: &mut Script) {
    names(script);
    let image = image(bed, script).await;
    let small = flavor(bed, script, "small", 64).await;
    let large = flavor(bed, script, "large", 128).await;
    let body = json!({"server": {
        "name": bed.name("a"), "flavorRef": small, "imageRef": image, "networks": "none",
    }});
    let made = quietly(&bed.member, "2.90", ("POST", "/servers"), Some(&body)).await;
    assert_eq!(made.status, 202, "{}", made.text);
    let id = text(&made.json()["server"], "id").to_owned();
    compare(bed, "create", &becomes(bed, &id, "ACTIVE").await, CREATED);
    let path = format!("/servers/{id}/action");
    for (name, body, order) in changes(&large, &image, &bed.run) {
        let body = json!({ name: body });
        let answer = quietly(&bed.member, "2.90", ("POST", &path), Some(&body)).await;
        assert!(matches!(answer.status, 202 | 200 | 204), "{name}: {}", answer.text);
        let status = order.last().and_then(|last| last.split(' ').next()).unwrap_or_default();
        compare(bed, name, &becomes(bed, &id, status).await, order);
    }
    for kind in ["snapshot", "backup"] {
        let mine = bed.member.get(&format!("/v2/images?name={}", bed.name(kind))).await.json();
        for one in mine["images"].as_array().into_iter().flatten() {
            bed.member.delete(&format!("/v2/images/{}", text(one, "id"))).await;
        }
    }
    let live = json!({"os-migrateLive": {"host": null, "block_migration": "auto"}});
    let answer = quietly(&bed.admin, "2.90", ("POST", &path), Some(&live)).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    let order = ["MIGRATING active migrating", "ACTIVE active -"];
    compare(bed, "live migration", &becomes(bed, &id, "ACTIVE").await, &order);
    quietly(&bed.member, "2.90", ("DELETE", &format!("/servers/{id}")), None).await;
    // Between two writes to its database a real Nova shows a server as deleted for a moment.
    let deleted = (!bed.is_slow()).then_some("DELETED deleted -");
    let order: Vec<&str> =
        ["ACTIVE active deleting"].into_iter().chain(deleted).chain(["gone"]).collect();
    compare(bed, "delete", &becomes(bed, &id, "gone").await, &order);
}

mod sim {
    use crate::contract::{bed::Bed, run};

    #[tokio::test]
    async fn states_of_a_server_follow_in_order() {
        run(Bed::slow().await, |bed, script| Box::pin(super::orders(bed, script))).await;
    }
}

mod real {
    use crate::contract::{bed::Bed, run};

    #[tokio::test]
    #[ignore = "real: testbed"]
    async fn states_of_a_server_follow_in_order() {
        run(Bed::real().await, |bed, script| Box::pin(super::orders(bed, script))).await;
    }
}
