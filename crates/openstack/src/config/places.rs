//! Where configuration files may be.

use std::path::{Path, PathBuf};

use super::Sources;

/// The directories, best first.
pub(super) fn directories(sources: &Sources, here: &Path) -> Vec<PathBuf> {
    let mut directories = vec![here.to_path_buf()];
    if let Some(xdg) = sources.variable("XDG_CONFIG_HOME") {
        directories.push(Path::new(xdg).join("openstack"));
    }
    if let Some(home) = &sources.home {
        directories.push(home.join(".config/openstack"));
    }
    for site in sources.variable("XDG_CONFIG_DIRS").into_iter().flat_map(|all| all.split(':')) {
        if !site.is_empty() {
            directories.push(Path::new(site).join("openstack"));
        }
    }
    directories.push(PathBuf::from("/etc/openstack"));
    directories.dedup();
    directories
}

/// The files of this stem, best first; the one the environment names comes before all.
pub(super) fn candidates(directories: &[PathBuf], stem: &str, named: Option<&str>) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = named.map(PathBuf::from).into_iter().collect();
    for directory in directories {
        for ending in ["yaml", "yml", "json"] {
            files.push(directory.join(format!("{stem}.{ending}")));
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_working_directory_comes_first_and_the_machine_last() {
        let sources = Sources { home: Some("/home/ada".into()), ..Sources::default() };
        let found = candidates(&directories(&sources, Path::new("/work")), "clouds", None);
        assert_eq!(found.first().unwrap(), Path::new("/work/clouds.yaml"));
        assert_eq!(found[3], Path::new("/home/ada/.config/openstack/clouds.yaml"));
        assert_eq!(found.last().unwrap(), Path::new("/etc/openstack/clouds.json"));
    }

    #[test]
    fn a_file_the_environment_names_comes_before_all() {
        let found = candidates(&["/work".into()], "secure", Some("/run/secret.yaml"));
        assert_eq!(found[..2], ["/run/secret.yaml", "/work/secure.yaml"].map(PathBuf::from));
    }
}
