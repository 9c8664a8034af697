//! The boot test: a server is made of an image that nobody sees yet, and its console must show that
//! it came up.
//!
//! ```text
//! clear what an earlier run left → say that it begins, share → server → ACTIVE, console → clear, end sharing → write down
//! ```
//!
//! The server is found by its name and its metadata, never by what a process remembers. How the test
//! ended is written into the image last, when nothing is left of it: so whatever a killed run left, the
//! image says that it is not tested, and the run that tests it clears first.

use std::time::Duration;

use lotse_core::error::ErrorKind;
use lotse_core::retry::RetryClass;
use lotse_openstack::Cloud;
use lotse_plan::{Attempt, Outcome, StepError};
use regex::Regex;

use super::patience::Patience;
use super::{Executor, failed, still_ours};
use crate::model::{BootState, Image, ImageStatus, Visibility};
use crate::nova::Server;
use crate::operation::{Boot, Patch, StatusChange};
use crate::{BOOT, glance, nova};

/// How long Nova may take to delete a server.
const DELETION: Duration = Duration::from_mins(2);

/// So many lines of a console are shown.
const LINES: usize = 15;

/// So much of each.
const WIDTH: usize = 160;

/// What a test found out.
enum Verdict {
    /// It came up.
    Up,
    /// It did not: why, and what the console says.
    Down { reason: String, console: String },
}

impl Executor {
    /// Tries an image out and writes down how that ended.
    pub(super) async fn boot(
        &self,
        boot: &Boot,
        attempt: &Attempt<'_>,
    ) -> Result<Outcome, StepError> {
        let id = self.target(&boot.target)?;
        let image = glance::show(&self.cloud, &id).await.map_err(failed)?;
        still_ours(&image, &boot.tag)?;
        if BootState::of(&image) == BootState::Passed {
            // The answer to the request that said so was lost.
            return Ok(Outcome::object(id));
        }
        fits(boot, &image)?;
        let ground = self.ground(&image).await?;
        ground.clear(self).await?;
        let verdict = match self.begin(&ground, &image).await {
            Ok(()) => self.came_up(&ground, boot, attempt).await,
            Err(error) => Err(error),
        };
        // Whatever came of it, nothing is left of it.
        let cleared = match ground.clear(self).await {
            Ok(()) => self.end_sharing(&ground).await,
            failed => failed,
        };
        match (verdict, cleared) {
            (Ok(verdict), Ok(())) => self.write_down(&id, verdict).await,
            (Err(error), Ok(())) => Err(error),
            (Ok(_), Err(also)) => Err(also),
            (Err(error), Err(also)) => {
                let message = format!("{}; and besides: {}", error.message, also.message);
                Err(StepError { message, ..error })
            }
        }
    }

    /// Where an image is tested.
    async fn ground(&self, image: &Image) -> Result<Ground, StepError> {
        let cloud = self.staging.as_ref().unwrap_or(&self.cloud).clone();
        let project = cloud.project_id().await.map_err(failed)?;
        let shared = image.owner.as_ref() != Some(&project);
        Ok(Ground { cloud, image: image.id.clone(), project, shared })
    }

    /// Says in the image that its test begins, and lets the staging project see it.
    async fn begin(&self, ground: &Ground, image: &Image) -> Result<(), StepError> {
        let id = ground.image.as_str();
        if image.status == ImageStatus::Deactivated {
            let change = StatusChange::Reactivate;
            glance::change_status(&self.cloud, id, change).await.map_err(failed)?;
        }
        let mut patch = vec![Patch::set(BOOT, BootState::begun(self.options.today))];
        if ground.shared {
            patch.push(Patch::replace("visibility", Visibility::Shared.as_str()));
        }
        glance::patch(&self.cloud, id, &patch).await.map_err(failed)?;
        if !ground.shared {
            return Ok(());
        }
        glance::add_member(&self.cloud, id, &ground.project).await.map_err(failed)?;
        glance::accept(&ground.cloud, id, &ground.project).await.map_err(|error| {
            let elsewhere = error.is_not_found();
            let error = failed(error);
            if elsewhere { error.hinting(ELSEWHERE) } else { error }
        })?;
        Ok(())
    }

