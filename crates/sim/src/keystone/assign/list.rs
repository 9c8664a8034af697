//! `GET /v3/role_assignments`: what is given, or what comes of it.

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use crate::http::query::Query;
use crate::keystone::MOUNT;
use crate::keystone::caller::Authenticated;
use crate::keystone::model::{Actor, Assignment, Identity, Scope};
use crate::keystone::policy::{self, Target};
use crate::keystone::refusal::Refusal;
use crate::keystone::resource::listed;
use crate::world::{SharedWorld, World};

/// An assignment as it is shown: as given, or what comes of it for one user on one target.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    actor: Actor,
    on: Scope,
    role: String,
    /// Whether it is (or came from) one for all that is below.
    inherited: bool,
    /// The group whose member the user is.
    group: Option<String>,
    /// Where it was given, if elsewhere.
    from: Option<Scope>,
    /// The role that implies this one.
    prior: Option<String>,
}

impl From<&Assignment> for Entry {
    fn from(given: &Assignment) -> Self {
        Self {
            actor: given.actor.clone(),
            on: given.on.clone(),
            role: given.role.clone(),
            inherited: given.inherited,
            group: None,
            from: None,
            prior: None,
        }
    }
}

/// What is asked.
struct Filter<'a> {
    query: &'a Query,
}

impl Filter<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.query.get(name).filter(|value| !value.is_empty())
    }

    /// A switch is on when it is named at all, unless it says no.
    fn switch(&self, name: &str) -> bool {
        self.query.get(name).is_some_and(|value| !matches!(value, "0" | "false" | "False"))
    }

    /// Refuses what contradicts itself.
    fn check(&self) -> Result<(), Refusal> {
        let both = |a: &str, b: &str| self.text(a).is_some() && self.text(b).is_some();
        let (project, domain, system) = ("scope.project.id", "scope.domain.id", "scope.system");
        for (a, b, text) in [
            (domain, project, "Specify a domain or project, not both"),
            (domain, system, "Specify system or domain, not both"),
            (project, system, "Specify system or project, not both"),
            ("user.id", "group.id", "Specify a user or group, not both"),
        ] {
            if both(a, b) {
                return Err(Refusal::bad(text));
            }
        }
        if self.switch("effective") && self.text("group.id").is_some() {
            return Err(Refusal::bad(
                "Combining effective and group filter will always result in an empty list.",
            ));
        }
        if self.switch("effective") && self.inherited() == Some(true) && self.text(domain).is_some()
        {
            return Err(Refusal::bad(
                "Combining effective, domain and inherited filters will always result in an empty \
                 list.",
            ));
        }
        Ok(())
    }

    fn inherited(&self) -> Option<bool> {
        Some(self.query.get("scope.OS-INHERIT:inherited_to")? == "projects")
    }

    fn accepts(&self, identity: &Identity, entry: &Entry) -> bool {
        let is = |name: &str, id: &str| self.text(name).is_none_or(|asked| asked == id);
        let (user, group) = match &entry.actor {
            Actor::User(id) => (id.as_str(), ""),
            Actor::Group(id) => ("", id.as_str()),
        };
        let (project, domain) = match &entry.on {
            Scope::Project(id) => (id.as_str(), ""),
            Scope::Domain(id) => ("", id.as_str()),
            Scope::System | Scope::Unscoped => ("", ""),
        };
        let below = || {
            let asked = self.text("scope.project.id");
            self.switch("include_subtree")
                && identity.parents(project).iter().any(|above| Some(&*above.id) == asked)
        };
        is("user.id", user)
            && is("group.id", group)
            && is("role.id", &entry.role)
            && (is("scope.project.id", project) || below())
            && is("scope.domain.id", domain)
            && (self.text("scope.system").is_none() || entry.on == Scope::System)
            && self.inherited().is_none_or(|asked| asked == entry.inherited)
    }
}

pub(super) async fn list(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    query: Query,
) -> Result<Response, Refusal> {
    let filter = Filter { query: &query };
    let identity = world.identity();
    if filter.switch("include_subtree") {
        let id = filter.text("scope.project.id");
        let project = id.and_then(|id| identity.projects.get(id));
        let target = Target::within(project.map(|project| project.domain_id.as_str()));
        let own = project.is_some_and(|it| caller.project() == Some(&it.id)) && caller.is_admin();
        policy::allow(&caller, "list_role_assignments_for_tree", target.owned(own))?;
        if id.is_none() {
            return Err(Refusal::bad(
                "scope.project.id must be specified if include_subtree is also specified",
            ));
        }
    } else {
        policy::allow(&caller, "list_role_assignments", Target::within(caller.domain()))?;
    }
    filter.check()?;
    let mut entries: Vec<Entry> = Vec::new();
    for given in &identity.assignments {
        if filter.switch("effective") {
            entries.extend(expand(&identity, given));
        } else {
            entries.push(given.into());
        }
    }
    entries.retain(|entry| filter.accepts(&identity, entry));
    if let Some(own) = caller.domain() {
        entries.retain(|entry| match &entry.on {
            Scope::Domain(id) => id == own,
            Scope::Project(id) => identity.projects.get(id).is_some_and(|it| it.domain_id == own),
            Scope::System | Scope::Unscoped => false,
        });
    }
    let names = filter.switch("include_names");
    let shown = entries.iter().map(|entry| render(&world, &identity, entry, names)).collect();
    Ok(listed(&world, "role_assignments", "role_assignments", &query, shown))
}

