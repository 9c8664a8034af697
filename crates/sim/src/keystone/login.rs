//! From an authentication request to a token.

use std::sync::Arc;

use lotse_core::time::{SignedDuration, Timestamp};
use serde_json::Value;

use super::model::{AppCredential, Federated, Identity, Scope, Token, User};
use super::refusal::Refusal;
use crate::world::World;

/// Who somebody proved to be.
struct Proof {
    user: String,
    methods: Vec<String>,
    /// A token that is exchanged keeps its end.
    until: Option<Timestamp>,
    /// Audit id of the token that is exchanged.
    first: Option<String>,
    /// The application credential decides scope and roles.
    credential: Option<AppCredential>,
    federation: Option<(String, String)>,
}

impl Proof {
    fn by(method: &str, user: &str) -> Self {
        Self {
            user: user.to_owned(),
            methods: vec![method.to_owned()],
            until: None,
            first: None,
            credential: None,
            federation: None,
        }
    }
}

/// What a token is to be for, and with which roles.
#[derive(Default)]
struct Granted {
    scope: Option<Scope>,
    roles: Vec<String>,
    /// The trust that gives them, and whose they are then.
    trust: Option<(String, Option<String>)>,
}

/// Checks the request body of `POST /v3/auth/tokens`, and keeps and returns the new token.
pub(crate) fn login(world: &World, body: &Value) -> Result<Arc<Token>, Refusal> {
    let auth = body.get("auth").ok_or_else(|| Refusal::malformed("auth", "request body"))?;
    let identity_part = auth.get("identity").ok_or_else(|| Refusal::missing("identity"))?;
    let methods: Vec<&str> = identity_part
        .get("methods")
        .and_then(Value::as_array)
        .ok_or_else(|| {
            Refusal::bad("Invalid input for field 'identity': 'methods' is a required property")
        })?
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let now = world.now();
    let mut identity = world.identity();
    identity.forget_ended_tokens(now);
    let mut proof = None;
    for method in &methods {
        let part =
            identity_part.get(*method).ok_or_else(|| Refusal::malformed(method, "identity"))?;
        let found = match *method {
            "password" => by_password(&identity, part)?,
            "token" => by_token(&identity, part, now)?,
            "application_credential" => by_credential(&identity, part, now)?,
            _ => return Err(Refusal::unauthorized()),
        };
        proof = Some(found);
    }
    let proof = proof.ok_or_else(Refusal::unauthorized)?;
    let granted = scope(&identity, auth.get("scope"), &proof)?;
    Ok(grant(world, &mut identity, proof, granted))
}

/// Signs in whoever shows an access token of this identity provider; the token is for nothing yet.
pub(crate) fn federated_login(
    world: &World,
    identity_provider: &str,
    protocol: &str,
    access_token: &str,
) -> Result<Arc<Token>, Refusal> {
    let mut identity = world.identity();
    let here = |known: &&Federated| {
        known.identity_provider == identity_provider && known.protocol == protocol
    };
    let mut known = identity.federated.iter().filter(here).peekable();
    if known.peek().is_none() {
        let what = format!("{identity_provider}/{protocol}");
        return Err(Refusal::not_found("federated protocol for identity provider", &what));
    }
    let known = known.find(|known| known.access_token.0 == access_token);
    let user = known.ok_or_else(Refusal::unauthorized)?.user_id.clone();
    let proof = Proof {
        federation: Some((identity_provider.to_owned(), protocol.to_owned())),
        ..Proof::by(protocol, &user)
    };
    Ok(grant(world, &mut identity, proof, Granted::default()))
}

/// Makes and keeps a token.
fn grant(world: &World, identity: &mut Identity, proof: Proof, granted: Granted) -> Arc<Token> {
    let now = world.now();
    let lifetime = SignedDuration::try_from(world.options.token_lifetime)
        .unwrap_or(SignedDuration::from_hours(1));
    let names = granted.roles.iter().filter_map(|id| identity.roles.get(id));
    let role_names = names.map(|role| role.name.clone()).collect();
    let scope = granted.scope.unwrap_or(Scope::Unscoped);
    let project_domain = match &scope {
        Scope::Project(id) => identity.projects.get(id).map(|project| project.domain_id.clone()),
        _ => None,
    };
    let mut audit_ids = vec![world.ids.hex()[..22].to_owned()];
    audit_ids.extend(proof.first);
    let (trust, instead) = granted.trust.map_or((None, None), |(id, user)| (Some(id), user));
    let token = Arc::new(Token {
        id: world.ids.token(),
        methods: proof.methods,
        user_id: instead.unwrap_or(proof.user),
        scope,
        roles: granted.roles,
        role_names,
        project_domain,
        audit_ids,
        issued_at: now,
        expires_at: proof.until.unwrap_or_else(|| now.saturating_add(lifetime).unwrap_or(now)),
        app_credential: proof.credential.map(|credential| credential.id),
        trust,
        federation: proof.federation,
    });
    identity.tokens.insert(token.id.clone(), Arc::clone(&token));
    token
}

