//! Microversions: which revision of an API a request wants.
//!
//! `OpenStack-API-Version: compute 2.90` names a service and a version, several of them separated by
//! commas; older services also have a header of their own with the version alone
//! (`X-OpenStack-Nova-API-Version: 2.90`). `latest` stands for the highest one. Without a header the
//! lowest is meant. Source: the API SIG's guideline on microversions.

use std::fmt;
use std::str::FromStr;

use http::{HeaderMap, StatusCode};

use crate::fault_body::Fault;

/// A version of an API, for example 2.90.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub(crate) struct Version {
    pub(crate) major: u16,
    pub(crate) minor: u16,
}

impl Version {
    pub(crate) const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for Version {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let number = |text: &str| {
            let plain = text.bytes().all(|byte| byte.is_ascii_digit())
                && (text == "0" || !text.starts_with('0'));
            plain.then(|| text.parse().ok()).flatten().ok_or(())
        };
        let (major, minor) = text.split_once('.').ok_or(())?;
        Ok(Self { major: number(major)?, minor: number(minor)? })
    }
}

/// What a service offers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    /// The name in `OpenStack-API-Version`, for example `compute`.
    pub(crate) service: &'static str,
    /// The older header, in lower case, if the service has one.
    pub(crate) legacy: Option<&'static str>,
    pub(crate) lowest: Version,
    pub(crate) highest: Version,
}

/// Why no version could be agreed on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Unusable {
    /// This is no version (400).
    Malformed(String),
    /// This version is not offered (406).
    Unsupported(Version),
}

impl Range {
    /// The refusal of a version in the words of Nova and Cinder.
    pub(crate) fn refuse(&self, unusable: &Unusable) -> Fault {
        match unusable {
            Unusable::Malformed(text) => Fault::bad(format!(
                "API Version String {text} is of invalid format. Must be of format \
                 MajorNum.MinorNum."
            )),
            Unusable::Unsupported(version) => {
                let text = format!(
                    "Version {version} is not supported by the API. Minimum is {} and maximum is \
                     {}.",
                    self.lowest, self.highest
                );
                Fault::new(StatusCode::NOT_ACCEPTABLE, text)
            }
        }
    }

    /// The version a request wants.
    pub(crate) fn negotiate(&self, headers: &HeaderMap) -> Result<Version, Unusable> {
        let Some(wanted) = self.wanted(headers) else { return Ok(self.lowest) };
        if wanted == "latest" {
            return Ok(self.highest);
        }
        let version: Version = wanted.parse().map_err(|()| Unusable::Malformed(wanted.clone()))?;
        if (self.lowest..=self.highest).contains(&version) {
            Ok(version)
        } else {
            Err(Unusable::Unsupported(version))
        }
    }

    fn wanted(&self, headers: &HeaderMap) -> Option<String> {
        let standard = headers
            .get_all("openstack-api-version")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|item| item.trim().split_once(' '))
            .filter(|(service, _)| service.eq_ignore_ascii_case(self.service))
            .map(|(_, version)| version.trim().to_ascii_lowercase())
            .next_back();
        standard.or_else(|| {
            let value = headers.get(self.legacy?)?.to_str().ok()?;
            Some(value.trim().to_ascii_lowercase())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPUTE: Range = Range {
        service: "compute",
        legacy: Some("x-openstack-nova-api-version"),
        lowest: Version::new(2, 1),
        highest: Version::new(2, 93),
    };

    fn asked(pairs: &[(&'static str, &'static str)]) -> Result<Version, Unusable> {
        let pairs = pairs.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
        });
        COMPUTE.negotiate(&pairs.collect())
    }

    #[test]
    fn without_a_header_the_lowest_version_is_meant() {
        assert_eq!(asked(&[]), Ok(Version::new(2, 1)));
        assert_eq!(asked(&[("openstack-api-version", "volume 3.50")]), Ok(Version::new(2, 1)));
    }

    #[test]
    fn the_version_of_the_service_is_found_among_others() {
        let several = [("openstack-api-version", "volume 3.50, compute 2.90")];
        assert_eq!(asked(&several), Ok(Version::new(2, 90)));
        assert_eq!(asked(&[("x-openstack-nova-api-version", "2.10")]), Ok(Version::new(2, 10)));
        assert_eq!(asked(&[("openstack-api-version", "compute latest")]), Ok(Version::new(2, 93)));
    }

    #[test]
    fn what_is_no_version_and_what_is_not_offered_are_told_apart() {
        for text in ["two", "2", "2.x", "2.01", "-2.1", "2.1.0"] {
            let headers = [(http::HeaderName::from_static("x-openstack-nova-api-version"), text)];
            let headers = headers
                .map(|(name, value)| (name, http::HeaderValue::from_str(value).expect("a value")));
            let answer = COMPUTE.negotiate(&headers.into_iter().collect());
            assert_eq!(answer, Err(Unusable::Malformed(text.to_owned())));
        }
        let beyond = asked(&[("openstack-api-version", "compute 2.94")]);
        assert_eq!(beyond, Err(Unusable::Unsupported(Version::new(2, 94))));
    }
}
