//! The dates: files of them, and the JSON of endoflife.date.

use std::path::Path;

use jiff::civil::Date;
use lotse_core::declared::{self, DeclaredError, SourceFile};
use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::model::Definition;

const BUILT_IN: &str = include_str!("end-of-life.yaml");

/// Ends of life.
#[derive(Clone, Debug)]
pub struct EndOfLife {
    /// Of which day the dates are.
    pub state: Date,
    /// The products.
    pub products: Vec<Product>,
}

/// What is released again and again.
#[derive(Clone, Debug)]
pub struct Product {
    /// Its name, as endoflife.date has it.
    pub name: String,
    /// Which definitions it is, by their names; captures the release.
    definitions: Regex,
    /// Its releases.
    pub releases: Vec<Release>,
}

/// A release with its dates.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The release, for example `"12"`.
    pub release: String,
    /// When it came out.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub released: Option<Date>,
    /// The last day with updates for everybody.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub eol: Option<Date>,
    /// The last day of an extended support.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub extended: Option<Date>,
}

/// A file of ends of life.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "EndOfLife")]
struct RawFile {
    /// Of which day the dates are.
    #[schemars(with = "String", extend("format" = "date"))]
    state: Date,
    /// The products.
    products: Vec<RawProduct>,
}

/// A product.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Product")]
struct RawProduct {
    /// Its name, as endoflife.date has it.
    name: String,
    /// Regular expression for the names of the definitions that are this product, with a group
    /// `release`.
    definitions: String,
    /// Its releases.
    releases: Vec<Release>,
}

/// The JSON Schema of files of ends of life.
pub fn schema() -> Json {
    declared::schema::of::<RawFile>()
}

/// Why an answer of endoflife.date cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refresh {
    /// It is no JSON, or not of the form of that API.
    #[error("this has not the form of endoflife.date's API: {0}")]
    Form(String),
    /// Nothing is known of this product.
    #[error("\"{0}\" is none of the products in the file of ends of life")]
    Unknown(String),
}

impl EndOfLife {
    /// What is built in.
    ///
    /// # Errors
    /// None in a program that was tested; the type is that of files.
    pub fn built_in() -> Result<Self, DeclaredError> {
        Self::from_source(&SourceFile::new("built-in ends of life", BUILT_IN))
    }

    /// A file of one's own.
    ///
    /// # Errors
    /// [`DeclaredError`] with all complaints.
    pub fn load(path: &Path) -> Result<Self, DeclaredError> {
        Self::from_source(&SourceFile::read(path)?)
    }

    /// The same from a text in hand.
    ///
    /// # Errors
    /// [`DeclaredError::Invalid`]
    pub fn from_source(file: &SourceFile) -> Result<Self, DeclaredError> {
        let loaded = declared::load::<RawFile>(file)?;
        let mut wrong = Vec::new();
        let mut products = Vec::new();
        for (index, raw) in loaded.value.products.iter().enumerate() {
            let pattern = Regex::new(&raw.definitions).ok();
            let named = |pattern: &Regex| pattern.capture_names().flatten().any(|n| n == "release");
            match pattern.filter(named) {
                Some(definitions) => products.push(Product {
                    name: raw.name.clone(),
                    definitions,
                    releases: raw.releases.clone(),
                }),
                None => wrong.push(loaded.complain(
                    &format!("/products/{index}/definitions"),
                    "this is no regular expression with a group (?<release>…)",
                )),
            }
        }
        if wrong.is_empty() {
            Ok(Self { state: loaded.value.state, products })
        } else {
            Err(DeclaredError::Invalid { diagnostics: wrong })
        }
    }

    /// The product and release of a definition.
    pub(super) fn of(&self, definition: &Definition) -> Option<(&Product, String)> {
        self.products.iter().find_map(|product| {
            let captured = product.definitions.captures(&definition.name)?;
            Some((product, captured.name("release")?.as_str().to_owned()))
        })
    }

    /// Takes the releases of a product over from endoflife.date's JSON, in the form of
    /// `/api/<product>.json` (a list of cycles) or `/api/v1/products/<product>`.
    ///
    /// # Errors
    /// [`Refresh`]; nothing is changed then.
    pub fn refresh(&mut self, product: &str, json: &str, today: Date) -> Result<(), Refresh> {
        let document: Json =
            serde_json::from_str(json).map_err(|error| Refresh::Form(error.to_string()))?;
        let list = document.pointer("/result/releases").unwrap_or(&document);
        let list =
            list.as_array().ok_or_else(|| Refresh::Form("no list of releases".to_owned()))?;
        let releases: Vec<Release> =
            list.iter().filter_map(|cycle| release(cycle, today)).collect();
        if releases.is_empty() {
            return Err(Refresh::Form("no release has a name".to_owned()));
        }
        let known = self.products.iter_mut().find(|one| one.name == product);
        known.ok_or_else(|| Refresh::Unknown(product.to_owned()))?.releases = releases;
        Ok(())
    }
}

impl Product {
    pub(super) fn release(&self, name: &str) -> Option<&Release> {
        self.releases.iter().find(|release| release.release == name)
    }
}

/// One cycle, in either form of the API. Ends are dates, or only whether they are over: then the
/// day before today stands for "over".
fn release(cycle: &Json, today: Date) -> Option<Release> {
    let first = |keys: [&str; 2]| keys.iter().find_map(|key| cycle.get(*key));
    let date = |value: Option<&Json>| -> Option<Date> { value?.as_str()?.parse().ok() };
    let name = match first(["cycle", "name"])? {
        Json::String(text) => text.clone(),
        Json::Number(number) => number.to_string(),
        _ => return None,
    };
    let end = |keys: [&str; 2], flag: &str| {
        let value = first(keys);
        let over = value.and_then(Json::as_bool) == Some(true)
            || cycle.get(flag).and_then(Json::as_bool) == Some(true);
        date(value).or_else(|| over.then(|| today.yesterday().ok()).flatten())
    };
    Some(Release {
        release: name,
        released: date(cycle.get("releaseDate")),
        eol: end(["eol", "eolFrom"], "isEol"),
        extended: date(first(["extendedSupport", "eoesFrom"])),
    })
}