/// What comes of an assignment: for each member of the group, on each project below, with each role
/// that is implied.
fn expand(identity: &Identity, given: &Assignment) -> Vec<Entry> {
    let start = Entry::from(given);
    let actors: Vec<Entry> = match &given.actor {
        Actor::User(_) => vec![start],
        Actor::Group(id) => {
            let members = identity.groups.get(id).into_iter().flat_map(|group| &group.users);
            let member = |user: &String| Entry {
                actor: Actor::User(user.clone()),
                group: Some(id.clone()),
                ..start.clone()
            };
            members.map(member).collect()
        }
    };
    let placed: Vec<Entry> = if given.inherited {
        let below = identity.projects.keys().map(|id| Scope::Project(id.clone()));
        let below: Vec<Scope> = below.filter(|scope| identity.counts_on(given, scope)).collect();
        let at = |entry: &Entry, scope: &Scope| Entry {
            on: scope.clone(),
            from: Some(given.on.clone()),
            ..entry.clone()
        };
        actors.iter().flat_map(|entry| below.iter().map(move |scope| at(entry, scope))).collect()
    } else {
        actors
    };
    let mut all = Vec::new();
    let roles = identity.with_implied(vec![given.role.clone()]);
    for entry in placed {
        for role in &roles {
            let prior = (*role != given.role).then(|| given.role.clone());
            let own = identity.roles.get(role).is_some_and(|role| role.domain_id.is_some());
            if !own {
                all.push(Entry { role: role.clone(), prior, ..entry.clone() });
            }
        }
    }
    all
}

/// An object with its id, and with its name and domain if those are asked for.
fn named(identity: &Identity, id: &str, found: Option<(&str, &str)>) -> Value {
    match found {
        Some((name, domain)) => json!({
            "id": id,
            "name": name,
            "domain": {"id": domain, "name": domain_name(identity, domain)},
        }),
        None => json!({"id": id}),
    }
}

fn domain_name<'a>(identity: &'a Identity, id: &str) -> Option<&'a str> {
    identity.domains.get(id).map(|domain| domain.name.as_str())
}

fn render(world: &World, identity: &Identity, entry: &Entry, names: bool) -> Value {
    let mut shown = json!({"links": {}});
    shown["scope"] = match &entry.on {
        Scope::Project(id) => {
            let found = identity.projects.get(id).filter(|_| names);
            let found = found.map(|it| (it.name.as_str(), it.domain_id.as_str()));
            json!({"project": named(identity, id, found)})
        }
        Scope::Domain(id) if names => {
            json!({"domain": {"id": id, "name": domain_name(identity, id)}})
        }
        Scope::Domain(id) => json!({"domain": {"id": id}}),
        Scope::System | Scope::Unscoped => json!({"system": {"all": true}}),
    };
    let base = format!("{}{MOUNT}/v3", world.base);
    let actor_path = match &entry.actor {
        Actor::User(id) => {
            let found = identity.users.get(id).filter(|_| names);
            let found = found.map(|it| (it.name.as_str(), it.domain_id.as_str()));
            shown["user"] = named(identity, id, found);
            match &entry.group {
                Some(group) => {
                    shown["links"]["membership"] =
                        json!(format!("{base}/groups/{group}/users/{id}"));
                    format!("groups/{group}")
                }
                None => format!("users/{id}"),
            }
        }
        Actor::Group(id) => {
            let found = identity.groups.get(id).filter(|_| names);
            let found = found.map(|it| (it.name.as_str(), it.domain_id.as_str()));
            shown["group"] = named(identity, id, found);
            format!("groups/{id}")
        }
    };
    shown["role"] = json!({"id": entry.role});
    if let Some(role) = identity.roles.get(&entry.role).filter(|_| names) {
        shown["role"]["name"] = json!(role.name);
        if let Some(domain) = &role.domain_id {
            shown["role"]["domain"] = json!({"id": domain, "name": domain_name(identity, domain)});
        }
    }
    let place = match entry.from.as_ref().unwrap_or(&entry.on) {
        Scope::Project(id) => format!("projects/{id}"),
        Scope::Domain(id) => format!("domains/{id}"),
        Scope::System | Scope::Unscoped => "system".to_owned(),
    };
    let role = entry.prior.as_ref().unwrap_or(&entry.role);
    let mut link = format!("{place}/{actor_path}/roles/{role}");
    if entry.inherited {
        shown["scope"]["OS-INHERIT:inherited_to"] = json!("projects");
        link = format!("OS-INHERIT/{link}/inherited_to_projects");
    }
    shown["links"]["assignment"] = json!(format!("{base}/{link}"));
    if let Some(prior) = &entry.prior {
        // Keystone names the two the other way round, and so do we.
        let rule = format!("{base}/prior_role/{}/implies/{prior}", entry.role);
        shown["links"]["prior_role"] = json!(rule);
    }
    shown
}
