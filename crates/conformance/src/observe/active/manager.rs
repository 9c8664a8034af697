//! What a manager of a domain may do and may not (scs-0302): the whole matrix, not up to the first
//! surprise.
//!
//! Two managers are needed. The first one does everything; the second makes what the first must not
//! touch. What both made is cleared by each in the own domain, under an intent each.

use http::StatusCode;
use lotse_openstack::{Cloud, RequestBuilder};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Lab, NotDone, Observer, Trial};
use crate::model::Reason;
use crate::snapshot::{Answer, Deed, Sphere, Trouble};

const IDENTITY: &str = "identity";

/// What a manager has made in the own domain.
struct Own {
    domain: String,
    user: Option<String>,
    project: Option<String>,
    group: Option<String>,
}

impl Own {
    fn of(&self, sphere: Sphere) -> Option<&str> {
        match sphere {
            Sphere::Users => self.user.as_deref(),
            Sphere::Projects => self.project.as_deref(),
            Sphere::Groups | Sphere::Roles => self.group.as_deref(),
        }
    }
}

/// Tries out what the first manager may do; `others` looks at the cloud as the second one.
pub(in super::super) async fn managed(
    ours: &Observer<'_>,
    others: &Observer<'_>,
    lab: &Lab,
) -> Answer<Vec<Deed>> {
    let mut matrix = Matrix { ours, others, deeds: Vec::new() };
    // Who is told to end ends the inner trial, which is cleared, and then the outer one.
    let outer = Lab { cancelled: CancellationToken::new(), ..lab.clone() };
    let inner = others.attempt(lab, Trial::Domain, matrix.run());
    let tried = ours.attempt(&outer, Trial::Domain, async {
        let tried = Box::pin(inner).await?;
        tried.cleared?;
        tried.work
    });
    match Box::pin(tried).await {
        Ok(tried) => match tried.work.and(tried.cleared) {
            Ok(()) => Answer::Given(matrix.deeds),
            Err(error) => Answer::Failed(error.trouble()),
        },
        Err(error) => Answer::Failed(error.trouble()),
    }
}

/// The domain to which a manager's token belongs.
async fn domain(cloud: &Cloud) -> Result<String, NotDone> {
    let token = cloud.token().await?;
    let named = token.domain.as_ref().map(|domain| domain.id.clone());
    named.ok_or_else(|| {
        NotDone::Nothing(format!(
            "{} is not signed in on a domain (domain_name in clouds.yaml)",
            cloud.name()
        ))
    })
}

struct Matrix<'a> {
    ours: &'a Observer<'a>,
    others: &'a Observer<'a>,
    deeds: Vec<Deed>,
}

