use lotse_core::declared::{self, SourceFile};
use lotse_core::error::Explain as _;

use super::*;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Whole {
    estate: Config,
}

fn read(text: &str) -> Config {
    declared::load::<Whole>(&SourceFile::new("lotse.yaml", text)).unwrap().value.estate
}

fn git(text: &str) -> Git {
    let Config::Git(git) = read(text) else { panic!("not a repository") };
    *git
}

fn complaint(text: &str) -> String {
    let error = declared::load::<Whole>(&SourceFile::new("lotse.yaml", text)).unwrap_err();
    error.diagnostics()[0].to_string()
}

#[test]
fn an_address_is_all_that_must_be_said() {
    let git = git("estate:\n  git:\n    url: https://git.example.org/ops/estate.git/\n");
    assert_eq!(git.target().unwrap(), Target::branch("main"));
    assert_eq!(git.poll.get(), Duration::from_mins(1));
    assert_eq!(git.url.to_string(), "https://git.example.org/ops/estate.git");
    assert!(git.path.parts().is_empty());
    let text = serde_json::to_string(&git).unwrap();
    assert_eq!(serde_json::from_str::<Git>(&text).unwrap(), git);
}

#[test]
fn everything_can_be_said() {
    let mut config = read(
        "estate:\n  git:\n    url: ../estate.git\n    tag: v1\n    path: clouds/north/\n    poll: 5m\n    \
         credentials: {user: ops, token: {file: token}, ssh_key: key, known_hosts: hosts}\n    \
         ca_file: ca.pem\n    allowed_signers: signers\n    webhook: {secret: {file: secret}}\n",
    );
    config.rebase(Path::new("/etc/lotse"));
    let Config::Git(git) = config else { panic!() };
    assert_eq!(git.url, Remote::File("/etc/lotse/../estate.git".into()));
    assert_eq!(git.path.parts(), ["clouds", "north"]);
    assert_eq!(git.target().unwrap(), Target::Reference("refs/tags/v1".to_owned()));
    assert_eq!(git.allowed_signers.unwrap(), Path::new("/etc/lotse/signers"));
    assert_eq!(git.credentials.token, Some(SecretSource::File("/etc/lotse/token".into())));
    assert_eq!(git.webhook.unwrap().secret, SecretSource::File("/etc/lotse/secret".into()));
    let mut folder = read("estate: {folder: estate}\n");
    folder.rebase(Path::new("/etc/lotse"));
    assert_eq!(folder, Config::Folder("/etc/lotse/estate".into()));
}

#[test]
fn addresses_of_ssh_are_read_as_git_reads_them() {
    for (text, user, host, port, path) in [
        ("git@example.org:ops/estate.git", Some("git"), "example.org", None, "ops/estate.git"),
        ("example.org:/srv/estate.git", None, "example.org", None, "/srv/estate.git"),
        ("ssh://git@example.org:2222/e.git", Some("git"), "example.org", Some(2222), "/e.git"),
        ("ssh://[::1]/e.git", None, "::1", None, "/e.git"),
    ] {
        let Ok(Remote::Ssh(remote)) = Remote::try_from(text.to_owned()) else { panic!("{text}") };
        assert_eq!((remote.user.as_deref(), &*remote.host), (user, host), "{text}");
        assert_eq!((remote.port, &*remote.path), (port, path), "{text}");
        assert_eq!(Remote::Ssh(remote).to_string(), text);
    }
}

#[test]
fn what_cannot_be_meant_is_refused_where_it_stands() {
    let url = |url: &str| complaint(&format!("estate:\n  git:\n    url: \"{url}\"\n"));
    for (address, said) in [
        ("https://user:hunter2@example.org/e.git", "password"),
        ("https://user@example.org/e.git", "credentials.user"),
        ("git://example.org/e.git", "not supported"),
        ("-oProxyCommand=id:x", "not an address of SSH"),
        ("ssh://-oProxyCommand=id/x", "SSH"),
        ("host:-x", "not an address of SSH"),
        ("", "empty"),
    ] {
        let text = url(address);
        assert!(text.contains(said), "{address}: {text}");
        assert!(text.starts_with("lotse.yaml:3:10"), "{text}");
    }
    let also = |key: &str, value: &str| {
        complaint(&format!("estate:\n  git:\n    url: /e\n    {key}: \"{value}\"\n"))
    };
    assert!(also("path", "../secrets").contains("leads out"));
    assert!(also("path", "/etc").contains("leads out"));
    assert!(also("branch", "a..b").contains("not a name that Git allows"));
    assert!(also("branch", "-x").contains("not a name that Git allows"));
    assert!(also("poll", "1s").contains("at least 10s"));
    assert!(also("commit", "abc").contains("40 hexadecimal"));
}

#[test]
fn contradictions_are_told() {
    let both = git("estate:\n  git: {url: /e, branch: a, tag: b}\n");
    assert!(both.target().unwrap_err().to_string().contains("not more"));
    let clear = git("estate:\n  git: {url: 'http://git/e', credentials: {token: {env: T}}}\n");
    assert!(clear.target().unwrap_err().to_string().contains("clear text"));
    let local = git("estate:\n  git: {url: 'http://[::1]:1/e', credentials: {token: {env: T}}}\n");
    assert!(local.target().is_ok());
}
