//! What Keystone knows, as plain data.

mod entity;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use lotse_core::time::Timestamp;
use serde::{Deserialize, Serialize};

pub(crate) use self::entity::*;
use crate::seed::keyed;

/// A password or secret. It is part of the state, and shown nowhere else.
#[derive(Clone, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Password(pub(crate) String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// The tokens that were handed out, by themselves; secrets, so only their number is ever shown.
#[derive(Clone, Default)]
pub(crate) struct Tokens(HashMap<String, Arc<Token>>);

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} tokens", self.0.len())
    }
}

impl std::ops::Deref for Tokens {
    type Target = HashMap<String, Arc<Token>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl std::ops::DerefMut for Tokens {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

/// A token that was handed out.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) id: String,
    pub(crate) methods: Vec<String>,
    pub(crate) user_id: String,
    pub(crate) scope: Scope,
    /// Ids of the roles, implied ones included.
    pub(crate) roles: Vec<String>,
    /// Their names, as they were when the token was made.
    pub(crate) role_names: Vec<String>,
    /// The domain of the project it is for.
    pub(crate) project_domain: Option<String>,
    /// Its audit id, and that of the token it was got with first.
    pub(crate) audit_ids: Vec<String>,
    pub(crate) issued_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    /// The application credential it came from.
    pub(crate) app_credential: Option<String>,
    /// The trust it came from.
    pub(crate) trust: Option<String>,
    /// Identity provider and protocol it came from.
    pub(crate) federation: Option<(String, String)>,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token(… of {} for {:?})", self.user_id, self.scope)
    }
}

/// Everything Keystone knows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Identity {
    #[serde(with = "keyed")]
    pub(crate) domains: BTreeMap<String, Domain>,
    #[serde(with = "keyed")]
    pub(crate) projects: BTreeMap<String, Project>,
    #[serde(with = "keyed")]
    pub(crate) users: BTreeMap<String, User>,
    #[serde(with = "keyed")]
    pub(crate) groups: BTreeMap<String, Group>,
    #[serde(with = "keyed")]
    pub(crate) roles: BTreeMap<String, Role>,
    #[serde(with = "keyed")]
    pub(crate) regions: BTreeMap<String, Region>,
    /// Services of the catalogue; when a seed has none, those that are simulated.
    #[serde(with = "keyed")]
    pub(crate) services: BTreeMap<String, CatalogService>,
    #[serde(with = "keyed")]
    pub(crate) endpoints: BTreeMap<String, Endpoint>,
    pub(crate) assignments: BTreeSet<Assignment>,
    #[serde(with = "keyed")]
    pub(crate) application_credentials: BTreeMap<String, AppCredential>,
    pub(crate) federated: Vec<Federated>,
    /// What is kept as it was given.
    pub(crate) documents: Documents,
    #[serde(skip)]
    pub(crate) tokens: Tokens,
}

impl Identity {
    /// The domain of this name.
    pub(crate) fn domain_named(&self, name: &str) -> Option<&Domain> {
        self.domains.values().find(|domain| domain.name == name)
    }

    /// The project of this name in a domain.
    pub(crate) fn project_named(&self, name: &str, domain: &str) -> Option<&Project> {
        self.projects.values().find(|found| found.name == name && found.domain_id == domain)
    }

    /// The user of this name in a domain.
    pub(crate) fn user_named(&self, name: &str, domain: &str) -> Option<&User> {
        self.users.values().find(|found| found.name == name && found.domain_id == domain)
    }

    /// The role of this name that is no domain's own.
    pub(crate) fn role_named(&self, name: &str) -> Option<&Role> {
        self.roles.values().find(|role| role.name == name && role.domain_id.is_none())
    }

    /// The documents of a collection.
    pub(crate) fn documents(&self, collection: &str) -> impl Iterator<Item = &Document> {
        self.documents.get(collection).into_iter().flat_map(BTreeMap::values)
    }

    /// A document.
    pub(crate) fn document(&self, collection: &str, id: &str) -> Option<&Document> {
        self.documents.get(collection)?.get(id)
    }

