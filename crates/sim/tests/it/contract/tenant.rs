//! Projects of a scenario's own, with people in the roles that it needs.

use reqwest::Method;
use serde_json::{Value, json};

use super::bed::{Bed, text};
use super::script::Script;
use crate::client::{Answer, Person, Session};

/// A project of this run.
#[derive(Debug)]
pub(crate) struct Tenant {
    /// The cloud's administrator, as administrator of the project.
    pub(crate) admin: Session,
    /// The people that were asked for, in their order.
    pub(crate) people: Vec<Session>,
}

/// Makes a project of this run, and people in it: what they are called in the transcript, and their
/// role.
pub(crate) async fn of(bed: &Bed, script: &mut Script, people: &[(&str, &str)]) -> Tenant {
    let post = |path: &'static str, body: Value| {
        Answer::of(bed.admin.identity(Method::POST, path).json(&body))
    };
    let name = bed.name("tenant");
    let project = post("/projects", json!({"project": {"name": name}})).await.json();
    let project = text(&project["project"], "id").to_owned();
    script.name(&project, "<tenant>");
    let admins = Answer::of(bed.admin.identity(Method::GET, "/users?name=admin")).await.json();
    let admin = text(&admins["users"][0], "id").to_owned();
    script.name(&admin, "<admin user>");
    give(bed, &project, &admin, "admin").await;
    let mut signed_in = Vec::new();
    for (called, role) in people {
        let user = json!({"user": {"name": bed.name(called), "password": "secret"}});
        let user = text(&post("/users", user).await.json()["user"], "id").to_owned();
        script.name(&user, &format!("<{called}>"));
        give(bed, &project, &user, role).await;
        let person = Person {
            user: bed.name(called),
            password: "secret".to_owned(),
            project: Some(name.clone()),
            ..bed.people.admin.clone()
        };
        signed_in.push(Session::sign_in(&person).await);
    }
    let admin = admin_of(bed).await;
    Tenant { admin, people: signed_in }
}

/// The cloud's administrator in the project of this run.
async fn admin_of(bed: &Bed) -> Session {
    let person = Person { project: Some(bed.name("tenant")), ..bed.people.admin.clone() };
    Session::sign_in(&person).await
}

async fn give(bed: &Bed, project: &str, user: &str, role: &str) {
    let roles = Answer::of(bed.admin.identity(Method::GET, &format!("/roles?name={role}"))).await;
    let role = text(&roles.json()["roles"][0], "id").to_owned();
    let path = format!("/projects/{project}/users/{user}/roles/{role}");
    assert_eq!(Answer::of(bed.admin.identity(Method::PUT, &path)).await.status, 204);
}

/// The administrator of this run's project, if the run made one.
pub(crate) async fn existing(bed: &Bed) -> Option<Session> {
    let path = format!("/projects?name={}", bed.name("tenant"));
    let projects = Answer::of(bed.admin.identity(Method::GET, &path)).await.json();
    let made = projects["projects"].as_array().is_some_and(|all| !all.is_empty());
    if made { Some(admin_of(bed).await) } else { None }
}
