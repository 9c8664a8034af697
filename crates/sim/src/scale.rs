//! Large clouds for rehearsals: so many of a kind, all made up, the same every time.

use std::str::FromStr;

use crate::world::World;

/// How many of each kind the cloud has besides what it is seeded with.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Scale {
    /// Public images `image-000001`, …, without bytes.
    pub images: u64,
    /// Servers `server-000000`, … of the project `demo`, without ports and allocations.
    pub servers: u64,
    /// Projects `project-000001`, ….
    pub projects: u64,
    /// Users `user-000001`, …, password `sim`, each a member of the project of its number.
    pub users: u64,
}

/// Why a text is no scale.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ScaleError {
    /// No pair of a kind and a number.
    #[error("`{0}` is not of the form KIND=NUMBER")]
    Malformed(String),
    /// Something the cloud has no great number of.
    #[error("there can be many images, servers, projects and users, not `{0}`")]
    Unknown(String),
}

impl FromStr for Scale {
    type Err = ScaleError;

    /// From `servers=100000,images=10000`.
    fn from_str(text: &str) -> Result<Self, ScaleError> {
        let mut scale = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let malformed = || ScaleError::Malformed(part.to_owned());
            let (kind, count) = part.split_once('=').ok_or_else(malformed)?;
            let place = match kind.trim() {
                "images" => &mut scale.images,
                "servers" => &mut scale.servers,
                "projects" => &mut scale.projects,
                "users" => &mut scale.users,
                other => return Err(ScaleError::Unknown(other.to_owned())),
            };
            *place = count.trim().parse().map_err(|_| malformed())?;
        }
        Ok(scale)
    }
}

/// Fills the cloud, one line per service.
pub(crate) fn populate(world: &World, scale: &Scale) {
    crate::keystone::populate(world, scale.projects, scale.users);
    crate::glance::populate(world, scale.images);
    crate::nova::populate(world, scale.servers);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_is_read_from_pairs() {
        let scale: Scale = "servers=100000, images=10000".parse().expect("a scale");
        assert_eq!(scale, Scale { servers: 100_000, images: 10_000, ..Scale::default() });
        assert_eq!("".parse(), Ok(Scale::default()));
        assert_eq!("images".parse::<Scale>(), Err(ScaleError::Malformed("images".to_owned())));
        assert_eq!("images=x".parse::<Scale>(), Err(ScaleError::Malformed("images=x".to_owned())));
        assert_eq!("moons=1".parse::<Scale>(), Err(ScaleError::Unknown("moons".to_owned())));
    }
}
