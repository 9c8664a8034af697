//! Reads secrets from where the configuration says they are.

use std::path::Path;

use lotse_core::secret::{SecretSource, SecretString};

use crate::failure::Error;
use crate::settings::Environment;

/// Where systemd puts the credentials of a unit (systemd.exec(5)).
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// Reads the secret; `what` completes "the secret for …".
pub(crate) fn read(
    what: &'static str,
    source: &SecretSource,
    environment: &Environment,
) -> Result<SecretString, Error> {
    match source {
        SecretSource::File(path) => first_line(what, path),
        SecretSource::Env(name) => environment.get(name).map(SecretString::from).ok_or_else(|| {
            Error::Secret { what, place: format!("the variable {name}"), source: None }
        }),
        SecretSource::Credential(name) => match environment.get(CREDENTIALS_DIRECTORY) {
            Some(directory) => first_line(what, &Path::new(directory).join(name)),
            None => Err(Error::Secret {
                what,
                place: format!("the systemd credential {name}: {CREDENTIALS_DIRECTORY} is not set"),
                source: None,
            }),
        },
    }
}

fn first_line(what: &'static str, path: &Path) -> Result<SecretString, Error> {
    let place = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => match text.lines().next().map(str::trim_end) {
            Some(line) if !line.is_empty() => Ok(SecretString::from(line)),
            _ => Err(Error::Secret {
                what,
                place: format!("{place}: its first line is empty"),
                source: None,
            }),
        },
        Err(source) => Err(Error::Secret { what, place, source: Some(source) }),
    }
}

#[cfg(test)]
mod tests {
    use lotse_core::secret::ExposeSecret;

    use super::*;

    #[test]
    fn the_first_line_of_a_file_is_the_secret() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("password");
        std::fs::write(&path, "s3cret\nnot this\n").unwrap();
        let read = |path: &Path| {
            read("a test", &SecretSource::File(path.to_owned()), &Environment::default())
        };
        assert_eq!(read(&path).unwrap().expose_secret(), "s3cret");
        std::fs::write(&path, "\n").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("first line is empty"));
        let missing = read(&directory.path().join("nowhere")).unwrap_err();
        assert!(missing.to_string().contains("the secret for a test cannot be read"), "{missing}");
    }
}
