//! Typed identifiers.
//!
//! An id of one kind cannot be given where another is wanted. New ids are UUIDs of version 7
//! (RFC 9562), so that they sort by the time they were made.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Eq, PartialEq, Ord, PartialOrd, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A fresh id.
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            /// An id with this value.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The value.
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

typed_id! {
    /// One execution of a plan, a check suite or a scenario.
    RunId
}
typed_id! {
    /// One entry of the write-ahead journal.
    IntentId
}
typed_id! {
    /// What an object that we create carries, so that it can be found again after a crash.
    Marker
}
typed_id! {
    /// One event of the outbox.
    EventId
}
typed_id! {
    /// One change that was proposed or made.
    ChangeId
}
typed_id! {
    /// One notification on its way to one recipient.
    DeliveryId
}
typed_id! {
    /// One component of the status page.
    ComponentId
}
typed_id! {
    /// One incident or maintenance of the status page.
    IncidentId
}
typed_id! {
    /// One way in which an incident touches a component.
    ImpactTypeId
}
typed_id! {
    /// One running process of Lotse; holders of leases are named by it.
    InstanceId
}
