//! The section `images:` of `lotse.yaml`.

use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::civil::Date;
use lotse_core::change::Policy;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{BootNetwork, BootTest, Console, Stores, Visibility};
use crate::options::{DEFAULT_TAG, ImportPreference, Options, Retirement};

/// How the image catalogue is kept.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "Images")]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Directory with definition files (or one such file), relative to the estate if
    /// the section `estate` is given, else to `lotse.yaml`.
    #[serde(default = "path")]
    pub path: PathBuf,
    /// The clouds it is kept on, by their names in `clouds.yaml`.
    #[schemars(length(min = 1))]
    pub clouds: Vec<String>,
    /// The tag that all its images carry; images without it are never touched. The default is that
    /// of the OSISM image manager, whose images are so taken over as they are.
    #[serde(default = "tag")]
    pub tag: String,
    /// How often it is looked at, for example `1h` or `15m`; an hour by default. At least 10 s.
    #[serde(default = "period")]
    pub period: Period,
    /// Whether differences are only reported (`observe`), proposed to people and made good once they
    /// approve (`propose`), or made good at once (`apply`; what destroys is proposed all the same).
    #[serde(default)]
    pub policy: Policy,
    /// Who downloads the content of images where there is a choice; `verified` by default.
    #[serde(default)]
    pub import: ImportPreference,
    /// A cloud that keeps the same images, from which content is copied where it is the declared one; also
    /// a region (`NAME@REGION`).
    #[serde(default)]
    pub copy_from: Option<String>,
    /// In which stores of the clouds the content shall be of images whose definition does not say.
    #[serde(default)]
    pub stores: Vec<String>,
    /// Whether that shall be all stores that can be written to.
    #[serde(default)]
    pub all_stores: bool,
    /// A mirror of one's own (`lotse image mirror`), from which content comes where it has it: a folder,
    /// relative to the estate if the section `estate` is given, else to `lotse.yaml`, or a bucket as
    /// `s3://BUCKET/PREFIX`, reached as `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION` and
    /// `AWS_ENDPOINT_URL_S3` say.
    #[serde(default)]
    pub mirror: Option<String>,
    /// Whether publishers on the internet may lead downloads to internal addresses (loopback, private
    /// networks, metadata services) by redirects.
    #[serde(default)]
    pub internal_redirects: bool,
    /// Whether only the newest version of each image is imported.
    #[serde(default)]
    pub latest: bool,
    /// Whether superseded images that their `uuid_validity` promises no longer are deleted. Whatever
    /// the policy, people are asked before anything is deleted.
    #[serde(default)]
    pub delete: bool,
    /// Whether superseded images are hidden: their visibility becomes `community`.
    #[serde(default)]
    pub hide: bool,
    /// The visibility that hidden images get instead.
    #[serde(default)]
    pub hidden_visibility: Option<Visibility>,
    /// Whether hidden images are left out of listings (`os_hidden`) instead.
    #[serde(default)]
    pub use_os_hidden: bool,
    /// Whether superseded images that are promised no longer, and not deleted, are deactivated.
    #[serde(default)]
    pub deactivate: bool,
    /// Whether images whose `provided_until` is over are retired, too.
    #[serde(default)]
    pub retire_expired: bool,
    /// Whether new images are tried out before they become visible: a server is made of each of them,
    /// and its console must show that it came up. By default they are not.
    #[serde(default)]
    pub boot_test: Option<BootTestConfig>,
    /// How long the cloud may take to import one image; half an hour by default.
    #[serde(default = "import_timeout")]
    pub import_timeout: Period,
}

/// How new images are tried out before they become visible.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "BootTest")]
#[serde(deny_unknown_fields)]
pub struct BootTestConfig {
    /// The cloud whose project gets the servers, by its name in `clouds.yaml`: another project of the
    /// cloud that is looked after, whose name `{cloud}` stands for. By default it is the project that
    /// owns the images.
    #[serde(default)]
    pub cloud: Option<String>,
    /// The flavor of the servers, by name or id. One without a disk boots from a volume.
    pub flavor: String,
    /// The network of the servers, by name or id, or `none`; by default the only one of the project.
    #[serde(default)]
    pub network: Option<String>,
    /// A regular expression that must be found on the console; by default a login prompt, or what
    /// cloud-init writes when it is done.
    #[serde(default)]
    pub console: Console,
    /// How long an image may take to come up; five minutes by default.
    #[serde(default = "boot_timeout")]
    pub timeout: Period,
}

impl BootTestConfig {
    /// What it means. Images that failed are tested again when a person asks for it.
    pub fn test(&self) -> BootTest {
        BootTest {
            cloud: self.cloud.clone(),
            network: BootNetwork::written(self.network.as_deref()),
            console: self.console.clone(),
            timeout: self.timeout.get(),
            ..BootTest::with_flavor(&self.flavor)
        }
    }
}