fn by_password(identity: &Identity, part: &Value) -> Result<Proof, Refusal> {
    let user = part.get("user").ok_or_else(|| Refusal::malformed("user", "password"))?;
    let found = find_user(identity, user)?;
    let password = user.get("password").and_then(Value::as_str).unwrap_or_default();
    let known = found
        .filter(|found| {
            enabled(identity, found) && !password.is_empty() && found.password.0 == password
        })
        .ok_or_else(Refusal::unauthorized)?;
    Ok(Proof::by("password", &known.id))
}

fn by_token(identity: &Identity, part: &Value, now: Timestamp) -> Result<Proof, Refusal> {
    let id = part.get("id").and_then(Value::as_str).ok_or_else(|| Refusal::missing("id"))?;
    let token = identity.tokens.get(id).filter(|token| token.expires_at > now);
    let token = token.ok_or_else(|| Refusal::no_token(id))?;
    let mut methods = token.methods.clone();
    if !methods.iter().any(|method| method == "token") {
        methods.push("token".to_owned());
    }
    let credential = token.app_credential.as_ref();
    Ok(Proof {
        user: token.user_id.clone(),
        methods,
        until: Some(token.expires_at),
        first: token.audit_ids.last().cloned(),
        credential: credential.and_then(|id| identity.application_credentials.get(id)).cloned(),
        federation: token.federation.clone(),
    })
}

fn by_credential(identity: &Identity, part: &Value, now: Timestamp) -> Result<Proof, Refusal> {
    let text = |name: &str| part.get(name).and_then(Value::as_str);
    let credential = if let Some(id) = text("id") {
        identity.application_credentials.get(id)
    } else {
        let name = text("name").ok_or_else(|| Refusal::missing("name"))?;
        let user = part.get("user").ok_or_else(|| Refusal::missing("user"))?;
        let owner = find_user(identity, user)?.ok_or_else(Refusal::unauthorized)?;
        identity
            .application_credentials
            .values()
            .find(|found| found.name == name && found.user_id == owner.id)
    };
    let credential = credential.ok_or_else(|| {
        Refusal::not_found(
            "Application Credential",
            text("id").or_else(|| text("name")).unwrap_or_default(),
        )
    })?;
    let known = Some(credential)
        .filter(|found| text("secret") == Some(found.secret.0.as_str()))
        .filter(|found| found.expires_at.is_none_or(|end| end > now))
        .filter(|found| {
            identity.users.get(&found.user_id).is_some_and(|user| enabled(identity, user))
        })
        .ok_or_else(Refusal::unauthorized)?;
    Ok(Proof {
        credential: Some(known.clone()),
        ..Proof::by("application_credential", &known.user_id)
    })
}

/// Whether a user and the user's domain are switched on.
fn enabled(identity: &Identity, user: &User) -> bool {
    user.enabled && identity.domains.get(&user.domain_id).is_some_and(|domain| domain.enabled)
}

/// The user that `{"id"}` or `{"name", "domain"}` means.
fn find_user<'a>(identity: &'a Identity, part: &Value) -> Result<Option<&'a User>, Refusal> {
    if let Some(id) = part.get("id").and_then(Value::as_str) {
        return Ok(identity.users.get(id));
    }
    let Some(name) = part.get("name").and_then(Value::as_str) else {
        return Err(Refusal::malformed("id or name", "user"));
    };
    let domain = part.get("domain").ok_or_else(|| Refusal::malformed("domain", "user"))?;
    Ok(find_domain(identity, domain).and_then(|domain| identity.user_named(name, &domain)))
}

/// The id of the domain that `{"id"}` or `{"name"}` means.
fn find_domain(identity: &Identity, part: &Value) -> Option<String> {
    match (part.get("id").and_then(Value::as_str), part.get("name").and_then(Value::as_str)) {
        (Some(id), _) => identity.domains.get(id),
        (None, Some(name)) => identity.domain_named(name),
        (None, None) => None,
    }
    .map(|domain| domain.id.clone())
}

