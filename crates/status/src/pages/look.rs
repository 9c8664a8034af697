//! How the page looks: title, colours and logo, as the operator declares them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use lotse_core::declared::{self, DeclaredError, SourceFile};

use crate::answer::Answer;

const STYLE: &str = include_str!("../../templates/status.css");

/// The largest logo, in bytes: it is a part of the first view.
const LARGEST_LOGO: u64 = 256 << 10;

/// How the page looks.
#[derive(Clone, Debug, Default, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Theme {
    /// What the page is called.
    pub title: Option<String>,
    /// A logo: an SVG or PNG file, relative to this file.
    pub logo: Option<PathBuf>,
    /// Colours on a light background, for example `accent: "#0a5aa6"`.
    pub light: Colours,
    /// Colours on a dark background.
    pub dark: Colours,
}

/// Colours as `#rrggbb`. What is not given stays as it is.
#[derive(Clone, Debug, Default, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Colours {
    /// Text.
    #[schemars(regex(pattern = r"^#[0-9a-fA-F]{6}$"))]
    pub ink: Option<String>,
    /// Background.
    #[schemars(regex(pattern = r"^#[0-9a-fA-F]{6}$"))]
    pub paper: Option<String>,
    /// Background of boxes.
    #[schemars(regex(pattern = r"^#[0-9a-fA-F]{6}$"))]
    pub card: Option<String>,
    /// Links and marks.
    #[schemars(regex(pattern = r"^#[0-9a-fA-F]{6}$"))]
    pub accent: Option<String>,
}

/// A theme, ready to be sent.
#[derive(Debug)]
pub struct Look {
    title: String,
    style: Answer,
    version: String,
    logo: Option<Answer>,
}

impl Default for Look {
    fn default() -> Self {
        Self::of(&Theme::default(), None)
    }
}

impl Look {
    /// Reads a theme and its logo.
    ///
    /// # Errors
    /// The file is not a theme, or its logo cannot be used; told with its place.
    pub fn read(path: &Path) -> Result<Self, DeclaredError> {
        let theme = declared::load::<Theme>(&SourceFile::read(path)?)?;
        let logo = theme.logo.as_deref().map(|logo| {
            let file = path.parent().unwrap_or(Path::new(".")).join(logo);
            read_logo(&file).map_err(|reason| DeclaredError::Invalid {
                diagnostics: vec![theme.complain("/logo", reason)],
            })
        });
        Ok(Self::of(&theme, logo.transpose()?))
    }

    /// A theme whose logo counts from the current directory, if it is a relative path.
    ///
    /// # Errors
    /// What is wrong with the logo, for people.
    pub(crate) fn of_theme(theme: &Theme) -> Result<Self, String> {
        let logo = theme.logo.as_deref().map(read_logo).transpose()?;
        Ok(Self::of(theme, logo))
    }

    fn of(theme: &Theme, logo: Option<Answer>) -> Self {
        let mut style = String::from(STYLE);
        // Writing to a string cannot fail.
        write!(style, ":root{{{}}}", variables(&theme.light)).ok();
        let dark = variables(&theme.dark);
        writeln!(style, "@media (prefers-color-scheme:dark){{:root{{{dark}}}}}").ok();
        let version = crate::answer::tag_of(style.as_bytes()).chars().take(8).collect();
        let style = Answer::new("text/css; charset=utf-8", style);
        let title = theme.title.clone().unwrap_or_else(|| "Status".to_owned());
        Self { title, style, version, logo }
    }

    /// What the page is called.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Changes with the style sheet.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    pub(crate) const fn stylesheet(&self) -> &Answer {
        &self.style
    }

    pub(crate) const fn logo(&self) -> Option<&Answer> {
        self.logo.as_ref()
    }
}

/// The schema lets nothing through but hexadecimal digits.
fn variables(colours: &Colours) -> String {
    let Colours { ink, paper, card, accent } = colours;
    let named = [("ink", ink), ("paper", paper), ("card", card), ("link", accent)];
    let given = named.into_iter().filter_map(|(name, colour)| Some((name, colour.as_ref()?)));
    given.fold(String::new(), |all, (name, colour)| all + "--" + name + ":" + colour + ";")
}

fn read_logo(path: &Path) -> Result<Answer, String> {
    let kind = match path.extension().and_then(|extension| extension.to_str()) {
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        _ => return Err("a logo is a file ending in .svg or .png".to_owned()),
    };
    let read = || {
        if std::fs::metadata(path)?.len() > LARGEST_LOGO {
            return Ok(None);
        }
        std::fs::read(path).map(Some)
    };
    match read() {
        Ok(Some(bytes)) => Ok(Answer::new(kind, bytes)),
        Ok(None) => Err(format!("the logo is larger than {LARGEST_LOGO} bytes")),
        Err(error) => Err(format!("the logo cannot be read: {error}")),
    }
}
