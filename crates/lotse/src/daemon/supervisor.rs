//! Tells the supervisor of the process how it is, in the protocol of `sd_notify(3)`.
//!
//! One datagram of text to the socket that `NOTIFY_SOCKET` names: a path, or a name that begins with
//! `@` for one in the abstract namespace of Linux. Without the variable nobody wants to know.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use crate::settings::Environment;

/// The variable that names the socket.
const NOTIFY_SOCKET: &str = "NOTIFY_SOCKET";

/// The supervisor, if there is one that listens.
#[derive(Debug)]
pub(crate) struct Supervisor(Option<String>);

impl Supervisor {
    /// The one that the environment names.
    pub(crate) fn of(environment: &Environment) -> Self {
        Self(environment.get(NOTIFY_SOCKET).map(str::to_owned))
    }

    /// Requests are answered and the tasks have begun.
    pub(crate) fn ready(&self) {
        self.tell("READY=1");
    }

    /// The drain has begun.
    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=draining");
    }

    /// A supervisor that cannot be told is no reason to fail: it has its own means to find out.
    fn tell(&self, state: &str) {
        let Some(name) = &self.0 else { return };
        if let Err(error) = send(name, state) {
            tracing::warn!(socket = name, %error, "the supervisor cannot be told: {state}");
        }
    }
}

fn send(name: &str, state: &str) -> io::Result<()> {
    let address = match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receive(socket: &UnixDatagram) -> String {
        socket.set_nonblocking(true).unwrap();
        let mut buffer = [0; 200];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn sockets_in_the_abstract_namespace_are_told() {
        let name = format!("lotse-test-{}", uuid::Uuid::new_v4());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let socket = UnixDatagram::bind_addr(&address).unwrap();
        Supervisor(Some(format!("@{name}"))).ready();
        assert_eq!(receive(&socket), "READY=1");
    }

    #[test]
    fn a_supervisor_that_does_not_listen_is_no_failure() {
        Supervisor(None).ready();
        Supervisor(Some("/nonexistent/socket".to_owned())).stopping();
        assert!(send("/nonexistent/socket", "READY=1").is_err());
    }
}