    /// Makes a server and waits for what its console must show.
    async fn came_up(
        &self,
        ground: &Ground,
        boot: &Boot,
        attempt: &Attempt<'_>,
    ) -> Result<Verdict, StepError> {
        let id = ground.image.as_str();
        let expected = boot.console.regex().map_err(|error| {
            StepError::new(ErrorKind::Configuration, format!("the console's expression: {error}"))
        })?;
        let image = glance::show(&self.cloud, id).await.map_err(failed)?;
        let disk = image.min_disk.max(image.needed_disk().unwrap_or(0));
        let mut patience = Patience::of(boot.timeout, &self.options);
        let made = nova::create(&ground.cloud, boot, id, disk).await;
        let server = made.map_err(|error| failed(error).hinting(NOT_MADE))?;
        let mut look = Look { server, expected, status: String::new(), console: String::new() };
        loop {
            if let Some(verdict) = look.again(&ground.cloud).await? {
                return Ok(verdict);
            }
            if patience.is_over() {
                // A last look: the pause before may have been the longer part of the time.
                let last = look.again(&ground.cloud).await?;
                return Ok(last.unwrap_or_else(|| look.late(boot)));
            }
            if !patience.rest(attempt).await {
                let message = format!("stopped while the image {id} was tried out");
                return Err(StepError::new(ErrorKind::Cancelled, message)
                    .hinting("the next run tries it out again"));
            }
        }
    }

    /// Ends the membership of the staging project, and makes the image private again.
    async fn end_sharing(&self, ground: &Ground) -> Result<(), StepError> {
        if !ground.shared {
            return Ok(());
        }
        let id = ground.image.as_str();
        let image = glance::show(&self.cloud, id).await.map_err(failed)?;
        if image.visibility != Visibility::Shared {
            return Ok(());
        }
        glance::remove_member(&self.cloud, id, &ground.project).await.map_err(failed)?;
        let private = [Patch::replace("visibility", Visibility::Private.as_str())];
        glance::patch(&self.cloud, id, &private).await.map_err(failed)?;
        Ok(())
    }

    async fn write_down(&self, id: &str, verdict: Verdict) -> Result<Outcome, StepError> {
        let today = self.options.today;
        let (state, error) = match verdict {
            Verdict::Up => (BootState::passed(today), None),
            Verdict::Down { reason, console } => {
                let message =
                    format!("the image {id} failed its boot test: {reason}{}", tail(&console));
                let error = StepError::new(ErrorKind::Integrity, message).hinting(STAYS);
                (BootState::failed(today, &reason), Some(error))
            }
        };
        let patch = [Patch::set(BOOT, state)];
        let answer = glance::patch(&self.cloud, id, &patch).await.map_err(failed)?;
        match error {
            None => Ok(Outcome::object(id).with_request_id(answer.request_id())),
            Some(error) => Err(error),
        }
    }
}

/// Where one image is tested.
struct Ground {
    cloud: Cloud,
    image: String,
    /// The project that gets the server.
    project: String,
    /// Whether the image must be shared with it.
    shared: bool,
}

impl Ground {
    /// Deletes the servers that test the image, this run's and those of killed ones, and waits until
    /// they are gone.
    async fn clear(&self, executor: &Executor) -> Result<(), StepError> {
        let mut patience = Patience::of(DELETION, &executor.options);
        let mut deleted: Vec<String> = Vec::new();
        loop {
            let left = nova::testing(&self.cloud, &self.image).await.map_err(failed)?;
            let Some(one) = left.first() else { return Ok(()) };
            if patience.is_over() {
                return Err(not_deleted(one));
            }
            for server in &left {
                if !deleted.contains(&server.id) {
                    nova::delete(&self.cloud, &server.id).await.map_err(failed)?;
                    deleted.push(server.id.clone());
                }
            }
            patience.rest_anyway().await;
        }
    }
}

/// A server that is looked at again and again.
struct Look {
    server: String,
    expected: Regex,
    /// Its status, and its console, as they were seen last.
    status: String,
    console: String,
}

