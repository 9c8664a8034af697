//! Cinder's closed vocabularies, each an enum whose words are those of the API.

/// An enum whose variants are words of the API.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $first:ident = $first_text:literal, $($variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Ord, PartialOrd, serde::Serialize, serde::Deserialize)]
        pub(crate) enum $name {
            #[default]
            #[serde(rename = $first_text)]
            $first,
            $(
                #[serde(rename = $text)]
                $variant,
            )*
        }

        impl $name {
            /// The word.
            pub(crate) const fn text(self) -> &'static str {
                match self {
                    Self::$first => $first_text,
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

/// What a word stands for.
pub(crate) fn parse<T: serde::de::DeserializeOwned>(word: &str) -> Option<T> {
    serde_json::from_value(serde_json::Value::from(word)).ok()
}

words! {
    /// The state of a volume.
    VolumeStatus {
        Creating = "creating",
        Downloading = "downloading",
        Available = "available",
        Reserved = "reserved",
        Attaching = "attaching",
        InUse = "in-use",
        Detaching = "detaching",
        Extending = "extending",
        Uploading = "uploading",
        Retyping = "retyping",
        BackingUp = "backing-up",
        Restoring = "restoring-backup",
        Reverting = "reverting",
        Maintenance = "maintenance",
        AwaitingTransfer = "awaiting-transfer",
        Managing = "managing",
        Deleting = "deleting",
        Error = "error",
        ErrorDeleting = "error_deleting",
        ErrorExtending = "error_extending",
        ErrorRestoring = "error_restoring",
        ErrorBackingUp = "error_backing-up",
    }
}

words! {
    /// The state of a snapshot.
    SnapshotStatus {
        Creating = "creating",
        Available = "available",
        Deleting = "deleting",
        Deleted = "deleted",
        Updating = "updating",
        Unmanaging = "unmanaging",
        Restoring = "restoring",
        BackingUp = "backing-up",
        Error = "error",
        ErrorDeleting = "error_deleting",
    }
}

words! {
    /// The state of a backup.
    BackupStatus {
        Creating = "creating",
        Available = "available",
        Restoring = "restoring",
        Deleting = "deleting",
        Error = "error",
        ErrorDeleting = "error_deleting",
    }
}

words! {
    /// How far an attachment is.
    AttachStatus {
        Reserved = "reserved",
        Attaching = "attaching",
        Attached = "attached",
        Detached = "detached",
        ErrorAttaching = "error_attaching",
        ErrorDetaching = "error_detaching",
    }
}

impl VolumeStatus {
    /// Whether something went wrong with the volume.
    pub(crate) fn is_error(self) -> bool {
        self.text().contains("error")
    }
}
