//! `--commit`: the changed files and nothing else.

use std::path::Path;
use std::process::Command;

use lotse_upstream::{Catalogue, Git, Update, commit};

use crate::follow::{estate, found};
use crate::server::Upstream;

fn git(place: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").arg("-C").arg(place).args(arguments).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The definitions, committed, with what is found for two of the files.
async fn prepared() -> (tempfile::TempDir, Vec<Update>) {
    let place = estate();
    git(place.path(), &["init", "--quiet", "--initial-branch", "main"]);
    git(place.path(), &["config", "user.name", "T"]);
    git(place.path(), &["config", "user.email", "t@example.org"]);
    git(place.path(), &["config", "commit.gpgsign", "false"]);
    git(place.path(), &["add", "."]);
    git(place.path(), &["commit", "--quiet", "-m", "Begin"]);
    let upstream = Upstream::start().await;
    let catalogue = Catalogue::load(place.path()).unwrap();
    let (_, mut updates) = found(&upstream, &catalogue).await;
    let wanted = ["debian.yml", "ubuntu.yml"];
    updates.retain(|update| wanted.iter().any(|name| update.path.ends_with(name)));
    assert_eq!(updates.len(), 2);
    (place, updates)
}

fn plain() -> Git {
    Git { program: "git".into(), branch: None }
}

#[tokio::test]
async fn a_commit_holds_the_changed_files_and_lists_the_changes() {
    let (place, updates) = prepared().await;
    // Somebody has staged something else and is working on a third thing.
    std::fs::write(place.path().join("README"), "mine\n").unwrap();
    git(place.path(), &["add", "README"]);
    std::fs::write(place.path().join("talos.yml"), "images: []\n").unwrap();

    let committed = commit(&updates, &plain()).await.unwrap();
    assert_eq!(committed.branch.as_deref(), Some("main"));
    assert_eq!(git(place.path(), &["rev-parse", "HEAD"]).trim(), committed.id);
    let files = git(place.path(), &["show", "--name-only", "--format=", "HEAD"]);
    assert_eq!(files, "debian.yml\nubuntu.yml\n");
    let message = git(place.path(), &["show", "--no-patch", "--format=%B", "HEAD"]);
    assert!(
        message.starts_with("Update 4 images\n\n- Debian 13: 20261001 -> 20261113\n  https://"),
        "{message}"
    );
    let status = git(place.path(), &["status", "--porcelain"]);
    assert_eq!(status, "A  README\n M talos.yml\n", "what others do stays theirs");
}

#[tokio::test]
async fn a_branch_of_its_own_leaves_the_other_where_it_was() {
    let (place, updates) = prepared().await;
    let before = git(place.path(), &["rev-parse", "main"]);
    let with_branch = Git { branch: Some("images/update".to_owned()), ..plain() };
    let committed = commit(&updates, &with_branch).await.unwrap();
    assert_eq!(committed.branch.as_deref(), Some("images/update"));
    assert_eq!(git(place.path(), &["rev-parse", "main"]), before);
    let parent = git(place.path(), &["rev-parse", "images/update^"]);
    assert_eq!(parent, before);
}

#[tokio::test]
async fn files_with_changes_of_somebody_else_are_refused_before_anything_is_written() {
    let (place, updates) = prepared().await;
    let ubuntu = place.path().join("ubuntu.yml");
    let text = std::fs::read_to_string(&ubuntu).unwrap() + "# not committed\n";
    std::fs::write(&ubuntu, &text).unwrap();
    let error = commit(&updates, &plain()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "not committed yet: ubuntu.yml; a commit of ours would sweep that in"
    );
    assert_eq!(git(place.path(), &["status", "--porcelain"]), " M ubuntu.yml\n");
    assert_eq!(std::fs::read_to_string(&ubuntu).unwrap(), text);
}

/// Puts a hook into the repository.
fn hook(place: &Path, script: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let hook = place.join(".git/hooks/pre-commit");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, script).unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn a_hook_that_changes_a_file_and_refuses_is_told_about() {
    let (place, updates) = prepared().await;
    hook(place.path(), "#!/bin/sh\necho '# formatted' >> debian.yml\necho no >&2\nexit 1\n");
    let error = commit(&updates, &plain()).await.unwrap_err().to_string();
    assert!(error.starts_with("git refused: no\n"), "{error}");
    assert!(error.ends_with("debian.yml was changed by that and is left as it is"), "{error}");
    let status = git(place.path(), &["status", "--porcelain"]);
    assert_eq!(status, " M debian.yml\n", "the other file is as it was");
}

#[tokio::test]
async fn a_hook_that_refuses_leaves_files_and_branch_as_they_were() {
    let (place, updates) = prepared().await;
    hook(place.path(), "#!/bin/sh\necho 'not on a Friday' >&2\nexit 1\n");
    let before = git(place.path(), &["rev-parse", "HEAD"]);
    let with_branch = Git { branch: Some("images/update".to_owned()), ..plain() };
    let error = commit(&updates, &with_branch).await.unwrap_err();
    assert_eq!(error.to_string(), "git refused: not on a Friday");
    assert_eq!(git(place.path(), &["rev-parse", "HEAD"]), before);
    assert_eq!(git(place.path(), &["status", "--porcelain", "--branch"]), "## main\n");
    assert_eq!(git(place.path(), &["branch", "--format=%(refname:short)"]), "main\n");
}

#[tokio::test]
async fn a_directory_that_is_no_repository_is_refused() {
    let place = estate();
    let upstream = Upstream::start().await;
    let catalogue = Catalogue::load(&place.path().join("debian.yml")).unwrap();
    let (_, updates) = found(&upstream, &catalogue).await;
    let error = commit(&updates, &plain()).await.unwrap_err();
    assert!(error.to_string().contains("not a git repository"), "{error}");
    let nothing = Git { program: "/nonexistent/git".into(), branch: None };
    let error = commit(&updates, &nothing).await.unwrap_err();
    assert_eq!(error.to_string(), "git cannot be run");
}
