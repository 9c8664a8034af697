//! The words of the SCS standards: flavor names, standard flavors, image properties, dates.
//!
//! Pure data and pure functions, without clock, network or files, so that every capability can speak
//! the same words: conformance checks them, the estate declares them, the console explains them.
//!
//! | module | standard | what it knows |
//! | --- | --- | --- |
//! | [`flavor`] | scs-0100 | flavor names: read, write, shorten, explain, derive extra specs |
//! | [`standard_flavors`] | scs-0103 | the flavors that clouds must or should have |
//! | [`image`] | scs-0102 | image properties and the values they may have |
//! | [`image_names`] | scs-0104 | the images that clouds have, and where they may come from |
//! | [`date`] | scs-0102 | the dates that stand in image properties |
//!
//! Where the standards and the tools in the field disagree, a function takes a [`Mode`]: the verdicts
//! of the tools in [`Mode::Upstream`], those of the standards' texts in [`Mode::Standard`].

pub mod date;
pub mod flavor;
pub mod image;
pub mod image_names;
pub mod standard_flavors;

/// Whose reading of the standards counts.
#[derive(
    Clone, Copy, Debug, Default, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// What the tools of the SCS community say, oddities included.
    Upstream,
    /// What the texts of the standards say.
    #[default]
    Standard,
}

impl Mode {
    /// The word for it on the command line and in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Standard => "standard",
        }
    }
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
