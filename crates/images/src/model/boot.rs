//! The boot test: how a new image is tried out before anybody sees it, and what an image says of it.

use std::time::Duration;

use jiff::civil::Date;
use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Image;
use crate::BOOT;

/// How new images are tried out: a server is made of each of them, and its console must show that
/// it came up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BootTest {
    /// The cloud whose project gets the servers, by its name in `clouds.yaml`; `{cloud}` in it stands
    /// for the cloud that is looked after. `None`: the project that owns the images.
    pub cloud: Option<String>,
    /// The flavor of the servers, by name or id.
    pub flavor: String,
    /// Where the servers are plugged in.
    pub network: BootNetwork,
    /// What the console must show.
    pub console: Console,
    /// How long an image may take from the request for a server to that text.
    pub timeout: Duration,
    /// Whether images that failed the test are tested again.
    pub retry: bool,
}

impl BootTest {
    /// How long images may take, where nobody says otherwise.
    pub const TIMEOUT: Duration = Duration::from_mins(5);

    /// A test with this flavor, and all else as it is by default.
    pub fn with_flavor(flavor: impl Into<String>) -> Self {
        Self {
            cloud: None,
            flavor: flavor.into(),
            network: BootNetwork::Default,
            console: Console::default(),
            timeout: Self::TIMEOUT,
            retry: false,
        }
    }

    /// The cloud that tests the images of this one, if it is another entry of `clouds.yaml`.
    pub fn staging_of(&self, cloud: &str) -> Option<String> {
        self.cloud.as_ref().map(|name| name.replace("{cloud}", cloud))
    }
}

/// Where the server of a boot test is plugged in.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BootNetwork {
    /// Whatever Nova takes: the only network of the project.
    #[default]
    Default,
    /// Nowhere.
    None,
    /// This network, by name or id.
    Named(String),
}

impl BootNetwork {
    /// From what is written: `none` is nowhere, nothing is the default.
    pub fn written(text: Option<&str>) -> Self {
        match text {
            None => Self::Default,
            Some("none") => Self::None,
            Some(name) => Self::Named(name.to_owned()),
        }
    }
}

/// What the console of a server must show for its image to be good: a regular expression that is
/// looked for in the whole text (`(?m)` makes `^` and `$` mean lines).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Console(String);

/// A login prompt, or what cloud-init writes when it is done.
const CAME_UP: &str =
    r"(?m)\blogin:\s*$|Cloud-init v\. ?\S+ finished at|-----END SSH HOST KEY KEYS-----";

impl Console {
    /// The expression.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Compiles it.
    ///
    /// # Errors
    /// Never for one that was made from text, which was compiled then.
    pub fn regex(&self) -> Result<Regex, regex::Error> {
        Regex::new(&self.0)
    }
}

impl Default for Console {
    fn default() -> Self {
        Self(CAME_UP.to_owned())
    }
}

impl TryFrom<String> for Console {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match Regex::new(&text) {
            Ok(_) => Ok(Self(text)),
            Err(error) => Err(format!("\"{text}\" is not a regular expression: {error}")),
        }
    }
}

impl std::str::FromStr for Console {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::try_from(text.to_owned())
    }
}

impl From<Console> for String {
    fn from(console: Console) -> Self {
        console.0
    }
}

impl JsonSchema for Console {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Console".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A regular expression."
        })
    }
}

/// What is known of an image by its boot test, as the image itself says (property
/// [`BOOT`]).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BootState<'a> {
    /// Nothing.
    Untested,
    /// A test was begun, and nobody wrote down how it ended.
    Begun,
    /// A server of it came up.
    Passed,
    /// None did, and why: the day and a sentence.
    Failed(&'a str),
}

impl<'a> BootState<'a> {
    /// What the image says.
    pub fn of(image: &'a Image) -> Self {
        let said = image.property(BOOT).unwrap_or_default();
        match said.split_once(' ').unwrap_or((said, "")) {
            ("begun", _) => Self::Begun,
            ("passed", _) => Self::Passed,
            ("failed", reason) => Self::Failed(reason),
            _ => Self::Untested,
        }
    }

    /// The property of an image whose test begins.
    pub fn begun(today: Date) -> String {
        format!("begun {today}")
    }

    /// The property of an image that passed.
    pub fn passed(today: Date) -> String {
        format!("passed {today}")
    }

    /// The property of an image that failed.
    pub fn failed(today: Date, reason: &str) -> String {
        // Some databases keep no more than 255 characters of a property.
        let reason: String = reason.chars().take(200).collect();
        format!("failed {today}: {reason}")
    }
}

/// The name of the server that tests an image; a server of this name, with [`BOOT`] and the id in its
/// metadata, is ours.
pub fn server_name(image: &str) -> String {
    format!("lotse-boot-{image}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_signs_of_a_guest_that_came_up_are_recognised() {
        let console = Console::default().regex().unwrap();
        for text in [
            "Debian GNU/Linux 13 debian ttyS0\r\n\r\ndebian login: ",
            "[   12.3] cloud-init[612]: Cloud-init v. 25.1.4 finished at Sun, 22 Nov 2026 02:00:00 +0000.",
            "-----BEGIN SSH HOST KEY KEYS-----\nssh-ed25519 A\n-----END SSH HOST KEY KEYS-----\n",
            "flatcar login:\n[   14.0] a late word of the kernel",
        ] {
            assert!(console.is_match(text), "{text}");
        }
        for text in ["", "GRUB loading.", "Starting systemd-logind.service", "no bootable device"] {
            assert!(!console.is_match(text), "{text}");
        }
        assert!("login: (".parse::<Console>().unwrap_err().contains("not a regular expression"));
    }

    #[test]
    fn the_staging_cloud_may_be_named_after_the_cloud() {
        let mut test = BootTest::with_flavor("m1.tiny");
        assert_eq!(test.staging_of("east"), None);
        test.cloud = Some("{cloud}-staging".to_owned());
        assert_eq!(test.staging_of("east").unwrap(), "east-staging");
    }
}
