//! Keystone's notifications: what was made, changed and deleted, in the form of the Cloud Auditing
//! Data Federation (CADF), Keystone's default.

use serde_json::json;

use super::caller::Caller;
use crate::events::Happened;
use crate::world::World;

/// Publishes `identity.KIND.ACTIVITY` of the thing with this id.
pub(super) fn notify(world: &World, caller: &Caller, kind: &str, activity: &str, id: &str) {
    let at = world.now();
    let action = activity.replace("removed", "deleted");
    let payload = json!({
        "typeURI": "http://schemas.dmtf.org/cloud/audit/1.0/event",
        "id": world.ids.uuid(),
        "eventTime": format!("{at:.6}"),
        "eventType": "activity",
        "action": format!("{action}.{kind}"),
        "outcome": "success",
        "observer": {"id": crate::ids::named("observer", "keystone"), "typeURI": "service/security"},
        "initiator": {
            "id": caller.user(),
            "user_id": caller.user(),
            "project_id": caller.project(),
            "domain_id": caller.domain(),
            "typeURI": "service/security/account/user",
        },
        "target": {"id": id, "typeURI": format!("data/security/{kind}")},
        "resource_info": id,
    });
    world.events.publish(Happened {
        at,
        event_type: format!("identity.{kind}.{activity}"),
        publisher_id: "identity.sim",
        cause: caller.cause(None),
        payload,
    });
}
