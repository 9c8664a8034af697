//! Which files are found and read.

use std::collections::BTreeMap;
use std::path::Path;

use lotse_core::error::Explain as _;
use lotse_openstack::{CloudConfig, ConfigError, Overrides, Sources};

/// A machine of our own: a home, a working directory, and an environment.
struct Machine {
    root: tempfile::TempDir,
    environment: BTreeMap<String, String>,
}

impl Machine {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let home = root.path().join("home").display().to_string();
        let machine = Self { root, environment: BTreeMap::from([("HOME".to_owned(), home)]) };
        std::fs::create_dir_all(machine.path("work")).unwrap();
        machine
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.root.path().join(name)
    }

    /// Writes a file with one cloud of this name.
    fn with_file(self, name: &str, cloud: &str) -> Self {
        self.with_text(name, &format!("{{\"clouds\": {{\"{cloud}\": {{}}}}}}"))
    }

    fn with_text(self, name: &str, text: &str) -> Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    fn with_variable(mut self, name: &str, value: impl AsRef<Path>) -> Self {
        self.environment.insert(name.to_owned(), value.as_ref().display().to_string());
        self
    }

    fn read(&self) -> Result<Sources, ConfigError> {
        Sources::read(self.environment.clone(), Overrides::default(), &self.path("work"))
    }

    fn clouds(&self) -> Vec<String> {
        CloudConfig::names(&self.read().unwrap()).unwrap()
    }
}

#[test]
fn the_first_file_found_counts_and_the_others_do_not() {
    let machine = Machine::new().with_file("home/.config/openstack/clouds.yml", "home");
    assert_eq!(machine.clouds(), ["home"]);
    let machine = machine.with_file("work/clouds.json", "json");
    assert_eq!(machine.clouds(), ["json"]);
    let machine = machine.with_file("work/clouds.yaml", "work");
    assert_eq!(machine.clouds(), ["work"]);
    let named = machine.path("named.yaml");
    let machine = machine.with_variable("OS_CLIENT_CONFIG_FILE", &named);
    assert_eq!(machine.clouds(), ["work"], "a named file that is missing is passed over");
    assert_eq!(machine.with_file("named.yaml", "named").clouds(), ["named"]);
}

#[test]
fn the_configuration_directory_of_the_user_comes_before_the_one_in_the_home() {
    let machine = Machine::new().with_file("home/.config/openstack/clouds.yaml", "home");
    let xdg = machine.path("xdg");
    let machine = machine.with_variable("XDG_CONFIG_HOME", &xdg);
    assert_eq!(machine.clouds(), ["home"]);
    assert_eq!(machine.with_file("xdg/openstack/clouds.yaml", "xdg").clouds(), ["xdg"]);
}

#[test]
fn the_secure_file_is_laid_over_the_other_wherever_it_is() {
    let machine = Machine::new()
        .with_text(
            "work/clouds.yaml",
            "clouds:\n  x:\n    auth: {auth_url: http://h/v3, user_id: u}\n    region_name: north\n",
        )
        .with_text("home/.config/openstack/secure.yaml", "clouds:\n  x:\n    auth: {password: p}\n");
    let config = CloudConfig::resolve(&machine.read().unwrap()).unwrap();
    assert_eq!(config.region.as_deref(), Some("north"));

    let elsewhere = machine.path("elsewhere.yaml");
    let machine = machine
        .with_text("elsewhere.yaml", "clouds:\n  x:\n    region_name: south\n")
        .with_variable("OS_CLIENT_SECURE_FILE", &elsewhere);
    let error = CloudConfig::resolve(&machine.read().unwrap()).unwrap_err();
    assert!(matches!(error, ConfigError::Missing { key: "password", .. }), "{error:?}");
}

#[test]
fn a_machine_without_any_configuration_is_told_where_was_looked() {
    let machine = Machine::new();
    let error = CloudConfig::resolve(&machine.read().unwrap()).unwrap_err();
    if std::fs::exists("/etc/openstack/clouds.yaml").unwrap() {
        return assert!(!matches!(error, ConfigError::Nothing { .. }));
    }
    assert!(matches!(error, ConfigError::Nothing { .. }), "{error:?}");
    let hints = error.hints().concat();
    assert!(hints.contains(&machine.path("work/clouds.yaml").display().to_string()), "{hints}");
}

#[test]
fn a_file_that_is_no_text_or_no_file_is_named() {
    for text in [None, Some([0xff, 0xfe, 0xfd])] {
        let machine = Machine::new();
        let path = machine.path("work/clouds.yaml");
        match text {
            Some(bytes) => std::fs::write(&path, bytes).unwrap(),
            None => std::fs::create_dir(&path).unwrap(),
        }
        let error = machine.read().unwrap_err();
        assert_eq!(error.to_string(), format!("{} cannot be read", path.display()));
    }
}

#[test]
fn several_clouds_and_no_choice_is_told_with_the_names() {
    let machine = Machine::new().with_text("work/clouds.yaml", "clouds: {a: {}, b: {}}");
    let error = CloudConfig::resolve(&machine.read().unwrap()).unwrap_err();
    assert!(error.to_string().ends_with("clouds.yaml has several: a, b"), "{error}");
    assert!(error.hints().concat().contains("--os-cloud"));
}
