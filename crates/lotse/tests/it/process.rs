//! Helpers: the binary as a command, servers as child processes that end with the test.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A directory of a test, with everything the program could look for inside.
pub(crate) struct Place {
    directory: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The program, with nothing of the developer's environment.
    pub(crate) fn lotse(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lotse"));
        command
            .args(arguments)
            .current_dir(self.directory.path())
            .env_clear()
            .env("HOME", self.directory.path())
            .env("LOTSE_STATE", self.path("state"))
            .stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(self.lotse(arguments).output().unwrap())
    }

    /// Runs the program on the simulated cloud of [`Place::simulate`].
    pub(crate) fn run_on_sim(&self, arguments: &[&str]) -> Ended {
        let mut command = self.lotse(arguments);
        command.env("OS_CLIENT_CONFIG_FILE", self.path("clouds.yaml")).env("OS_CLOUD", "sim");
        Ended::of(command.output().unwrap())
    }

    /// Starts a simulated cloud and writes its `clouds.yaml` here.
    pub(crate) fn simulate(&self, options: &[&str]) -> Server {
        let clouds = self.path("clouds.yaml");
        let clouds = clouds.to_str().unwrap();
        let mut command = self.lotse(&["sim", "--listen", "127.0.0.1:0", "--format", "json"]);
        command.args(["--write-clouds", clouds]).args(options);
        Server::start(command)
    }

    /// A place with a simulated cloud and a configuration that keeps the example images on it under
    /// this policy; `more` is added to the configuration.
    pub(crate) fn harbour(policy: &str, options_of_sim: &[&str], more: &str) -> (Self, Server) {
        let place = Self::new();
        let sim = place.simulate(options_of_sim);
        let images = example("images").canonicalize().unwrap();
        let config = format!(
            "listen: 127.0.0.1:0\nstate_directory: state\nclouds_file: clouds.yaml\nimages:\n  \
             path: {}\n  clouds: [sim]\n  import: cloud\n  policy: {policy}\n  period: 1h\n{more}",
            images.display()
        );
        place.write("lotse.yaml", &config);
        (place, sim)
    }

    /// Starts the daemon of `lotse.yaml`.
    #[track_caller]
    pub(crate) fn serve(&self) -> Server {
        self.serve_by(self.lotse(&["serve", "--config", "lotse.yaml", "--format", "json"]))
    }

    /// The same with another command, its log in `daemon.log`.
    #[track_caller]
    pub(crate) fn serve_by(&self, command: Command) -> Server {
        // A pipe takes only so much that nobody reads.
        let log = std::fs::File::create(self.path("daemon.log")).unwrap();
        Server::start_with(command, log.into())
    }

    /// The files in the directory of this name, sorted.
    pub(crate) fn names_in(&self, name: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(name)).into_iter().flatten();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

/// What came of a command.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Expects this exit code.
    #[track_caller]
    pub(crate) fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}\n{}", self.stdout, self.stderr))
    }
}

/// A server of the program; killed with the test.
pub(crate) struct Server {
    child: Child,
    /// Kept open, so that the program can go on writing.
    _lines: BufReader<ChildStdout>,
    /// The JSON object with which it said that it is ready.
    pub(crate) hello: Value,
}

impl Server {
    /// Starts it and waits for its first line of JSON.
    #[track_caller]
    pub(crate) fn start(command: Command) -> Self {
        Self::start_with(command, Stdio::piped())
    }

    /// The same, with another place for its log: a pipe takes only so much that nobody reads.
    #[track_caller]
    pub(crate) fn start_with(mut command: Command, log: Stdio) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            let output = child.wait_with_output().unwrap();
            panic!("the server ended: {}", String::from_utf8_lossy(&output.stderr));
        }
        // A pretty-printed object goes on over several lines.
        while serde_json::from_str::<Value>(&line).is_err() {
            assert_ne!(lines.read_line(&mut line).unwrap(), 0, "not JSON: {line}");
        }
        let hello = serde_json::from_str(&line).unwrap();
        Self { child, _lines: lines, hello }
    }

    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    /// Where a daemon is, without a slash at the end.
    pub(crate) fn page(&self) -> String {
        self.hello["page"].as_str().unwrap().trim_end_matches('/').to_owned()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        signal(name, self.child.id());
    }

    /// Ends it with SIGTERM and waits.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        self.signal("TERM");
        self.child.wait().unwrap()
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; there is nobody left to be told.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Sends a process of the test a signal.
pub(crate) fn signal(name: &str, pid: u32) {
    let (signal, pid) = (format!("-{name}"), pid.to_string());
    assert!(Command::new("kill").args([signal, pid]).status().unwrap().success());
}

/// GET of a path under the address that a server said; status and body.
pub(crate) fn get(base: &str, path: &str) -> (u16, String) {
    request(base, "GET", path, "")
}

/// A request with a JSON body (none when empty); status and body of the answer.
pub(crate) fn request(base: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    let (status, _, body) = exchange(base, &format!("{method} {path}"), "", body);
    (status, body)
}

/// The same with one more header; status, head and body of the answer.
pub(crate) fn exchange(
    base: &str,
    wanted: &str,
    header: &str,
    body: &str,
) -> (u16, String, String) {
    use std::io::{Read, Write};
    let address = base.strip_prefix("http://").unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let header = if header.is_empty() { String::new() } else { format!("{header}\r\n") };
    write!(
        stream,
        "{wanted} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{header}\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, head.to_lowercase(), body.to_owned())
}

/// Asks until the answer is as wished; the tests' runner has the deadline.
pub(crate) fn until(base: &str, path: &str, wished: impl Fn(u16, &str) -> bool) -> String {
    loop {
        let (status, body) = get(base, path);
        if wished(status, &body) {
            return body;
        }
        std::thread::yield_now();
    }
}

/// Whether every task of this list has come to an end once.
pub(crate) fn has_run(body: &str) -> bool {
    let tasks: Value = serde_json::from_str(body).unwrap();
    tasks["tasks"].as_array().unwrap().iter().all(|task| task["last"].is_object())
}

/// A variable that the runner of the real tests sets.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "real tests are told by variables what to use")]
pub(crate) fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set; `cargo xtask test --real` sets it"))
}

/// What a script in `tests/` says that drives a browser; it is told this and has to succeed.
#[track_caller]
pub(crate) fn browse(place: &Place, script: &str, asked: &Value) -> String {
    let mut asked = asked.clone();
    asked["browser"] = variable("LOTSE_CHROMIUM").into();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(script);
    let output = Command::new("node")
        .arg(script)
        .arg(asked.to_string())
        .env("NODE_PATH", variable("LOTSE_NODE_MODULES"))
        .env("HOME", place.path("home"))
        .output()
        .unwrap();
    let (said, trouble) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{trouble}");
    said.into_owned()
}

/// The example estate of the project.
pub(crate) fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/estate").join(name)
}