impl Matrix<'_> {
    async fn run(&mut self) -> Result<(), NotDone> {
        let (own, foreign) = (domain(self.ours.cloud).await?, domain(self.others.cloud).await?);
        if own == foreign {
            let why = "both managers manage the same domain, and two are needed";
            return Err(NotDone::Nothing(why.to_owned()));
        }
        let foreign = self.foreign(foreign).await?;
        let roles = self.roles().await?;
        let mut made = Own { domain: own, user: None, project: None, group: None };
        made.user = self.create(Sphere::Users, &made, &foreign).await;
        made.project = self.create(Sphere::Projects, &made, &foreign).await;
        made.group = self.create(Sphere::Groups, &made, &foreign).await;
        for sphere in [Sphere::Users, Sphere::Projects, Sphere::Groups] {
            self.look_and_change(sphere, &made, &foreign).await;
        }
        self.grants(&made, &foreign, &roles).await;
        self.members(&made, &foreign).await;
        // Last, since the rest needs what goes away here.
        for sphere in [Sphere::Groups, Sphere::Projects, Sphere::Users] {
            for (allowed, owner) in [(false, &foreign), (true, &made)] {
                let path = owner.of(sphere).map(|id| one(sphere, id));
                self.simple(sphere, "delete", allowed, path, |cloud, path| {
                    cloud.delete(IDENTITY, path)
                })
                .await;
            }
        }
        Ok(())
    }

    /// What the second manager makes; without it nothing can be said.
    async fn foreign(&self, domain: String) -> Result<Own, NotDone> {
        let mut ids = Vec::new();
        for sphere in [Sphere::Users, Sphere::Projects, Sphere::Groups] {
            let body = body(sphere, &self.others.name(), Some(&domain));
            let request = self.others.cloud.post(IDENTITY, all(sphere)).json(&body);
            let made = self.others.ask(request).await?;
            ids.push(made[sphere.one()]["id"].as_str().map(ToOwned::to_owned));
        }
        let group = ids.pop().flatten();
        let project = ids.pop().flatten();
        Ok(Own { domain, user: ids.pop().flatten(), project, group })
    }

    /// The roles `member` and `admin`, as far as the manager sees them.
    async fn roles(&self) -> Result<[Option<String>; 2], NotDone> {
        let listing = self.ours.ask(self.ours.cloud.get(IDENTITY, "/v3/roles")).await?;
        let roles = listing["roles"].as_array().map_or(&[][..], Vec::as_slice);
        Ok(["member", "admin"].map(|name| {
            let role = roles.iter().find(|role| role["name"] == name);
            role.and_then(|role| role["id"].as_str()).map(ToOwned::to_owned)
        }))
    }

    async fn create(&mut self, sphere: Sphere, own: &Own, foreign: &Own) -> Option<String> {
        let name = self.ours.name();
        let mut id = None;
        for (allowed, what, domain, name) in [
            (true, "create", Some(&*own.domain), name.clone()),
            (false, "create without a domain", None, format!("{name}-nowhere")),
            (false, "create in another domain", Some(&*foreign.domain), format!("{name}-there")),
        ] {
            let body = body(sphere, &name, domain);
            let request = self.ours.cloud.post(IDENTITY, all(sphere)).json(&body);
            let made = self.deed(sphere, what.to_owned(), allowed, request, |_| true).await;
            if allowed {
                id = made.and_then(|made| made[sphere.one()]["id"].as_str().map(ToOwned::to_owned));
            }
        }
        id
    }

    async fn look_and_change(&mut self, sphere: Sphere, own: &Own, foreign: &Own) {
        let change = json!({ (sphere.one()): { "description": "changed by a conformance check" } });
        for (allowed, owner) in [(true, own), (false, foreign)] {
            let path = owner.of(sphere).map(|id| one(sphere, id));
            self.simple(sphere, "look at", allowed, path.clone(), |cloud, path| {
                cloud.get(IDENTITY, path)
            })
            .await;
            self.simple(sphere, "change", allowed, path, |cloud, path| {
                cloud.patch(IDENTITY, path).json(&change)
            })
            .await;
            let request =
                self.ours.cloud.get(IDENTITY, all(sphere)).query("domain_id", &owner.domain);
            let shown = |answer: &Value| {
                let mut listed = answer[sphere.many()].as_array().into_iter().flatten();
                listed.any(|item| item["id"].as_str() == owner.of(sphere))
            };
            let what = named("list", allowed);
            self.deed(sphere, what, allowed, request, shown).await;
        }
    }

    async fn grants(&mut self, own: &Own, foreign: &Own, [member, admin]: &[Option<String>; 2]) {
        let path = |on: &str, target: Option<&str>, user: Option<&str>, role: Option<&str>| {
            Some(format!("/v3/{on}/{}/users/{}/roles/{}", target?, user?, role?))
        };
        let (domains, projects) = (Sphere::Users, Sphere::Projects);
        let (own_user, foreign_user) = (own.user.as_deref(), foreign.user.as_deref());
        let (here, there) = (Some(&*own.domain), Some(&*foreign.domain));
        let (project, other) = (own.project.as_deref(), foreign.project.as_deref());
        for (sphere, on, target, user, allowed, where_to) in [
            (domains, "domains", here, own_user, true, "on the domain to the own user"),
            (domains, "domains", there, foreign_user, false, "on another domain to its user"),
            (domains, "domains", there, own_user, false, "on another domain to the own user"),
            (projects, "projects", project, own_user, true, "on the own project to the own user"),
            (projects, "projects", other, foreign_user, false, "on a foreign project to its user"),
            (
                projects,
                "projects",
                project,
                foreign_user,
                false,
                "on the own project to a foreign user",
            ),
            (projects, "projects", other, own_user, false, "on a foreign project to the own user"),
        ] {
            let path = path(on, target, user, member.as_deref());
            for verb in ["give member", "take member"] {
                let give = verb == "give member";
                self.plain(
                    sphere,
                    format!("{verb} {where_to}"),
                    allowed,
                    path.clone(),
                    |cloud, path| {
                        if give { cloud.put(IDENTITY, path) } else { cloud.delete(IDENTITY, path) }
                    },
                )
                .await;
            }
            if allowed && sphere == projects {
                let path = own_user.map(|user| format!("/v3/users/{user}/projects"));
                let what = "list the projects of the own user".to_owned();
                self.plain(sphere, what, true, path, |cloud, path| cloud.get(IDENTITY, path)).await;
            }
        }
        for (on, target) in [("domains", here), ("projects", project)] {
            self.admin(path(on, target, own_user, admin.as_deref()), on).await;
        }
    }

    /// Some versions of Keystone answer a grant of `admin` without an error and do nothing, so that only
    /// looking shows whether it happened.
    async fn admin(&mut self, path: Option<String>, on: &str) {
        let what = format!("give admin on {}", on.trim_end_matches('s'));
        let Some(path) = path else {
            // Who does not see the role cannot name it.
            let deed = Deed {
                sphere: Sphere::Roles,
                what,
                allowed: false,
                happened: Some(false),
                status: None,
            };
            self.deeds.push(deed);
            return;
        };
        let answered = self.ours.ask(self.ours.cloud.put(IDENTITY, &path)).await;
        let refused = answered.err().and_then(|error| error.status());
        let there = self.ours.ask(self.ours.cloud.get(IDENTITY, &path)).await;
        let (happened, status) = match (refused, there) {
            (_, Ok(_)) => (Some(true), None),
            (Some(status), Err(_)) => (Some(false), Some(status.as_u16())),
            (None, Err(error)) if error.is_not_found() => (Some(false), Some(404)),
            // It said that it did it, and nobody may look.
            (None, Err(error)) => (None, error.status().map(|status| status.as_u16())),
        };
        self.deeds.push(Deed { sphere: Sphere::Roles, what, allowed: false, happened, status });
        if happened != Some(false) {
            // It goes away with the user, too.
            drop(self.ours.ask(self.ours.cloud.delete(IDENTITY, &path)).await);
        }
    }

    async fn members(&mut self, own: &Own, foreign: &Own) {
        let path = |group: &Own, user: &Own| {
            Some(format!("/v3/groups/{}/users/{}", group.group.as_ref()?, user.user.as_ref()?))
        };
        for (allowed, group, user, whom) in [
            (true, own, own, "the own user in the own group"),
            (false, own, foreign, "a foreign user in the own group"),
            (false, foreign, own, "the own user in a foreign group"),
            (false, foreign, foreign, "a foreign user in its group"),
        ] {
            let path = path(group, user);
            let sphere = Sphere::Groups;
            self.plain(sphere, format!("put {whom}"), allowed, path.clone(), |cloud, path| {
                cloud.put(IDENTITY, path)
            })
            .await;
            if allowed {
                self.plain(
                    sphere,
                    format!("look for {whom}"),
                    true,
                    path.clone(),
                    |cloud, path| cloud.get(IDENTITY, path),
                )
                .await;
                let list = group.group.as_ref().map(|id| format!("/v3/groups/{id}/users"));
                self.plain(
                    sphere,
                    "list the users of the own group".to_owned(),
                    true,
                    list,
                    |cloud, path| cloud.get(IDENTITY, path),
                )
                .await;
            }
            self.plain(sphere, format!("take away {whom}"), allowed, path, |cloud, path| {
                cloud.delete(IDENTITY, path)
            })
            .await;
        }
    }

    /// A deed on what is the manager's own or somebody else's.
    async fn simple(
        &mut self,
        sphere: Sphere,
        verb: &str,
        allowed: bool,
        path: Option<String>,
        request: impl FnOnce(&Cloud, &str) -> RequestBuilder,
    ) {
        self.plain(sphere, named(verb, allowed), allowed, path, request).await;
    }

    async fn plain(
        &mut self,
        sphere: Sphere,
        what: String,
        allowed: bool,
        path: Option<String>,
        request: impl FnOnce(&Cloud, &str) -> RequestBuilder,
    ) {
        match path {
            Some(path) => {
                let request = request(self.ours.cloud, &path);
                self.deed(sphere, what, allowed, request, |_| true).await;
            }
            // What it needs could not be made.
            None => self.deeds.push(Deed { sphere, what, allowed, happened: None, status: None }),
        }
    }

    /// Does it, and notes whether it happened.
    async fn deed(
        &mut self,
        sphere: Sphere,
        what: String,
        allowed: bool,
        request: RequestBuilder,
        shown: impl FnOnce(&Value) -> bool,
    ) -> Option<Value> {
        let (answer, happened, status) = match self.ours.ask(request).await {
            Ok(answer) => {
                let happened = shown(&answer);
                (Some(answer), Some(happened), None)
            }
            Err(error) => {
                let status = error.status();
                let refusals =
                    [StatusCode::FORBIDDEN, StatusCode::UNAUTHORIZED, StatusCode::NOT_FOUND];
                let refused = status.is_some_and(|status| refusals.contains(&status));
                (None, refused.then_some(false), status.map(|status| status.as_u16()))
            }
        };
        self.deeds.push(Deed { sphere, what, allowed, happened, status });
        answer
    }
}

fn named(verb: &str, allowed: bool) -> String {
    format!("{verb} {}", if allowed { "the own one" } else { "one of another domain" })
}

fn all(sphere: Sphere) -> &'static str {
    match sphere {
        Sphere::Users => "/v3/users",
        Sphere::Projects => "/v3/projects",
        Sphere::Groups | Sphere::Roles => "/v3/groups",
    }
}

fn one(sphere: Sphere, id: &str) -> String {
    format!("{}/{id}", all(sphere))
}

fn body(sphere: Sphere, name: &str, domain: Option<&str>) -> Value {
    let mut body = json!({ "name": name, "description": "made by a conformance check" });
    if let Some(domain) = domain {
        body["domain_id"] = json!(domain);
    }
    if sphere == Sphere::Users {
        // Nobody signs in as it.
        body["enabled"] = json!(false);
    }
    json!({ (sphere.one()): body })
}

/// The trouble of who gave no managers.
pub(in super::super) fn no_managers() -> Trouble {
    Trouble {
        reason: Reason::NotObserved,
        message: "two clouds of managers of two domains are needed".to_owned(),
        status: None,
        request_id: None,
    }
}
