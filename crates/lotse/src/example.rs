//! The example estate, built in, and the simulated internet that serves what it declares.

use std::path::Path;

use lotse_core::declared::{DeclaredError, SourceFile};
use lotse_images::Catalog;
use lotse_sim::{SimCloud, UpstreamFile};

use crate::failure::Error;

/// The example estate, by path within it. A test compares the list with the directory.
const ESTATE: &[(&str, &str)] = &[
    ("lotse.yaml", include_str!("../../../examples/estate/lotse.yaml")),
    ("images/almalinux.yml", include_str!("../../../examples/estate/images/almalinux.yml")),
    ("images/debian.yml", include_str!("../../../examples/estate/images/debian.yml")),
    ("images/flatcar.yml", include_str!("../../../examples/estate/images/flatcar.yml")),
    ("images/ubuntu.yml", include_str!("../../../examples/estate/images/ubuntu.yml")),
];

/// Writes the example estate into this directory.
pub(crate) fn unpack(estate: &Path) -> Result<(), Error> {
    for (name, text) in ESTATE {
        let path = estate.join(name);
        path.parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&path, text))
            .map_err(|source| Error::File {
                action: "write",
                path: path.display().to_string(),
                source,
            })?;
    }
    Ok(())
}

/// The image catalogue of the example estate.
pub(crate) fn catalog() -> Result<Catalog, DeclaredError> {
    let images = ESTATE.iter().filter(|(name, _)| Path::new(name).starts_with("images"));
    let sources: Vec<_> = images.map(|(name, text)| SourceFile::new(*name, *text)).collect();
    Catalog::from_sources(&sources)
}

/// From now on, every URL of the catalogue serves content with the declared checksum.
pub(crate) fn serve(catalog: &Catalog, cloud: &SimCloud) {
    for version in catalog.definitions.iter().flat_map(|definition| &definition.versions) {
        if let Some(checksum) = &version.checksum {
            let file = UpstreamFile::with_checksum(&checksum.to_string());
            cloud.upstream().declare(version.source().as_str(), file);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    use super::*;

    fn files(directory: &Path, base: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, base, found);
            } else {
                found.insert(path.strip_prefix(base).unwrap().display().to_string());
            }
        }
    }

    #[test]
    fn the_whole_example_estate_is_built_in() {
        let base = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/estate");
        let mut on_disk = BTreeSet::new();
        files(&base, &base, &mut on_disk);
        let built_in = ESTATE.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(on_disk, built_in);
    }
}
