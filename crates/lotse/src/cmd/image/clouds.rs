//! Several clouds in one run: a failure of one does not stop the others.

use std::path::Path;

use futures::StreamExt as _;
use lotse_core::error::{ExitCode, chain};
use lotse_images::Options;
use lotse_openstack::{Cloud, CloudConfig, Overrides, Sources};
use serde_json::{Value, json};

use crate::failure::{CommandResult, Failure};
use crate::settings::{Environment, Globals};
use crate::{daemon, output, report};

/// How many clouds are worked on at the same time. More would wait for each other on the way to the
/// network, and their times would say nothing any more.
const AT_ONCE: usize = 64;

/// The clouds that a command works on.
pub(in crate::cmd) struct Clouds {
    /// Their names; the one of the environment has none on the command line.
    names: Vec<Option<String>>,
    environment: Environment,
}

impl Clouds {
    /// Those that are named, or the one of the environment.
    pub(in crate::cmd) fn named(globals: &Globals, environment: &Environment) -> Self {
        let mut names: Vec<Option<String>> = Vec::new();
        for name in globals.os_cloud.iter().map(|name| name.trim().to_owned()) {
            if !name.is_empty() && !names.contains(&Some(name.clone())) {
                names.push(Some(name));
            }
        }
        if names.is_empty() {
            names.push(None);
        }
        Self { names, environment: environment.clone() }
    }

    pub(in crate::cmd) fn are_several(&self) -> bool {
        self.names.len() > 1
    }

    /// One after the other.
    pub(super) async fn one_by_one<T>(
        &self,
        work: impl AsyncFn(Cloud) -> Result<T, Failure>,
    ) -> Vec<(String, Result<T, Failure>)> {
        let mut ended = Vec::new();
        for (name, cloud) in self.each() {
            ended.push(match cloud {
                Ok(cloud) => (name, work(cloud).await),
                Err(failure) => (name, Err(failure)),
            });
        }
        ended
    }

    /// Each, with the name under which it is spoken of.
    pub(in crate::cmd) fn each(&self) -> impl Iterator<Item = (String, Result<Cloud, Failure>)> {
        self.names.iter().map(|name| {
            let cloud = self.connect(name.as_deref());
            let name = match (&cloud, name) {
                (Ok(cloud), _) => cloud.name().to_owned(),
                (Err(_), name) => name.clone().unwrap_or_default(),
            };
            (name, cloud)
        })
    }

    /// All at the same time, but no more than [`AT_ONCE`].
    pub(in crate::cmd) async fn all<T>(
        &self,
        work: impl AsyncFn(Cloud) -> Result<T, Failure>,
    ) -> Vec<(String, Result<T, Failure>)> {
        self.some_at_once(AT_ONCE, work).await
    }

    /// All, so many of them at the same time.
    pub(in crate::cmd) async fn some_at_once<T>(
        &self,
        most: usize,
        work: impl AsyncFn(Cloud) -> Result<T, Failure>,
    ) -> Vec<(String, Result<T, Failure>)> {
        let work = &work;
        let each = self.each().map(|(name, cloud)| async move {
            match cloud {
                Ok(cloud) => (name, work(cloud).await),
                Err(failure) => (name, Err(failure)),
            }
        });
        in_order(most, each).await
    }

    /// The session on the project in which the images of a cloud are tried out, if that is another
    /// one.
    pub(super) fn staging(
        &self,
        options: &Options,
        cloud: &Cloud,
    ) -> Result<Option<Cloud>, Failure> {
        let test = options.boot_test.as_ref();
        let name = test.and_then(|test| test.staging_of(cloud.name()));
        name.map(|name| self.connect(Some(&name))).transpose()
    }

    /// The session on a cloud that is named beside these.
    pub(in crate::cmd) fn connect(&self, name: Option<&str>) -> Result<Cloud, Failure> {
        connect(name, &self.environment)
    }
}

/// What comes of work, in its order, of which so much is done at the same time.
async fn in_order<T>(most: usize, work: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    futures::stream::iter(work).buffered(most.max(1)).collect().await
}

/// Opens a cloud, or one of its regions (`NAME@REGION`); without a name the one of the environment.
pub(super) fn connect(name: Option<&str>, environment: &Environment) -> Result<Cloud, Failure> {
    let sources = Sources::read(environment.all().clone(), Overrides::default(), Path::new("."))?;
    let config = match name {
        Some(name) => CloudConfig::called(&sources, name)?,
        None => CloudConfig::resolve(&sources)?,
    };
    Ok(Cloud::connect(config, &daemon::cloud_options())?)
}

/// The exit code of a run over several clouds, and what is shown of it.
pub(in crate::cmd) struct Worst<'a> {
    globals: &'a Globals,
    several: bool,
    failed: Option<ExitCode>,
    code: ExitCode,
}

impl<'a> Worst<'a> {
    pub(in crate::cmd) const fn new(globals: &'a Globals, several: bool) -> Self {
        Self { globals, several, failed: None, code: ExitCode::Success }
    }

    /// One cloud came to this end. What failed outweighs what differs.
    pub(in crate::cmd) fn ended(&mut self, code: ExitCode) {
        match code {
            ExitCode::Success | ExitCode::Differences | ExitCode::VerdictsFailed => {
                if self.code == ExitCode::Success {
                    self.code = code;
                }
            }
            failed => {
                self.failed.get_or_insert(failed);
            }
        }
    }

    /// One cloud failed. Where it is the only one, that is the end of the command.
    pub(in crate::cmd) fn failed(
        &mut self,
        cloud: &str,
        failure: Failure,
    ) -> Result<Value, Failure> {
        if !self.several {
            return Err(failure);
        }
        let error = chain(&*failure.0);
        self.ended(report::print(&failure, self.globals));
        Ok(json!({ "cloud": cloud, "error": error }))
    }

    /// Shows what was gathered as JSON: of one cloud as it is, of several as a list.
    pub(in crate::cmd) fn show(self, shown: Vec<Value>) -> CommandResult {
        if self.globals.json() {
            let value = match (self.several, <[Value; 1]>::try_from(shown)) {
                (false, Ok([one])) => one,
                (_, Ok([one])) => json!({ "clouds": [one] }),
                (_, Err(all)) => json!({ "clouds": all }),
            };
            output::json(self.globals, &value)?;
        }
        Ok(self.failed.unwrap_or(self.code))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn no_more_is_done_at_once_than_was_allowed_and_all_of_it_in_order() {
        for (most, expected) in [(0, 1), (1, 1), (3, 3), (64, 10)] {
            let (now, seen) = (Cell::new(0), Cell::new(0));
            let work = (0..10).map(|number| {
                let (now, seen) = (&now, &seen);
                async move {
                    now.set(now.get() + 1);
                    seen.set(now.get().max(seen.get()));
                    // Later ones are ready earlier.
                    for _ in number..10 {
                        tokio::task::yield_now().await;
                    }
                    now.set(now.get() - 1);
                    number
                }
            });
            let done = in_order(most, work).await;
            assert_eq!(done, (0..10).collect::<Vec<_>>());
            assert_eq!((now.get(), seen.get()), (0, expected), "{most}");
        }
    }
}
