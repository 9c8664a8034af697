//! How old builds are, what reaches its end of life, and which releases nobody has declared.
//!
//! Dates of ends of life are data: built in with the date of their state ([`EndOfLife::built_in`]),
//! replaced by a file of one's own, or refreshed, product by product, from the JSON that the API of
//! endoflife.date serves ([`EndOfLife::refresh`]). Today is a parameter.

mod data;

use jiff::civil::Date;
use serde::Serialize;

use crate::model::Definition;
use crate::order::natural;

pub use data::{EndOfLife, Product, Refresh, Release, schema};

/// How a definition stands.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Age {
    /// The definition.
    pub definition: String,
    /// Its newest version.
    pub version: String,
    /// When that was built, as far as the file tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub built: Option<Date>,
    /// How many days ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<i64>,
    /// Whether it is older than allowed.
    pub too_old: bool,
    /// What is known of its release's end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
}

/// The end of a release's life.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct End {
    /// The product, for example `debian`.
    pub product: String,
    /// The release, for example `12`.
    pub release: String,
    /// The last day with updates.
    pub eol: Date,
    /// The last day of an extended support, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extended: Option<Date>,
    /// Days until then; negative afterwards.
    pub days: i64,
    /// What that means.
    pub phase: Phase,
}

/// How near an end is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Far away.
    Supported,
    /// Within [`SOON`] days.
    EndsSoon,
    /// Over, but extended support goes on.
    Extended,
    /// Over.
    Ended,
}

/// Warned about so many days ahead.
pub const SOON: i64 = 90;

/// A release that is supported and newer than what is declared.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Missing {
    /// The product.
    pub product: String,
    /// The release.
    pub release: String,
    /// Its end of life, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eol: Option<Date>,
}

/// What came of looking at ages.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Ages {
    /// Today.
    pub today: Date,
    /// Of which day the dates of ends of life are.
    pub state: Date,
    /// The definitions, in their order.
    pub ages: Vec<Age>,
    /// Releases without a definition.
    pub missing: Vec<Missing>,
}

impl Ages {
    /// Whether something is too old or its release has ended.
    pub fn failed(&self) -> bool {
        self.ages.iter().any(Age::failed)
    }
}

impl Age {
    /// Whether it is too old, or its release has ended.
    pub fn failed(&self) -> bool {
        self.too_old || self.end.as_ref().is_some_and(|end| end.phase == Phase::Ended)
    }
}

/// Looks at the ages of these definitions. `all` are those that count as declared, disabled ones
/// included: who has switched a release off knows of it.
pub fn ages(
    chosen: &[&Definition],
    all: &[Definition],
    data: &EndOfLife,
    today: Date,
    max_age: i64,
) -> Ages {
    let ages = chosen.iter().filter_map(|one| age(one, data, today, max_age)).collect();
    Ages { today, state: data.state, ages, missing: missing(all, data, today) }
}

fn days(from: Date, to: Date) -> i64 {
    from.duration_until(to).as_hours() / 24
}

fn age(definition: &Definition, data: &EndOfLife, today: Date, max_age: i64) -> Option<Age> {
    let newest = definition.newest()?;
    let built = newest.date();
    let days = built.map(|built| days(built, today));
    let end = data.of(definition).and_then(|(product, release)| {
        let release = product.release(&release)?;
        end(product, release, today)
    });
    Some(Age {
        definition: definition.name.clone(),
        version: newest.version.clone(),
        built,
        days,
        too_old: days.is_some_and(|days| days > max_age),
        end,
    })
}

fn end(product: &Product, release: &Release, today: Date) -> Option<End> {
    let eol = release.eol?;
    let left = days(today, eol);
    let extended = release.extended.filter(|until| *until > eol);
    let phase = match left {
        _ if left > SOON => Phase::Supported,
        0.. => Phase::EndsSoon,
        _ if extended.is_some_and(|until| until >= today) => Phase::Extended,
        _ => Phase::Ended,
    };
    let (product, release) = (product.name.clone(), release.release.clone());
    Some(End { product, release, eol, extended, days: left, phase })
}

/// Supported releases that are newer than all that are declared of their product; nothing for
/// products of which nothing is declared.
fn missing(all: &[Definition], data: &EndOfLife, today: Date) -> Vec<Missing> {
    let declared: Vec<(&Product, String)> = all.iter().filter_map(|one| data.of(one)).collect();
    let mut missing = Vec::new();
    for product in &data.products {
        let known = declared.iter().filter(|(one, _)| one.name == product.name);
        let Some(newest) = known.map(|(_, release)| release).max_by(|a, b| natural(a, b)) else {
            continue;
        };
        for release in &product.releases {
            let begun = release.released.is_none_or(|released| released <= today);
            let over = release.eol.is_some_and(|eol| eol < today);
            if begun && !over && natural(&release.release, newest).is_gt() {
                missing.push(Missing {
                    product: product.name.clone(),
                    release: release.release.clone(),
                    eol: release.eol,
                });
            }
        }
    }
    missing
}

#[cfg(test)]
mod tests;
