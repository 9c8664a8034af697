//! Deleting what trials made: found by its name, asked to go, and looked for until it is gone.

use std::cell::RefCell;
use std::time::Duration;

use http::StatusCode;
use lotse_core::time::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Lab, Look, NotDone, Observer, PREFIX, Trial};

/// Of an unfinished run nothing is older than this, unless the run was killed.
const ABANDONED: SignedDuration = SignedDuration::from_hours(2);

/// How long a cloud may take until what is deleted is gone.
const PATIENCE: Duration = Duration::from_mins(5);

/// Where objects of one kind are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    service: &'static str,
    /// The listing, with its query.
    list: &'static str,
    query: &'static [(&'static str, &'static str)],
    /// The key of the listing.
    key: &'static str,
    /// The path before the id of an object.
    one: &'static str,
}

impl Place {
    pub(super) const GROUPS: Self = Self {
        service: "network",
        list: "/v2.0/security-groups",
        query: &[("fields", "id"), ("fields", "name"), ("fields", "created_at")],
        key: "security_groups",
        one: "/v2.0/security-groups",
    };
    pub(super) const SECRETS: Self = Self {
        service: "key-manager",
        list: "/v1/secrets",
        query: &[("limit", "100"), ("sort", "created:desc")],
        key: "secrets",
        one: "/v1/secrets",
    };
    pub(super) const BACKUPS: Self = Self {
        service: "block-storage",
        list: "/backups/detail",
        query: &[],
        key: "backups",
        one: "/backups",
    };
    pub(super) const VOLUMES: Self = Self {
        service: "block-storage",
        list: "/volumes/detail",
        query: &[],
        key: "volumes",
        one: "/volumes",
    };
    pub(super) const SERVERS: Self = Self {
        service: "compute",
        list: "/servers/detail",
        query: &[("name", PREFIX)],
        key: "servers",
        one: "/servers",
    };
    pub(super) const USERS: Self = Self::of_identity("/v3/users", "users");
    pub(super) const PROJECTS: Self = Self::of_identity("/v3/projects", "projects");
    pub(super) const GROUPS_OF_USERS: Self = Self::of_identity("/v3/groups", "groups");

    /// Who is signed in on a domain sees what is in it.
    const fn of_identity(path: &'static str, key: &'static str) -> Self {
        Self { service: "identity", list: path, query: &[], key, one: path }
    }
}

/// An object that a listing shows.
pub(super) struct Object<'a>(&'a Value);

impl Object<'_> {
    fn text(&self, key: &str) -> &str {
        self.0.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// Its id; Barbican gives an address that ends with it.
    fn id(&self) -> Option<&str> {
        let written = self.0.get("id").or_else(|| self.0.get("secret_ref"))?.as_str()?;
        written.rsplit('/').next().filter(|id| !id.is_empty())
    }

    /// Whether a run of this name made it.
    pub(super) fn belongs_to(&self, name: &str) -> bool {
        let rest = self.text("name").strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }

    /// Whether some run made it that must be dead by now.
    pub(super) fn is_abandoned(&self, now: Timestamp) -> bool {
        let created = ["created_at", "created"].map(|key| self.text(key));
        let created = created.into_iter().find(|text| !text.is_empty()).unwrap_or_default();
        // Cinder and Barbican leave out the zone, which is UTC.
        let created: Option<Timestamp> =
            created.parse().or_else(|_| format!("{created}Z").parse()).ok();
        self.text("name").starts_with(PREFIX)
            && created.is_some_and(|created| now.duration_since(created) > ABANDONED)
    }
}

impl Observer<'_> {
    /// Deletes the objects of a trial that are `ours`, and waits until they are gone.
    pub(super) async fn clear(
        &self,
        lab: &Lab,
        trial: Trial,
        ours: impl Fn(&Object<'_>) -> bool,
    ) -> Result<(), NotDone> {
        // What was there at the last look; a place where nothing was is not looked at again.
        let open: RefCell<Vec<&Place>> = RefCell::new(trial.places().iter().collect());
        self.until(lab, PATIENCE, async || {
            let places = open.borrow().clone();
            let mut left = Vec::new();
            let mut seen = String::new();
            for place in places {
                if let Some(object) = self.clear_once(place, &ours).await? {
                    seen = format!("{object} is still there after its deletion");
                    left.push(place);
                }
            }
            let done = left.is_empty();
            *open.borrow_mut() = left;
            Ok(if done { Look::Done(()) } else { Look::NotYet(seen) })
        })
        .await
    }

    /// Asks each of our objects at a place to go, and says which one was there.
    async fn clear_once(
        &self,
        place: &Place,
        ours: &impl Fn(&Object<'_>) -> bool,
    ) -> Result<Option<String>, NotDone> {
        let mut request = self.cloud.get(place.service, place.list);
        for (key, value) in place.query {
            request = request.query(key, value);
        }
        let listing = match self.ask(request).await {
            Ok(listing) => listing,
            // Who may not even look has made nothing.
            Err(error) if error.status() == Some(StatusCode::FORBIDDEN) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut seen = None;
        for item in listing[place.key].as_array().into_iter().flatten() {
            let object = Object(item);
            let Some(id) = object.id().filter(|_| ours(&object)) else { continue };
            seen = Some(format!("{}/{id}", place.key));
            self.counted();
            let path = format!("{}/{id}", place.one);
            match self.cloud.delete(place.service, &path).send().await {
                Ok(_) => {}
                // Gone already, or in a state in which it cannot go yet.
                Err(error)
                    if error.is_not_found()
                        || matches!(
                            error.status(),
                            Some(StatusCode::BAD_REQUEST | StatusCode::CONFLICT)
                        ) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(seen)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_a_run_named_is_its_own() {
        let value = |name: &str| json!({ "id": "1", "name": name });
        let run = format!("{PREFIX}0190");
        for (name, own) in [
            (run.clone(), true),
            (format!("{run}-restored"), true),
            (format!("{run}1"), false),
            (format!("{PREFIX}0191"), false),
            ("web".to_owned(), false),
        ] {
            assert_eq!(Object(&value(&name)).belongs_to(&run), own, "{name}");
        }
    }

    #[test]
    fn what_is_old_and_carries_our_mark_is_abandoned() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let is = |name: &str, created: &str| {
            Object(&json!({ "name": name, "created_at": created })).is_abandoned(now)
        };
        let ours = format!("{PREFIX}0190");
        assert!(is(&ours, "2026-11-22T09:59:00Z"));
        assert!(is(&ours, "2026-11-22T09:59:00.000000"));
        assert!(!is(&ours, "2026-11-22T10:01:00Z"));
        assert!(!is(&ours, "yesterday"));
        assert!(!is("web", "2026-11-01T00:00:00Z"));
    }

    #[test]
    fn the_id_of_a_secret_ends_its_address() {
        let secret = json!({ "secret_ref": "http://example.org/v1/secrets/77", "name": "x" });
        assert_eq!(Object(&secret).id(), Some("77"));
        assert_eq!(Object(&json!({})).id(), None);
    }
}
