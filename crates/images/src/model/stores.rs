//! In which stores of a cloud an image's content lies.

/// The stores that shall hold an image's content.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Stores {
    /// Whichever the cloud takes.
    #[default]
    Default,
    /// These, by their ids in the cloud.
    Named(Vec<String>),
    /// All that can be written to.
    All,
}

impl Stores {
    /// What is declared by a list of names and a flag; the flag counts more.
    pub fn declared(named: &[String], all: bool) -> Self {
        match named {
            _ if all => Self::All,
            [] => Self::Default,
            named => Self::Named(named.to_owned()),
        }
    }

    /// These, or the others where nothing is said.
    #[must_use]
    pub const fn or<'a>(&'a self, other: &'a Self) -> &'a Self {
        match self {
            Self::Default => other,
            said => said,
        }
    }

    /// Which of the cloud's stores these are; none where the cloud decides.
    ///
    /// # Errors
    /// The names that the cloud does not know.
    pub fn of(&self, cloud: &[String]) -> Result<Vec<String>, Vec<String>> {
        match self {
            Self::Default => Ok(Vec::new()),
            Self::All => Ok(cloud.to_owned()),
            Self::Named(names) => {
                let unknown = |name: &&String| !cloud.contains(name);
                let unknown: Vec<String> = names.iter().filter(unknown).cloned().collect();
                if unknown.is_empty() { Ok(names.clone()) } else { Err(unknown) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_the_cloud_does_not_know_are_told() {
        let cloud = ["fast".to_owned(), "slow".to_owned()];
        let named = |names: &[&str]| {
            Stores::declared(
                &names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(),
                false,
            )
        };
        assert_eq!(named(&["slow"]).of(&cloud), Ok(vec!["slow".to_owned()]));
        assert_eq!(named(&["slow", "far"]).of(&cloud), Err(vec!["far".to_owned()]));
        assert_eq!(Stores::declared(&[], true).of(&cloud), Ok(cloud.to_vec()));
        assert_eq!(named(&[]).of(&cloud), Ok(Vec::new()));
        assert_eq!(named(&[]).or(&Stores::All), &Stores::All);
        assert_eq!(named(&["slow"]).or(&Stores::All), &named(&["slow"]));
    }
}
