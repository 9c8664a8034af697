//! The one place that looks at the machine: finds and reads the files.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use lotse_core::declared::SourceFile;

use super::{ConfigError, Overrides, Sources};

/// No sane configuration is larger (bytes).
const LARGEST_FILE: u64 = 8 * 1024 * 1024;

impl Sources {
    /// Finds and reads the files that `environment` leads to, looking from the directory `here`.
    ///
    /// `clouds.yaml` is looked for in `here`, in the user's configuration directory and in
    /// `/etc/openstack`, the endings `.yaml`, `.yml` and `.json` in this order in each;
    /// `OS_CLIENT_CONFIG_FILE` comes before all of them. The same holds for `secure.yaml` and
    /// `OS_CLIENT_SECURE_FILE`. A file that we may not read is passed over.
    pub fn read(
        environment: BTreeMap<String, String>,
        overrides: Overrides,
        here: &Path,
    ) -> Result<Self, ConfigError> {
        let home = environment.get("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
        let mut sources = Self { environment, overrides, home, ..Self::default() };
        let directories = super::places::directories(&sources, here);
        let clouds = super::places::candidates(
            &directories,
            "clouds",
            sources.variable("OS_CLIENT_CONFIG_FILE"),
        );
        let secure = super::places::candidates(
            &directories,
            "secure",
            sources.variable("OS_CLIENT_SECURE_FILE"),
        );
        sources.clouds = first_readable(&clouds)?;
        sources.secure = first_readable(&secure)?;
        sources.searched = clouds;
        Ok(sources)
    }
}

fn first_readable(candidates: &[PathBuf]) -> Result<Option<SourceFile>, ConfigError> {
    for path in candidates {
        match read(path) {
            Ok(text) => {
                return Ok(Some(SourceFile {
                    name: path.display().to_string().into(),
                    text: text.into(),
                }));
            }
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound
                        | io::ErrorKind::NotADirectory
                        | io::ErrorKind::PermissionDenied
                ) => {}
            Err(source) => {
                return Err(ConfigError::Unreadable {
                    path: path.clone(),
                    source: std::sync::Arc::new(source),
                });
            }
        }
    }
    Ok(None)
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = fs::File::open(path)?.take(LARGEST_FILE + 1).read_to_string(&mut text)?;
    if read as u64 > LARGEST_FILE {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the file is larger than 8 MiB"));
    }
    Ok(text)
}
