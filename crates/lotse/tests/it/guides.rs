//! What the guides tell people to type is typed here, as somebody who has just come.
//!
//! A block of commands below `<!-- tried -->` is run; all those of one guide by one shell, in their
//! order, with an empty home and the example estate at hand. Words behind the colon say more:
//!
//! | mark | means |
//! | --- | --- |
//! | `tried: daemon` | while a daemon runs with `/etc/lotse/lotse.yaml` |
//! | `tried: no daemon` | after that one was stopped |
//! | `tried: answer yes` | the question of the command is answered |
//! | `tried: fails` | the last command of the block is to fail |
//!
//! Paths of the system and ports are replaced by ones of the test.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::process::{Ended, Place, Server};

/// A block of commands, and the word of its mark.
struct Block {
    mark: String,
    text: String,
}

/// What a guide says.
pub(crate) fn text_of(guide: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/guides").join(guide);
    std::fs::read_to_string(path).unwrap()
}

fn blocks(guide: &str) -> Vec<Block> {
    let text = text_of(guide);
    let mut found = Vec::new();
    for rest in text.split("<!-- tried").skip(1) {
        let (mark, rest) = rest.split_once("-->").unwrap();
        let block = rest.strip_prefix("\n```sh\n");
        let block = block.unwrap_or_else(|| panic!("{guide}: a mark stands just above a block"));
        let (text, _) = block.split_once("```").unwrap();
        found.push(Block { mark: mark.trim_matches([':', ' ']).to_owned(), text: text.to_owned() });
    }
    assert!(!found.is_empty(), "{guide} has nothing that is tried");
    found
}

/// Somebody's machine: a home, a checkout to stand in, the places that packages use.
struct Newcomer {
    place: Place,
    listen: String,
}

impl Newcomer {
    fn new() -> Self {
        let place = Place::new();
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
        for directory in ["home", "checkout", "etc", "backups", "var"] {
            std::fs::create_dir(place.path(directory)).unwrap();
        }
        let estate = examples.canonicalize().unwrap();
        std::os::unix::fs::symlink(estate, place.path("checkout/examples")).unwrap();
        let state = place.path("var/lotse");
        let config = format!("listen: 127.0.0.1:0\nstate_directory: {}\n", state.display());
        place.write("etc/lotse/lotse.yaml", &config);
        Self { place, listen: "127.0.0.1:0".to_owned() }
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let own = Path::new(env!("CARGO_BIN_EXE_lotse")).parent().unwrap().display();
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.place.path("checkout"))
            .env_clear()
            .env("HOME", self.place.path("home"))
            .env("PATH", format!("{own}:/usr/local/bin:/usr/bin:/bin"))
            .stdin(Stdio::null());
        command
    }

    fn daemon(&mut self) -> Server {
        let config = self.place.path("etc/lotse/lotse.yaml");
        let arguments = ["serve", "--format", "json", "--config", config.to_str().unwrap()];
        let daemon = Server::start(self.command(env!("CARGO_BIN_EXE_lotse"), &arguments));
        let page = &daemon.page();
        self.listen = page.replace("http://", "");
        daemon
    }

    /// The block as it can be run here.
    fn here(&self, block: &Block) -> String {
        let path = |name| self.place.path(name).display().to_string();
        let text = block
            .text
            .replace("/etc/lotse", &path("etc/lotse"))
            .replace("/var/lib/lotse", &path("var/lotse"))
            .replace("/var/backups", &path("backups"))
            .replace("127.0.0.1:7650", &self.listen)
            .replace("127.0.0.1:7700", "127.0.0.1:0")
            .replace("127.0.0.1:5999", "127.0.0.1:0");
        match block.mark.as_str() {
            "answer yes" => text.replace("image apply", "image apply --yes"),
            "fails" => {
                format!("if {{\n{text}}}; then echo 'this should have failed' >&2; exit 99; fi\n")
            }
            _ => text,
        }
    }

    /// All blocks of a guide that starts a simulated cloud.
    fn patiently(&self, guide: &str) -> String {
        let mut script = String::new();
        for block in blocks(guide) {
            script.push_str(&self.here(&block));
            if block.text.contains("--write-clouds") {
                // A person takes longer to type the next command than the cloud takes to start.
                script.push_str("set +x; until [ -s clouds.yaml ]; do :; done; set -x\n");
            }
            writeln!(script, "echo '# end of a block'").unwrap();
        }
        script
    }

    fn type_in(&self, script: &str) -> Ended {
        // The shell prints what it runs, so that a failure names its command.
        let script = format!("set -eux\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{script}");
        Ended::of(self.command("bash", &["-c", &script]).output().unwrap())
    }
}

