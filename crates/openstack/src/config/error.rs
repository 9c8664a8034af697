//! What can be wrong with a configuration.

use std::path::PathBuf;
use std::sync::Arc;

use lotse_core::declared::Diagnostic;
use lotse_core::error::{ErrorKind, Explain};

/// A configuration from which no cloud can be made.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A file exists and cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// A file is not what it should be; the places say more.
    #[error("{file} is not valid")]
    Invalid {
        /// The file.
        file: String,
        /// What is wrong where; never empty.
        diagnostics: Vec<Diagnostic>,
    },
    /// There is neither a file nor an environment.
    #[error("no cloud is configured: there is no clouds.yaml and OS_AUTH_URL is not set")]
    Nothing {
        /// Where was looked.
        searched: Vec<PathBuf>,
    },
    /// There are several clouds and none was chosen.
    #[error("no cloud is chosen, and {file} has several: {}", known.join(", "))]
    NoneChosen {
        /// The file.
        file: String,
        /// The clouds of the file.
        known: Vec<String>,
    },
    /// A cloud was chosen that the files do not have.
    #[error("there is no cloud \"{name}\"{}", in_file(file.as_deref()))]
    UnknownCloud {
        /// What was chosen.
        name: String,
        /// The file, if there is one.
        file: Option<String>,
        /// The clouds there are.
        known: Vec<String>,
        /// The one probably meant.
        meant: Option<String>,
        /// Where was looked.
        searched: Vec<PathBuf>,
    },
    /// The region is not one that the file lists for this cloud.
    #[error(
        "the cloud \"{cloud}\" has no region \"{region}\" in its configuration; it has {}",
        known.join(", ")
    )]
    UnknownRegion {
        /// The cloud.
        cloud: String,
        /// The region that was asked for.
        region: String,
        /// Those of the file.
        known: Vec<String>,
    },
    /// A value that is needed is not there.
    #[error("the cloud \"{cloud}\" has no {what}")]
    Missing {
        /// The cloud.
        cloud: String,
        /// What is missing, in words.
        what: &'static str,
        /// Its key under `auth:`.
        key: &'static str,
        /// A key that was given and is probably this one misspelt.
        misspelt: Option<String>,
    },
    /// A key under `auth:` that no way of signing in knows.
    #[error("the cloud \"{cloud}\" has an unknown key \"{key}\" under auth")]
    UnknownKey {
        /// The cloud.
        cloud: String,
        /// The key.
        key: String,
        /// The one probably meant.
        meant: Option<String>,
        /// Where it stands.
        diagnostics: Vec<Diagnostic>,
    },
    /// A value is not usable.
    #[error("the cloud \"{cloud}\" has an unusable {key}: {reason}")]
    Unusable {
        /// The cloud.
        cloud: String,
        /// The key.
        key: String,
        /// Why, without the value of a secret.
        reason: String,
        /// Where it stands, when it stands in a file.
        diagnostics: Vec<Diagnostic>,
    },
    /// Two values exclude each other.
    #[error("the cloud \"{cloud}\" is scoped to several things at once: {}", scopes.join(" and "))]
    SeveralScopes {
        /// The cloud.
        cloud: String,
        /// The scopes.
        scopes: Vec<&'static str>,
    },
    /// Deliberately not offered.
    #[error("the cloud \"{cloud}\" uses {what}, which Lotse does not support")]
    Unsupported {
        /// The cloud.
        cloud: String,
        /// What it uses.
        what: String,
        /// What to do instead.
        instead: String,
        /// Where it stands, when it stands in a file.
        diagnostics: Vec<Diagnostic>,
    },
}

fn in_file(file: Option<&str>) -> String {
    file.map_or_else(String::new, |file| format!(" in {file}"))
}

impl Explain for ConfigError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Unsupported { .. } => ErrorKind::Unsupported,
            _ => ErrorKind::Configuration,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Unreadable { .. } | Self::Invalid { .. } | Self::Unusable { .. } => Vec::new(),
            Self::Nothing { searched } => {
                let mut hints = vec![
                    "write a clouds.yaml, name one with OS_CLIENT_CONFIG_FILE, or load your openrc \
                     file"
                        .to_owned(),
                ];
                hints.extend(looked_for(searched));
                hints
            }
            Self::NoneChosen { .. } => {
                vec!["choose one with --os-cloud NAME or OS_CLOUD".to_owned()]
            }
            Self::UnknownCloud { known, meant, searched, .. } => {
                let mut hints = Vec::new();
                if let Some(meant) = meant {
                    hints.push(format!("did you mean \"{meant}\"?"));
                }
                if known.is_empty() {
                    hints.extend(looked_for(searched));
                } else {
                    hints.push(format!("the clouds there are: {}", known.join(", ")));
                }
                hints
            }
            Self::UnknownRegion { .. } => {
                vec!["region names are case sensitive; check OS_REGION_NAME".to_owned()]
            }
            Self::Missing { key, misspelt, .. } => {
                let mut hints = Vec::new();
                if let Some(misspelt) = misspelt {
                    hints.push(format!("there is auth.{misspelt}: did you mean auth.{key}?"));
                }
                hints.push(format!(
                    "set auth.{key} in clouds.yaml (or secure.yaml), or OS_{} in the environment",
                    key.to_uppercase()
                ));
                hints
            }
            Self::UnknownKey { meant: Some(meant), .. } => {
                vec![format!("did you mean \"{meant}\"?")]
            }
            Self::UnknownKey { .. } => {
                vec!["remove it, or move it out of auth if it is a setting of the cloud".to_owned()]
            }
            Self::SeveralScopes { .. } => {
                vec!["keep one of project, domain, trust and system_scope".to_owned()]
            }
            Self::Unsupported { instead, .. } => vec![instead.clone()],
        }
    }

    fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            Self::Invalid { diagnostics, .. }
            | Self::Unusable { diagnostics, .. }
            | Self::UnknownKey { diagnostics, .. }
            | Self::Unsupported { diagnostics, .. } => diagnostics,
            _ => &[],
        }
    }
}

fn looked_for(searched: &[PathBuf]) -> Option<String> {
    (!searched.is_empty()).then(|| {
        let names: Vec<_> = searched.iter().map(|path| path.display().to_string()).collect();
        format!("looked for {}", names.join(", "))
    })
}
