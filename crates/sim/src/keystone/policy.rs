//! What a role allows in Keystone.
//!
//! The rules are those of the secure defaults: `admin` may do everything, `reader` on the system may
//! look at everything, everybody may look at what is their own.

use super::caller::Caller;
use super::model::Scope;
use super::refusal::Refusal;

/// Allows changes to administrators only.
pub(crate) fn change(caller: &Caller, action: &str) -> Result<(), Refusal> {
    if caller.is_admin() { Ok(()) } else { Err(Refusal::forbidden(action)) }
}

/// Allows looking to administrators and to readers of the system.
pub(crate) fn look(caller: &Caller, action: &str) -> Result<(), Refusal> {
    let reads_system = caller.token.scope == Scope::System && caller.has_role("reader");
    if caller.is_admin() || reads_system { Ok(()) } else { Err(Refusal::forbidden(action)) }
}

/// Allows looking also when the object is the caller's own.
pub(crate) fn look_own(caller: &Caller, action: &str, own: bool) -> Result<(), Refusal> {
    if own { Ok(()) } else { look(caller, action) }
}