#[test]
fn what_the_guide_to_install_says_works() {
    let newcomer = Newcomer::new();
    let script: String = blocks("install.md").iter().map(|block| newcomer.here(block)).collect();
    newcomer.type_in(&script).with_code(0);
    let home = |name: &str| newcomer.place.path("home").join(".local/share").join(name);
    assert!(home("bash-completion/completions/lotse").metadata().unwrap().len() > 1000);
    assert!(home("man/man1/lotse-image-plan.1").is_file());
}

#[test]
fn the_first_steps_can_be_taken() {
    let newcomer = Newcomer::new();
    let ended = newcomer.type_in(&newcomer.patiently("first-steps.md")).with_code(0);
    let said: Vec<_> = ended.stdout.split("# end of a block").collect();
    assert!(said.iter().any(|block| block.trim().ends_with("\n0")), "no differences: {said:#?}");
    assert!(ended.stderr.contains("wrong.yml:"), "the mistake has a place: {}", ended.stderr);
}

#[test]
fn what_the_guide_to_operations_says_works() {
    let mut newcomer = Newcomer::new();
    let daemon = newcomer.daemon();
    let (before, after): (Vec<_>, Vec<_>) =
        blocks("operations.md").into_iter().partition(|block| block.mark == "daemon");
    for block in before {
        newcomer.type_in(&newcomer.here(&block)).with_code(0);
    }
    assert!(daemon.terminate().success());
    for block in after {
        newcomer.type_in(&newcomer.here(&block)).with_code(0);
    }
    assert!(newcomer.daemon().terminate().success());
}

#[test]
fn the_first_look_when_there_is_trouble_works() {
    let mut newcomer = Newcomer::new();
    let _daemon = newcomer.daemon();
    for block in blocks("troubleshooting.md") {
        newcomer.type_in(&newcomer.here(&block)).with_code(0);
    }
}

#[test]
fn what_the_guide_to_the_estate_from_git_says_works() {
    let mut newcomer = Newcomer::new();
    // The guide writes the address down before the daemon takes it.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    newcomer.listen = free.local_addr().unwrap().to_string();
    drop(free);
    let blocks = blocks("estate-from-git.md");
    let script: String = blocks.iter().map(|block| newcomer.here(block)).collect();
    let ended = newcomer.type_in(&script).with_code(0);
    assert!(ended.stdout.contains("lotse_estate_broken 1.0"), "{}", ended.stdout);
    let history = newcomer.place.path("checkout/state/estate/history.json");
    let history = std::fs::read_to_string(history).unwrap();
    let happened = [r#""what": "in-use""#, r#""what": "broken""#];
    let counts = happened.map(|what| history.matches(what).count());
    assert_eq!(counts, [2, 1], "{history}");
}

#[test]
fn what_the_guide_to_freshness_says_works() {
    let newcomer = Newcomer::new();
    let script: String =
        blocks("image-freshness.md").iter().map(|block| newcomer.here(block)).collect();
    let ended = newcomer.type_in(&script).with_code(0);
    assert!(ended.stdout.contains("ends of life as of"), "{}", ended.stdout);
}

#[test]
fn what_the_guide_to_conformance_says_works() {
    let newcomer = Newcomer::new();
    let ended = newcomer.type_in(&newcomer.patiently("conformance.md")).with_code(0);
    assert!(ended.stdout.contains("\"canonical\":\"SCS-4V-16-100s\""), "{}", ended.stdout);
    let report = std::fs::read_to_string(newcomer.place.path("checkout/report.yaml")).unwrap();
    assert!(report.contains("\"subject\": \"my-cloud\""), "{report}");
}

#[test]
fn what_the_guide_to_outages_says_works() {
    let newcomer = Newcomer::new();
    let script: String =
        blocks("status-outage.md").iter().map(|block| newcomer.here(block)).collect();
    let ended = newcomer.type_in(&script).with_code(0);
    assert!(ended.stdout.contains("Power failure"), "merged and listed: {}", ended.stdout);
}

#[test]
fn every_guide_that_says_it_is_tried_is_tried_here() {
    // The one to detection has a daemon and tests of its own.
    let tried = "conformance estate-from-git first-steps image-freshness install operations \
                 status-detection status-outage troubleshooting";
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/guides");
    let names = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    let mut marked: Vec<_> = names
        .map(|name| name.into_string().unwrap())
        .filter(|name| text_of(name).contains("<!-- tried"))
        .map(|name| name.trim_end_matches(".md").to_owned())
        .collect();
    marked.sort();
    assert_eq!(marked.join(" "), tried);
}