    /// The projects above a project, nearest first.
    pub(crate) fn parents(&self, project: &str) -> Vec<&Project> {
        let mut above: Vec<&Project> = Vec::new();
        let mut next = self.projects.get(project).and_then(|it| it.parent_id.as_deref());
        // A seed may have a circle in it.
        while let Some(found) = next.and_then(|id| self.projects.get(id)) {
            if above.len() > self.projects.len() {
                break;
            }
            above.push(found);
            next = found.parent_id.as_deref();
        }
        above
    }

    /// The projects right below a project.
    pub(crate) fn children<'a>(&'a self, project: &'a str) -> impl Iterator<Item = &'a Project> {
        self.projects.values().filter(move |it| it.parent_id.as_deref() == Some(project))
    }

    /// All projects below a project, itself not among them.
    pub(crate) fn subtree(&self, project: &str) -> Vec<&Project> {
        let below = |it: &&Project| self.parents(&it.id).iter().any(|above| above.id == project);
        self.projects.values().filter(|it| it.parent_id.is_some()).filter(below).collect()
    }

    /// Whether an assignment counts on a scope.
    pub(crate) fn counts_on(&self, given: &Assignment, scope: &Scope) -> bool {
        if !given.inherited {
            return given.on == *scope;
        }
        let Scope::Project(project) = scope else { return false };
        match &given.on {
            Scope::Domain(domain) => {
                self.projects.get(project).is_some_and(|it| it.domain_id == *domain)
            }
            Scope::Project(above) => self.parents(project).iter().any(|it| it.id == *above),
            Scope::System | Scope::Unscoped => false,
        }
    }

    /// Whether a role given to the actor is given to the user.
    pub(crate) fn acts_for(&self, actor: &Actor, user: &str) -> bool {
        match actor {
            Actor::User(id) => id == user,
            Actor::Group(id) => self.groups.get(id).is_some_and(|it| it.users.contains(user)),
        }
    }

    /// Ids of the roles a user has there, implied ones included.
    pub(crate) fn roles_on(&self, user: &str, scope: &Scope) -> Vec<String> {
        let given = self
            .assignments
            .iter()
            .filter(|given| self.acts_for(&given.actor, user) && self.counts_on(given, scope))
            // A role that is a domain's own only counts by what it implies.
            .map(|given| given.role.clone());
        let mut all = self.with_implied(given.collect());
        all.retain(|id| self.roles.get(id).is_some_and(|role| role.domain_id.is_none()));
        all
    }

    /// Ids of the roles that a role implies by itself.
    pub(crate) fn implied_by<'a>(&'a self, role: &'a Role) -> impl Iterator<Item = &'a Role> {
        let found = |name: &'a String| self.roles.get(name).or_else(|| self.role_named(name));
        role.implies.iter().filter_map(found)
    }

