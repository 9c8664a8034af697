//! What must be in the package, as whom, and what must not.

use std::path::Path;

use crate::error::Error;

/// Files that somebody relies on, each with its mode.
const WANTED: [(&str, &str); 13] = [
    ("usr/bin/lotse", "-rwxr-xr-x"),
    ("etc/lotse/lotse.yaml", "-rw-r--r--"),
    ("usr/lib/systemd/system/lotse.service", "-rw-r--r--"),
    ("usr/lib/sysusers.d/lotse.conf", "-rw-r--r--"),
    ("usr/share/man/man1/lotse.1.gz", "-rw-r--r--"),
    ("usr/share/man/man1/lotse-serve.1.gz", "-rw-r--r--"),
    ("usr/share/man/man1/lotse-image-plan.1.gz", "-rw-r--r--"),
    ("usr/share/bash-completion/completions/lotse", "-rw-r--r--"),
    ("usr/share/zsh/vendor-completions/_lotse", "-rw-r--r--"),
    ("usr/share/fish/vendor_completions.d/lotse.fish", "-rw-r--r--"),
    ("usr/share/doc/lotse/copyright", "-rw-r--r--"),
    ("usr/share/doc/lotse/THIRD-PARTY.gz", "-rw-r--r--"),
    ("usr/share/doc/lotse/examples/prometheus-rules.yml", "-rw-r--r--"),
];

/// Where a package of ours may put anything at all.
const PLACES: [&str; 4] = ["usr/bin/", "usr/lib/", "usr/share/", "etc/lotse/"];

/// Words of the fields of the package, each with a word that must be in it.
const FIELDS: [(&str, &str); 4] = [
    ("Package", "lotse"),
    ("Version", env!("CARGO_PKG_VERSION")),
    ("Depends", "libc6"),
    ("Depends", "ca-certificates"),
];

/// An entry of the listing that `dpkg-deb --contents` writes.
struct Entry<'a> {
    mode: &'a str,
    owner: &'a str,
    bytes: &'a str,
    path: &'a str,
}

fn entries(listing: &str) -> impl Iterator<Item = Entry<'_>> {
    listing.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let (mode, owner, bytes) = (words.next()?, words.next()?, words.next()?);
        // The day and the time are of no interest; names of ours have no spaces.
        let path = words.nth(2)?.trim_start_matches("./");
        Some(Entry { mode, owner, bytes, path })
    })
}

/// What is wrong with the listing (`dpkg-deb --contents`) and the fields (`dpkg-deb --field`).
pub(crate) fn problems(listing: &str, fields: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for (path, mode) in WANTED {
        match entries(listing).find(|entry| entry.path == path) {
            None => problems.push(format!("{path} is not in the package")),
            Some(entry) if entry.mode != mode => {
                problems.push(format!("{path} has mode {}, not {mode}", entry.mode));
            }
            Some(entry) if entry.bytes == "0" => problems.push(format!("{path} is empty")),
            Some(_) => {}
        }
    }
    for entry in entries(listing) {
        // dpkg-deb shows numbers where the archive has no names.
        if !["root/root", "0/0"].contains(&entry.owner) {
            problems.push(format!("{} belongs to {}", entry.path, entry.owner));
        }
        let is_file = !entry.path.ends_with('/') && !entry.path.is_empty();
        if is_file && !PLACES.iter().any(|place| entry.path.starts_with(place)) {
            problems.push(format!("{} is in a place that is not ours", entry.path));
        }
    }
    for (name, word) in FIELDS {
        let begin = format!("{name}:");
        let field = fields.lines().find_map(|line| line.strip_prefix(&begin)).unwrap_or_default();
        if !field.contains(word) {
            problems.push(format!("the field {name} does not say {word}:{field}"));
        }
    }
    problems
}

/// What is wrong with the scripts and lists beside the files (`DEBIAN/` of the unpacked package).
pub(crate) fn script_problems(control: &Path) -> Result<Vec<String>, Error> {
    let read = |name: &str| {
        let path = control.join(name);
        std::fs::read_to_string(&path).map_err(Error::file("read", path))
    };
    let mut problems = Vec::new();
    if !read("conffiles")?.lines().any(|line| line == "/etc/lotse/lotse.yaml") {
        problems.push("an upgrade would overwrite /etc/lotse/lotse.yaml".to_owned());
    }
    let postinst = read("postinst")?;
    // The unit needs its user from the first start on.
    match (postinst.find("systemd-sysusers"), postinst.find("deb-systemd-invoke")) {
        (Some(user), Some(start)) if user < start => {}
        _ => problems.push("postinst does not make the user before it starts the unit".to_owned()),
    }
    if !read("prerm")?.contains("deb-systemd-invoke stop") {
        problems.push("prerm does not stop the unit".to_owned());
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &str = concat!(
        "Package: lotse\nVersion: ",
        env!("CARGO_PKG_VERSION"),
        "-1\nDepends: ca-certificates, libc6 (>= 2.34)\n"
    );

    fn listing() -> String {
        let line = |(path, mode): (&str, &str)| {
            format!("{mode} root/root      1234 2026-01-01 00:00 ./{path}\n")
        };
        WANTED.map(line).concat()
    }

    #[test]
    fn a_complete_package_is_fine() {
        assert_eq!(problems(&listing(), FIELDS), Vec::<String>::new());
    }

    #[test]
    fn missing_files_wrong_modes_owners_and_places_are_named() {
        let broken = listing()
            .replace("./etc/lotse/lotse.yaml", "./home/x")
            .replace("-rwxr-xr-x root/root", "-rwxrwxrwx me/me");
        let found = problems(&broken, FIELDS).join("\n");
        for part in
            ["lotse.yaml is not in", "mode -rwxrwxrwx", "belongs to me/me", "home/x is in a place"]
        {
            assert!(found.contains(part), "{part}: {found}");
        }
    }

    #[test]
    fn a_package_without_what_it_depends_on_is_refused() {
        let found = problems(&listing(), "Package: lotse\nVersion: 0.0.1\n").join("\n");
        assert!(found.contains("Version") && found.contains("libc6"), "{found}");
    }

    #[test]
    fn a_unit_that_starts_before_its_user_is_there_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write("conffiles", "/etc/lotse/lotse.yaml\n");
        write("prerm", "deb-systemd-invoke stop lotse.service\n");
        write("postinst", "systemd-sysusers lotse.conf\ndeb-systemd-invoke start lotse.service\n");
        assert_eq!(script_problems(dir.path()).unwrap(), Vec::<String>::new());
        write("postinst", "deb-systemd-invoke start lotse.service\nsystemd-sysusers lotse.conf\n");
        write("conffiles", "");
        assert_eq!(script_problems(dir.path()).unwrap().len(), 2);
    }
}
