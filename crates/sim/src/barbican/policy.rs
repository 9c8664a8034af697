//! Who may do what with secrets and containers.
//!
//! The rules are those of Barbican 15 as it comes, which know the roles `creator`, `observer` and
//! `audit` (and `admin`) of the project; `member` and `reader` have no say in them yet. An access
//! control list lets further users read, or keeps out all but the creator.

use super::asked::Asked;
use super::model::Owner;
use super::refusal::Refused;

/// What is to be done, as far as rules tell it apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Act {
    /// Make something new.
    Create,
    /// See the list.
    List,
    /// See one, without what is in it.
    Look,
    /// See what is in a secret.
    Decrypt,
    /// Give a secret its payload.
    Fill,
    /// Delete a secret.
    DeleteSecret,
    /// Delete a container.
    DeleteContainer,
    /// Change what belongs to one: metadata, the secrets of a container.
    Change,
    /// See who may read.
    LookAtAcl,
    /// Say who may read.
    ChangeAcl,
    /// See the limits.
    LookAtQuotas,
    /// See or change the limits of projects.
    ManageQuotas,
}

/// Whether the rules that concern no single object allow it.
fn in_general(asked: &Asked, act: Act) -> bool {
    match act {
        Act::Create => asked.has_any(&["admin", "creator"]),
        Act::List => asked.has_any(NO_AUDITORS),
        Act::LookAtQuotas => asked.has_any(ALL),
        Act::ManageQuotas => asked.has_any(&["key-manager:service-admin"]),
        _ => false,
    }
}

const ALL: &[&str] = &["admin", "observer", "creator", "audit", "key-manager:service-admin"];
const NO_AUDITORS: &[&str] = &["admin", "observer", "creator"];

/// Whether the rules that concern an object allow it.
fn on_object(asked: &Asked, act: Act, owner: &Owner) -> bool {
    let here = asked.project() == owner.project_id;
    let admin = here && asked.has_any(&["admin"]);
    let creators = here && asked.has_any(&["creator"]);
    let creator = creators && asked.user() == owner.creator_id;
    let private = owner.acl.as_ref().is_some_and(|acl| !acl.project_access);
    let named = owner.acl.as_ref().is_some_and(|acl| acl.users.iter().any(|it| it == asked.user()));
    match act {
        Act::Look => (here && asked.has_any(ALL) && !private) || creator || admin || named,
        Act::Decrypt => {
            (here && asked.has_any(NO_AUDITORS) && !private) || creator || admin || named
        }
        Act::Fill => here && asked.has_any(&["admin", "creator"]),
        Act::DeleteSecret | Act::Change => admin || creator || (creators && !private),
        Act::DeleteContainer => admin || creator,
        Act::LookAtAcl => here && asked.has_any(NO_AUDITORS),
        // The rule is asked without the list itself, so that being private makes no difference.
        Act::ChangeAcl => admin || creators,
        Act::Create | Act::List | Act::LookAtQuotas | Act::ManageQuotas => false,
    }
}

/// Allows something that concerns no single object; `doing` names it in the refusal.
pub(crate) fn allow(asked: &Asked, act: Act, doing: &str) -> Result<(), Refused> {
    if in_general(asked, act) { Ok(()) } else { Err(Refused::policy(doing)) }
}

/// Allows something that concerns an object.
pub(crate) fn allow_on(asked: &Asked, act: Act, owner: &Owner, doing: &str) -> Result<(), Refused> {
    if on_object(asked, act, owner) { Ok(()) } else { Err(Refused::policy(doing)) }
}