/// The id of the project that `{"id"}` or `{"name", "domain"}` means.
fn find_project(identity: &Identity, part: &Value) -> Option<String> {
    let found = if let Some(id) = part.get("id").and_then(Value::as_str) {
        identity.projects.get(id)
    } else {
        let domain = find_domain(identity, part.get("domain")?)?;
        identity.project_named(part.get("name")?.as_str()?, &domain)
    };
    let open = |domain: &str| identity.domains.get(domain).is_some_and(|domain| domain.enabled);
    found
        .filter(|project| project.enabled && open(&project.domain_id))
        .map(|project| project.id.clone())
}

/// What the token is for, and the ids of the roles it carries there.
fn scope(identity: &Identity, asked: Option<&Value>, proof: &Proof) -> Result<Granted, Refusal> {
    if let Some(credential) = &proof.credential {
        if asked.is_some_and(|asked| !asked.is_null()) && proof.until.is_none() {
            return Err(Refusal::scope_of_credential());
        }
        let roles = credential.roles.iter().filter_map(|name| identity.role_named(name));
        let roles = identity.with_implied(roles.map(|role| role.id.clone()).collect());
        let scope = Some(Scope::Project(credential.project_id.clone()));
        return Ok(Granted { scope, roles, trust: None });
    }
    let wanted = match asked {
        None | Some(Value::Null) => return Ok(default_scope(identity, &proof.user)),
        Some(Value::String(text)) if text == "unscoped" => return Ok(Granted::default()),
        Some(asked) => {
            if let Some(trust) = asked.get("OS-TRUST:trust") {
                return by_trust(identity, trust, proof);
            } else if let Some(part) = asked.get("project") {
                find_project(identity, part).map(Scope::Project)
            } else if let Some(part) = asked.get("domain") {
                find_domain(identity, part)
                    .filter(|id| identity.domains.get(id).is_some_and(|domain| domain.enabled))
                    .map(Scope::Domain)
            } else if asked.pointer("/system/all") == Some(&Value::Bool(true)) {
                Some(Scope::System)
            } else {
                None
            }
        }
    };
    let scope = wanted.ok_or_else(Refusal::unauthorized)?;
    let roles = identity.roles_on(&proof.user, &scope);
    if roles.is_empty() {
        return Err(Refusal::unauthorized());
    }
    Ok(Granted { scope: Some(scope), roles, trust: None })
}

/// Without a scope, a token is for the user's default project if there is one.
fn default_scope(identity: &Identity, user: &str) -> Granted {
    let project = identity.users.get(user).and_then(|user| user.default_project_id.clone());
    let open = project.filter(|id| identity.projects.get(id).is_some_and(|it| it.enabled));
    if let Some(scope) = open.map(Scope::Project) {
        let roles = identity.roles_on(user, &scope);
        if !roles.is_empty() {
            return Granted { scope: Some(scope), roles, trust: None };
        }
    }
    Granted::default()
}

/// A trust gives the trustee some roles of the trustor, who it may even seem to be.
fn by_trust(identity: &Identity, asked: &Value, proof: &Proof) -> Result<Granted, Refusal> {
    let id = asked.get("id").and_then(Value::as_str).unwrap_or_default();
    let trust = identity.document("trusts", id);
    let trust = trust.ok_or_else(|| Refusal::not_found("trust", id))?;
    if trust.text("trustee_user_id") != Some(&proof.user) {
        return Err(Refusal::forbidden_plainly());
    }
    let trustor = trust.text("trustor_user_id").unwrap_or_default();
    let project = trust.text("project_id").unwrap_or_default();
    let scope = Scope::Project(project.to_owned());
    let own = identity.roles_on(trustor, &scope);
    let listed = trust.fields.get("roles").and_then(Value::as_array);
    let roles: Vec<String> = listed
        .into_iter()
        .flatten()
        .filter_map(|role| role.get("id").and_then(Value::as_str))
        .map(str::to_owned)
        .collect();
    // What the trustor has lost is not the trustor's to give.
    if roles.iter().any(|role| !own.contains(role)) {
        return Err(Refusal::forbidden_plainly());
    }
    let impersonates = trust.fields.get("impersonation") == Some(&Value::Bool(true));
    let user = impersonates.then(|| trustor.to_owned());
    let roles = identity.with_implied(roles);
    Ok(Granted { scope: Some(scope), roles, trust: Some((id.to_owned(), user)) })
}
