//! Data goes to standard output, in one piece; everything else to standard error.

use std::io::Write;

use crate::failure::Error;
use crate::settings::Globals;

/// Writes data to standard output. A closed pipe is not an error: the reader has seen enough.
pub(crate) fn data(globals: &Globals, text: &str) -> Result<(), Error> {
    let stream = anstream::AutoStream::new(std::io::stdout(), globals.color);
    write(stream.lock(), text).map_err(Error::Output)
}

/// Writes a value to standard output as JSON, indented, with a newline at the end.
pub(crate) fn json(globals: &Globals, value: &serde_json::Value) -> Result<(), Error> {
    data(globals, &format!("{value:#}\n"))
}

/// Writes a line for people to standard error.
pub(crate) fn note(globals: &Globals, text: &str) {
    if !globals.quiet {
        let stream = anstream::AutoStream::new(std::io::stderr(), globals.color);
        if write(stream.lock(), &format!("{text}\n")).is_err() {
            tracing::debug!("standard error is closed");
        }
    }
}

fn write(mut stream: impl Write, text: &str) -> std::io::Result<()> {
    match stream.write_all(text.as_bytes()).and_then(|()| stream.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
