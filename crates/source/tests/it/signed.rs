//! Commits that must be signed, with real `ssh-keygen`.

use std::path::{Path, PathBuf};
use std::process::Command;

use lotse_source::SignatureState;

use crate::world::{World, advanced, broken, catalog, look};

fn keygen(directory: &Path, name: &str, kind: &[&str]) -> (PathBuf, String) {
    let path = directory.join(name);
    let made = Command::new("ssh-keygen")
        .args(["-q", "-N", "", "-C", name, "-f"])
        .arg(&path)
        .args(kind)
        .status()
        .unwrap();
    assert!(made.success());
    let public = std::fs::read_to_string(path.with_extension("pub")).unwrap();
    (path, public.trim().to_owned())
}

fn signing(world: &World, key: &Path) {
    let key = key.to_str().unwrap();
    world.repository.git(&["config", "gpg.format", "ssh"]);
    world.repository.git(&["config", "user.signingKey", key]);
}

fn world() -> World {
    let mut world = World::new();
    world.allowed_signers = Some(world.directory.path().join("allowed_signers"));
    world
}

fn allow(world: &World, lines: &str) {
    std::fs::write(world.allowed_signers.as_ref().unwrap(), lines).unwrap();
}

#[tokio::test]
async fn only_commits_of_allowed_signers_are_used() {
    let world = world();
    let (alice, alice_public) = keygen(world.directory.path(), "alice", &["-t", "ed25519"]);
    let (mallory, _) = keygen(world.directory.path(), "mallory", &["-t", "ed25519"]);
    allow(&world, &format!("alice@example.org namespaces=\"git\" {alice_public}\n"));
    let source = world.source(&world.url());
    let unsigned = broken(&look(&source).await);
    assert_eq!(unsigned, "the commit is not signed by an allowed signer: there is no signature");

    signing(&world, &alice);
    world.repository.write("images/catalog.yml", "by alice");
    let good = world.repository.commit_with("signed", &["-S"]);
    assert_eq!(advanced(&look(&source).await), good);
    let signature = source.status().good.unwrap().signature;
    let SignatureState::Good { signer, key } = signature else { panic!("{signature:?}") };
    let listed = Command::new("ssh-keygen").arg("-l").arg("-f").arg(&alice).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(signer == "alice@example.org" && listed.contains(&key), "{key} {listed}");

    signing(&world, &mallory);
    world.repository.write("images/catalog.yml", "by mallory");
    world.repository.commit_with("forged", &["-S"]);
    let message = broken(&look(&source).await);
    assert!(message.contains("nobody's in the file of allowed signers"), "{message}");
    assert_eq!(catalog(&source), "by alice");

    // Alice's signature on a commit that she did not make.
    let raw = world.repository.git(&["cat-file", "commit", &good]) + "\n";
    let changed = raw.replace("signed", "changed");
    let forged = world
        .repository
        .git_with(&["hash-object", "-w", "-t", "commit", "--stdin"], changed.as_bytes());
    world.repository.git(&["update-ref", "refs/heads/main", &forged]);
    let message = broken(&look(&source).await);
    assert!(message.contains("forged or the commit was changed"), "{message}");
    assert_eq!(world.status_file()["broken"]["fault"]["kind"], "integrity");
}

#[tokio::test]
async fn a_change_of_the_signers_is_heard_without_a_new_commit() {
    let world = world();
    let (bob, public) = keygen(world.directory.path(), "bob", &["-t", "ed25519"]);
    allow(&world, "");
    signing(&world, &bob);
    let head = world.repository.commit_with("signed", &["-S"]);
    let source = world.source(&world.url());
    assert!(broken(&look(&source).await).contains("nobody's"));
    allow(&world, &format!("bob {public}\n"));
    assert_eq!(advanced(&look(&source).await), head);
}

#[tokio::test]
async fn keys_of_every_supported_kind_are_verified() {
    let world = world();
    let source = world.source(&world.url());
    let kinds: [(&str, &[&str]); 4] = [
        ("ed25519", &["-t", "ed25519"]),
        ("p256", &["-t", "ecdsa", "-b", "256"]),
        ("p384", &["-t", "ecdsa", "-b", "384"]),
        ("rsa", &["-t", "rsa", "-b", "2048"]),
    ];
    for (name, kind) in kinds {
        let (key, public) = keygen(world.directory.path(), name, kind);
        allow(&world, &format!("{name} {public}\n"));
        signing(&world, &key);
        // Numbers of ECDSA differ in length from signature to signature.
        for round in 0..3 {
            world.repository.write("images/catalog.yml", &format!("{name} {round}"));
            let commit = world.repository.commit_with("signed", &["-S"]);
            assert_eq!(advanced(&look(&source).await), commit, "{name}");
        }
    }
    let (key, public) = keygen(world.directory.path(), "p521", &["-t", "ecdsa", "-b", "521"]);
    allow(&world, &format!("p521 {public}\n"));
    signing(&world, &key);
    world.repository.commit_with("signed", &["-S"]);
    let message = broken(&look(&source).await);
    assert!(message.contains("kind of key that is not supported"), "{message}");
}

#[tokio::test]
async fn a_signature_for_another_purpose_does_not_count() {
    let world = world();
    let (alice, public) = keygen(world.directory.path(), "alice", &["-t", "ed25519"]);
    allow(&world, &format!("alice {public}\n"));
    let unsigned = world.repository.git(&["cat-file", "commit", "HEAD"]) + "\n";
    let file = world.directory.path().join("message");
    std::fs::write(&file, &unsigned).unwrap();
    let made = Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", "file", "-f"])
        .arg(&alice)
        .arg(&file)
        .status()
        .unwrap();
    assert!(made.success());
    let armour = std::fs::read_to_string(file.with_extension("sig")).unwrap();
    let header = format!("gpgsig {}\n", armour.trim().replace('\n', "\n "));
    let (head, message) = unsigned.split_once("\n\n").unwrap();
    let raw = format!("{head}\n{header}\n{message}");
    let commit = world
        .repository
        .git_with(&["hash-object", "-w", "-t", "commit", "--stdin"], raw.as_bytes());
    world.repository.git(&["update-ref", "refs/heads/main", &commit]);
    let source = world.source(&world.url());
    assert!(broken(&look(&source).await).contains("made for another purpose"));
}

#[tokio::test]
async fn who_turns_on_signatures_does_not_go_on_with_an_unsigned_revision() {
    let mut world = World::new();
    advanced(&look(&world.source(&world.url())).await);
    world.allowed_signers = Some(world.directory.path().join("allowed_signers"));
    allow(&world, "");
    let source = world.source(&world.url());
    assert!(source.checkout().is_none());
    assert!(broken(&look(&source).await).contains("there is no signature"));
}
