//! Cinder's words for what is not there.

use crate::fault_body::Fault;

fn could_not_find(kind: &str, id: &str) -> Fault {
    Fault::missing(format!("{kind} {id} could not be found."))
}

/// 404 of a volume that does not exist or that the caller may not know of.
pub(crate) fn no_volume(id: &str) -> Fault {
    could_not_find("Volume", id)
}

/// 404 of a snapshot.
pub(crate) fn no_snapshot(id: &str) -> Fault {
    could_not_find("Snapshot", id)
}

/// 404 of a backup.
pub(crate) fn no_backup(id: &str) -> Fault {
    could_not_find("Backup", id)
}

/// 404 of a volume type, by id or name.
pub(crate) fn no_type(id: &str) -> Fault {
    if uuid::Uuid::parse_str(id).is_ok() {
        return could_not_find("Volume type", id);
    }
    Fault::missing(format!("Volume type with name {id} could not be found."))
}
