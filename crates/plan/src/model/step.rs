//! One change of a plan.

use std::fmt;
use std::sync::Arc;

use lotse_core::id::Marker;
use serde_json::Value;

/// What a step does to its object; also the risk people weigh.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// The object does not exist yet.
    Create,
    /// Fields of the object change; it keeps its identity.
    Update,
    /// A new object takes the place of the old one, which is destroyed.
    Replace,
    /// The object goes away.
    Destroy,
}

impl Action {
    /// The word used in JSON and in the journal.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Destroy => "destroy",
        }
    }

    /// The symbol in tables: `+ ~ ± -`.
    pub const fn symbol(self) -> char {
        match self {
            Self::Create => '+',
            Self::Update => '~',
            Self::Replace => '±',
            Self::Destroy => '-',
        }
    }

    /// Whether an existing object is lost (`replace` and `destroy`): needs consent and passes the
    /// fuse.
    pub const fn destroys(self) -> bool {
        matches!(self, Self::Replace | Self::Destroy)
    }

    /// Whether a new object comes into being (`create` and `replace`): must not be sent twice
    /// without looking for the marker first.
    pub const fn creates(self) -> bool {
        matches!(self, Self::Create | Self::Replace)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One field of an object, before and after. A field that is absent is `null`.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct Change {
    /// The field; nested ones with dots, for example `properties.os_version`.
    pub field: String,
    /// The present value.
    pub before: Value,
    /// The value to come.
    pub after: Value,
}

impl Change {
    /// A change of `field`.
    pub fn new(
        field: impl Into<String>,
        before: impl Into<Value>,
        after: impl Into<Value>,
    ) -> Self {
        Self { field: field.into(), before: before.into(), after: after.into() }
    }
}

/// Names a step within its plan: readable, and the same in every plan for the same change, for
/// example `image/Debian 13/import`.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct StepId(Arc<str>);

impl StepId {
    /// The step `verb` on the object `name` of this kind.
    pub fn of(kind: &str, name: &str, verb: &str) -> Self {
        Self(format!("{kind}/{name}/{verb}").into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for StepId {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for StepId {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl serde::Serialize for StepId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One change, specific enough that executing it needs no decisions.
#[derive(Clone, Debug)]
pub struct Step<T> {
    /// Its name within the plan.
    pub id: StepId,
    /// What it does.
    pub action: Action,
    /// The kind of object, for example `image`.
    pub kind: String,
    /// The name of the object.
    pub name: String,
    /// The fields that change. Never holds secrets (see [`crate::diff`]).
    pub changes: Vec<Change>,
    /// Why it is there, one sentence for people.
    pub reason: String,
    /// Steps that must have succeeded before.
    pub depends_on: Vec<StepId>,
    /// The service whose limit it counts against, for example `image`; the kind by default.
    pub service: String,
    /// The marker the object carries already (update, destroy). `None` for a new object: the
    /// engine draws one.
    pub marker: Option<Marker>,
    /// The capability's own description of the work.
    pub operation: T,
}

impl<T> Step<T> {
    /// A step without changes, reason or dependencies.
    pub fn new(
        id: impl Into<StepId>,
        action: Action,
        kind: impl Into<String>,
        name: impl Into<String>,
        operation: T,
    ) -> Self {
        let kind = kind.into();
        Self {
            id: id.into(),
            action,
            service: kind.clone(),
            kind,
            name: name.into(),
            changes: Vec::new(),
            reason: String::new(),
            depends_on: Vec::new(),
            marker: None,
            operation,
        }
    }

    /// Says why.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }

    /// Says which fields change.
    #[must_use]
    pub fn changing(mut self, changes: Vec<Change>) -> Self {
        self.changes = changes;
        self
    }

    /// Waits for another step.
    #[must_use]
    pub fn after(mut self, step: impl Into<StepId>) -> Self {
        self.depends_on.push(step.into());
        self
    }

    /// Counts against the limit of this service.
    #[must_use]
    pub fn on_service(mut self, service: impl Into<String>) -> Self {
        self.service = service.into();
        self
    }

    /// Says which marker the object carries already.
    #[must_use]
    pub const fn marked(mut self, marker: Option<Marker>) -> Self {
        self.marker = marker;
        self
    }
}
