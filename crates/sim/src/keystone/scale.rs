//! Many projects and users at once.

use super::model::{Actor, Assignment, Password, Project, Scope, User};
use crate::seed::PASSWORD;
use crate::world::World;

/// Makes projects and users; each user is a member of the project of its number, if there is one.
pub(crate) fn populate(world: &World, projects: u64, users: u64) {
    let mut identity = world.identity();
    let member = identity.role_named("member").map(|role| role.id.clone());
    let mut made = Vec::new();
    for number in 1..=projects {
        let project = Project {
            id: world.ids.hex(),
            name: format!("project-{number:06}"),
            domain_id: "default".to_owned(),
            enabled: true,
            ..Project::default()
        };
        made.push(project.id.clone());
        identity.projects.insert(project.id.clone(), project);
    }
    for number in 1..=users {
        let user = User {
            id: world.ids.hex(),
            name: format!("user-{number:06}"),
            domain_id: "default".to_owned(),
            password: Password(PASSWORD.to_owned()),
            enabled: true,
            ..User::default()
        };
        let index = usize::try_from(number - 1).unwrap_or(usize::MAX);
        if let (Some(role), Some(project)) = (&member, made.get(index)) {
            identity.assignments.insert(Assignment {
                actor: Actor::User(user.id.clone()),
                role: role.clone(),
                on: Scope::Project(project.clone()),
                inherited: false,
            });
        }
        identity.users.insert(user.id.clone(), user);
    }
}