/// A length of time, written like `90s`, `15m`, `1h 30m` or `PT15M`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period(Duration);

impl Period {
    /// The shortest one that can be written.
    pub const LEAST: Duration = Duration::from_secs(10);

    /// The length.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl TryFrom<String> for Period {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let length: SignedDuration = text.parse().map_err(|_| {
            format!("\"{text}\" is not a length of time; write for example 90s, 15m or 1h")
        })?;
        let length = Duration::try_from(length)
            .map_err(|_| format!("\"{text}\" is negative; a length of time is not"))?;
        if length < Self::LEAST {
            return Err(format!("\"{text}\" is too short; write at least 10s"));
        }
        Ok(Self(length))
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        let length = SignedDuration::try_from(period.0).unwrap_or(SignedDuration::MAX);
        format!("{length:#}")
    }
}

impl JsonSchema for Period {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Period".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A length of time, for example 90s, 15m, 1h 30m or PT15M."
        })
    }
}

impl Config {
    /// Makes the paths in it absolute: what is relative is so to `base`, where `lotse.yaml` lies.
    pub fn rebase(&mut self, base: &std::path::Path) {
        self.path = base.join(&self.path);
        if let Some(mirror) = self.mirror.as_mut().filter(|mirror| !is_url(mirror)) {
            *mirror = base.join(&*mirror).display().to_string();
        }
    }

    /// What planner, observer and executor need of it, on this day.
    pub fn options(&self, today: Date) -> Options {
        Options {
            tag: self.tag.clone(),
            import: self.import,
            stores: Stores::declared(&self.stores, self.all_stores),
            today,
            latest: self.latest,
            retirement: Retirement {
                delete: self.delete,
                hide: self.hide,
                deactivate: self.deactivate,
                use_os_hidden: self.use_os_hidden,
                hidden_visibility: self.hidden_visibility,
                retire_expired: self.retire_expired,
            },
            boot_test: self.boot_test.as_ref().map(BootTestConfig::test),
            import_timeout: self.import_timeout.get(),
            internal_redirects: self.internal_redirects,
            ..Options::default()
        }
    }
}

/// Whether a mirror is named by a URL; else it is a folder.
fn is_url(mirror: &str) -> bool {
    mirror.contains("://") || mirror.starts_with("file:")
}

fn path() -> PathBuf {
    PathBuf::from("images")
}

fn tag() -> String {
    DEFAULT_TAG.to_owned()
}

const fn period() -> Period {
    Period(Duration::from_hours(1))
}

const fn boot_timeout() -> Period {
    Period(BootTest::TIMEOUT)
}

const fn import_timeout() -> Period {
    Period(Duration::from_mins(30))
}

#[cfg(test)]
mod tests {
    use lotse_core::declared::{self, SourceFile};
    use lotse_core::error::Explain as _;

    use super::*;

    #[test]
    fn a_cloud_is_all_that_must_be_said() {
        let file = SourceFile::new("lotse.yaml", "clouds: [sim]\n");
        let config = declared::load::<Config>(&file).unwrap().value;
        assert_eq!(config.policy, Policy::Observe);
        assert_eq!((config.path.to_str(), config.tag.as_str()), (Some("images"), DEFAULT_TAG));
        assert_eq!(config.period.get(), Duration::from_hours(1));
        assert_eq!(config.options(Date::MIN), Options::default());
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<Config>(&text).unwrap(), config);
    }

    #[test]
    fn a_boot_test_needs_a_flavor_and_an_expression_that_is_one() {
        let load = |test: &str| {
            let text = format!("clouds: [sim]\nboot_test: {test}\n");
            declared::load::<Config>(&SourceFile::new("lotse.yaml", text))
        };
        let config = load("{flavor: m1.tiny, network: none, timeout: 90s}").unwrap().value;
        let test = config.options(Date::MIN).boot_test.unwrap();
        let expected = BootTest {
            network: BootNetwork::None,
            timeout: Duration::from_secs(90),
            ..BootTest::with_flavor("m1.tiny")
        };
        assert_eq!(test, expected);
        for wrong in ["{}", "{flavor: m1.tiny, console: '('}", "{flavor: m1.tiny, retry: true}"] {
            assert_eq!(load(wrong).unwrap_err().diagnostics()[0].span.line, 2, "{wrong}");
        }
    }

    #[test]
    fn lengths_of_time_are_checked_where_they_stand() {
        for (written, complaint) in [
            ("90", "\"period\" must be text, not"),
            ("soon", "not a length of time"),
            ("-5m", "negative"),
            ("1s", "too short"),
        ] {
            let text = format!("clouds: [sim]\nperiod: {written}\n");
            let error = declared::load::<Config>(&SourceFile::new("lotse.yaml", text)).unwrap_err();
            let found = &error.diagnostics()[0];
            assert_eq!((found.span.line, found.span.column), (2, 9), "{found}");
            assert!(found.message.contains(complaint) || written == "90", "{found}");
        }
    }
}