    /// The roles and all that they imply.
    pub(crate) fn with_implied(&self, mut open: Vec<String>) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        while let Some(id) = open.pop() {
            if all.contains(&id) {
                continue;
            }
            if let Some(role) = self.roles.get(&id) {
                open.extend(self.implied_by(role).map(|role| role.id.clone()));
                all.push(id);
            }
        }
        all
    }

    /// Forgets what belongs to or was given on something that is not there any more, and the tokens
    /// of what is switched off.
    pub(crate) fn drop_orphans(&mut self) {
        let domains = &self.domains;
        self.projects.retain(|_, project| domains.contains_key(&project.domain_id));
        self.users.retain(|_, user| domains.contains_key(&user.domain_id));
        self.groups.retain(|_, group| domains.contains_key(&group.domain_id));
        self.roles.retain(|_, role| {
            role.domain_id.as_ref().is_none_or(|domain| domains.contains_key(domain))
        });
        let (projects, users, groups) = (&self.projects, &self.users, &mut self.groups);
        for group in groups.values_mut() {
            group.users.retain(|user| users.contains_key(user));
        }
        self.application_credentials.retain(|_, credential| {
            users.contains_key(&credential.user_id) && projects.contains_key(&credential.project_id)
        });
        for (collection, field) in
            [("credentials", "user_id"), ("trusts", "trustor_user_id"), ("access_rules", "user_id")]
        {
            if let Some(found) = self.documents.get_mut(collection) {
                found.retain(|_, it| it.text(field).is_some_and(|user| users.contains_key(user)));
            }
        }
        let services = &self.services;
        self.endpoints.retain(|_, endpoint| services.contains_key(&endpoint.service_id));
        self.federated.retain(|known| users.contains_key(&known.user_id));
        self.drop_assignments();
        self.drop_tokens();
    }

    fn drop_assignments(&mut self) {
        let Self { domains, projects, users, groups, roles, .. } = &*self;
        let exists = |scope: &Scope| match scope {
            Scope::Project(id) => projects.contains_key(id),
            Scope::Domain(id) => domains.contains_key(id),
            Scope::System | Scope::Unscoped => true,
        };
        let gone: Vec<Assignment> = self
            .assignments
            .iter()
            .filter(|given| {
                let actor = match &given.actor {
                    Actor::User(id) => users.contains_key(id),
                    Actor::Group(id) => groups.contains_key(id),
                };
                !(actor && roles.contains_key(&given.role) && exists(&given.on))
            })
            .cloned()
            .collect();
        for given in gone {
            self.assignments.remove(&given);
        }
    }

    /// Ends the tokens of what is switched off or gone.
    fn drop_tokens(&mut self) {
        let Self { domains, projects, users, application_credentials, .. } = &*self;
        let domain_open = |id: &str| domains.get(id).is_some_and(|domain| domain.enabled);
        let open = |scope: &Scope| match scope {
            Scope::Project(id) => projects
                .get(id)
                .is_some_and(|project| project.enabled && domain_open(&project.domain_id)),
            Scope::Domain(id) => domain_open(id),
            Scope::System | Scope::Unscoped => true,
        };
        let stays = |token: &Token| {
            users
                .get(&token.user_id)
                .is_some_and(|user| user.enabled && domain_open(&user.domain_id))
                && open(&token.scope)
                && token
                    .app_credential
                    .as_ref()
                    .is_none_or(|id| application_credentials.contains_key(id))
        };
        let gone: Vec<String> = self
            .tokens
            .values()
            .filter(|token| !stays(token))
            .map(|token| token.id.clone())
            .collect();
        for id in gone {
            self.tokens.remove(&id);
        }
    }

    /// Ends all tokens of a user, as a new password does.
    pub(crate) fn end_tokens_of(&mut self, user: &str) {
        self.tokens.retain(|_, token| token.user_id != user);
    }

    /// Ends the tokens whose roles were changed: those of the actor, for the scope.
    pub(crate) fn end_tokens_on(&mut self, given: &Assignment) {
        let ends = |token: &Token| {
            self.acts_for(&given.actor, &token.user_id) && self.counts_on(given, &token.scope)
        };
        let ids: Vec<String> =
            self.tokens.values().filter(|token| ends(token)).map(|it| it.id.clone()).collect();
        for id in ids {
            self.tokens.remove(&id);
        }
    }

    /// Gives the tokens that an assignment concerns the roles that they have now: Keystone looks
    /// roles up whenever a token is used.
    pub(crate) fn refresh_tokens(&mut self, given: &Assignment) {
        let mut fresh = Vec::new();
        for token in self.tokens.values() {
            let plain = token.app_credential.is_none() && token.trust.is_none();
            let concerned = self.acts_for(&given.actor, &token.user_id);
            if plain && concerned && self.counts_on(given, &token.scope) {
                let roles = self.roles_on(&token.user_id, &token.scope);
                let names = roles.iter().filter_map(|id| self.roles.get(id));
                let role_names = names.map(|role| role.name.clone()).collect();
                fresh.push(Arc::new(Token { roles, role_names, ..(**token).clone() }));
            }
        }
        for token in fresh {
            self.tokens.insert(token.id.clone(), token);
        }
    }

    /// Forgets tokens that have ended, now and then: a look at all of them at each sign-in would make
    /// many sign-ins slow.
    pub(crate) fn forget_ended_tokens(&mut self, now: Timestamp) {
        if self.tokens.len().is_multiple_of(256) {
            self.tokens.retain(|_, token| token.expires_at > now);
        }
    }
}
