//! Repositories made with the `git` command.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A working repository; servers serve its `.git`.
pub(crate) struct Repository {
    pub(crate) path: PathBuf,
    commits: AtomicU32,
}

impl Repository {
    pub(crate) fn new(path: &Path) -> Self {
        std::fs::create_dir_all(path).unwrap();
        let repository = Self { path: path.to_owned(), commits: AtomicU32::new(0) };
        repository.git(&["init", "-q", "-b", "main"]);
        repository.git(&["config", "http.receivepack", "false"]);
        repository
    }

    /// Runs Git here, apart from whatever the machine has configured, and gives what it prints.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        self.git_with(arguments, b"")
    }

    pub(crate) fn git_with(&self, arguments: &[&str], input: &[u8]) -> String {
        use std::io::Write as _;
        let number = self.commits.load(Ordering::Relaxed);
        let date = format!("2026-01-02T03:{:02}:{:02}Z", number / 60, number % 60);
        let mut child = Command::new("git")
            .args(arguments)
            .current_dir(&self.path)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs([("GIT_AUTHOR_NAME", "Ada"), ("GIT_AUTHOR_EMAIL", "ada@example.org")])
            .envs([("GIT_COMMITTER_NAME", "Ada"), ("GIT_COMMITTER_EMAIL", "ada@example.org")])
            .envs([("GIT_AUTHOR_DATE", &date), ("GIT_COMMITTER_DATE", &date)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {error}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let place = self.path.join(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, text).unwrap();
    }

    /// Commits everything that is there; gives the name of the commit.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.commit_with(message, &[])
    }

    pub(crate) fn commit_with(&self, message: &str, options: &[&str]) -> String {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.git(&["add", "-A"]);
        let arguments = [&["commit", "-q", "--allow-empty", "-m", message], options].concat();
        self.git(&arguments);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Commits a tree that was made by hand (its lines as `git mktree` reads them, ended by NUL).
    pub(crate) fn commit_tree(&self, lines: &[u8]) -> String {
        let tree = self.git_with(&["mktree", "-z", "--missing"], lines);
        self.commit_object(&tree)
    }

    pub(crate) fn commit_object(&self, tree: &str) -> String {
        let commit = self.git(&["commit-tree", "-m", "by hand", tree]);
        self.git(&["update-ref", "refs/heads/main", &commit]);
        commit
    }

    pub(crate) fn blob(&self, content: &[u8]) -> String {
        self.git_with(&["hash-object", "-w", "--stdin"], content)
    }
}