impl Look {
    /// What is clear now.
    async fn again(&mut self, cloud: &Cloud) -> Result<Option<Verdict>, StepError> {
        let Some(server) = nova::show(cloud, &self.server).await.map_err(failed)? else {
            let message = format!("somebody deleted the server {} of the boot test", self.server);
            return Err(StepError::new(ErrorKind::Conflict, message)
                .hinting("the next run tries the image out again")
                .retried(RetryClass::Never));
        };
        self.status.clone_from(&server.status);
        match server.status.as_str() {
            "ERROR" => {
                let reason = format!("its server went to ERROR: {}", server.failure());
                self.console = nova::console(cloud, &self.server).await.unwrap_or_default();
                Ok(Some(self.down(reason)))
            }
            "ACTIVE" => {
                self.console = nova::console(cloud, &self.server).await.map_err(failed)?;
                Ok(self.expected.is_match(&self.console).then_some(Verdict::Up))
            }
            "BUILD" => Ok(None),
            other => {
                let reason = format!("its server became {other}");
                Ok(Some(self.down(reason)))
            }
        }
    }

    fn late(&mut self, boot: &Boot) -> Verdict {
        let seconds = boot.timeout.as_secs();
        self.down(if self.status == "ACTIVE" {
            format!("its console did not show {} within {seconds} s", boot.console.as_str())
        } else {
            format!("its server was {} after {seconds} s", self.status)
        })
    }

    fn down(&mut self, reason: String) -> Verdict {
        Verdict::Down { reason, console: std::mem::take(&mut self.console) }
    }
}

/// What the content needs, as far as it is known only now.
fn fits(boot: &Boot, image: &Image) -> Result<(), StepError> {
    let too_small = |what: &str, has: u64, needs: u64| {
        let message = format!(
            "the image {} needs {needs} {what}, the flavor of the boot test has {has}",
            image.id
        );
        Err(StepError::new(ErrorKind::Configuration, message)
            .hinting("name a larger flavor for the boot test"))
    };
    if boot.disk > 0 && image.min_disk > boot.disk {
        return too_small("GiB of disk", boot.disk, image.min_disk);
    }
    if boot.ram > 0 && image.min_ram > boot.ram {
        return too_small("MiB of memory", boot.ram, image.min_ram);
    }
    Ok(())
}

fn not_deleted(server: &Server) -> StepError {
    let message = format!(
        "the server {} ({}) of a boot test is {} and does not go away",
        server.name, server.id, server.status
    );
    StepError::new(ErrorKind::Timeout, message)
        .hinting("delete it; the image is tried out again when it is gone")
}

const STAYS: &str =
    "nobody sees the image; declare another version, or test it again with --boot-retry";
const NOT_MADE: &str =
    "see quota, flavor and network of the staging project; the image is tried out in the next run";
const ELSEWHERE: &str =
    "the staging cloud must be another project of the same cloud, and share its Image API";

/// The last lines of a console, each behind a bar; control characters are left out.
fn tail(console: &str) -> String {
    let lines: Vec<String> =
        console.lines().map(plain).filter(|line| !line.trim().is_empty()).collect();
    if lines.is_empty() {
        return "; its console is empty".to_owned();
    }
    let shown = lines.iter().skip(lines.len().saturating_sub(LINES));
    let shown: Vec<String> = shown.map(|line| format!("\n  | {line}")).collect();
    format!("; its console ends with{}", shown.concat())
}

/// A line without what a terminal would obey.
fn plain(line: &str) -> String {
    let mut text = String::new();
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            // A sequence goes from its bracket to a letter.
            if chars.as_str().starts_with('[') {
                chars.by_ref().skip(1).find(char::is_ascii_alphabetic);
            }
        } else if !c.is_control() {
            text.push(c);
        }
        if text.len() >= WIDTH {
            break;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_console_is_shown_without_what_a_terminal_would_obey() {
        let console = "\u{1b}[2J\u{1b}[1;1HGRUB\r\n\n[    0.1] Linux\u{7}\r\n\u{1b}[0;1;31mFAILED\u{1b}[0m disk";
        assert_eq!(
            tail(console),
            "; its console ends with\n  | GRUB\n  | [    0.1] Linux\n  | FAILED disk"
        );
        let long: Vec<String> = (0..100).map(|n| format!("line {n} {}", "x".repeat(500))).collect();
        let long = long.join("\n");
        let shown = tail(&long);
        assert_eq!(shown.lines().count(), LINES + 1);
        assert!(shown.lines().all(|line| line.len() <= WIDTH + 4), "{shown}");
        assert!(shown.lines().last().unwrap().starts_with("  | line 99 "));
        assert_eq!(tail("\n\r\n"), "; its console is empty");
    }
}
