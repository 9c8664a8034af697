//! Git's protocol, version 2, as far as a reader needs it (gitprotocol-v2(5), gitprotocol-common(5)).
//!
//! Packets are four hexadecimal digits of length (counting themselves) and their content; the lengths
//! 0, 1 and 2 are marks. A server first tells its capabilities; then we send commands, each answered
//! by packets up to a mark: `ls-refs` (what does the branch show?) and `fetch` (send that commit).

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::model::{CommitId, shown};

/// How we call ourselves.
const AGENT: &str = concat!("agent=lotse/", env!("CARGO_PKG_VERSION"), "\n");

/// The longest packet (gitprotocol-common(5)).
const LONGEST: usize = 65_520;

/// Lines of an answer that we read before we give up.
const MOST_LINES: usize = 10_000;

/// What can be wrong with the bytes of a server.
#[derive(Debug, thiserror::Error)]
pub enum WireFault {
    /// They cannot be read.
    #[error("the connection broke")]
    Io(#[source] std::io::Error),
    /// They end too early.
    #[error("the answer ends in the middle")]
    Ended,
    /// Too many.
    #[error("the answer has more than {0} bytes")]
    TooLong(u64),
    /// No byte came for so long.
    #[error("nothing came for {} s", .0.as_secs())]
    Idle(Duration),
    /// They are not the protocol.
    #[error("{0}")]
    Malformed(&'static str),
    /// The server says that it cannot do it.
    #[error("{0}")]
    Said(String),
}

/// One packet.
#[derive(Debug, Eq, PartialEq)]
pub enum Packet {
    /// Content.
    Data(Vec<u8>),
    /// The end of an answer.
    Flush,
    /// Between two parts of an answer.
    Delimiter,
    /// The end of a response over a connection without state.
    ResponseEnd,
}

/// Packets from a reader.
#[derive(Debug)]
pub struct Packets<R> {
    inner: R,
    idle: Duration,
    most: u64,
    read: u64,
}

impl<R: AsyncRead + Unpin> Packets<R> {
    /// Reads at most `most` bytes, waiting at most `idle` for the next one.
    pub const fn new(inner: R, most: u64, idle: Duration) -> Self {
        Self { inner, idle, most, read: 0 }
    }

    async fn fill(&mut self, buffer: &mut [u8]) -> Result<(), WireFault> {
        let mut done = 0;
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let read = tokio::time::timeout(self.idle, self.inner.read(rest)).await;
            match read.map_err(|_| WireFault::Idle(self.idle))?.map_err(WireFault::Io)? {
                0 => return Err(WireFault::Ended),
                count => done += count,
            }
        }
        self.read += done as u64;
        if self.read > self.most { Err(WireFault::TooLong(self.most)) } else { Ok(()) }
    }

    /// The next packet.
    ///
    /// # Errors
    /// [`WireFault`].
    pub async fn next(&mut self) -> Result<Packet, WireFault> {
        let mut digits = [0; 4];
        self.fill(&mut digits).await?;
        let digits = std::str::from_utf8(&digits).ok();
        let length = digits
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|text| usize::from_str_radix(text, 16).ok())
            .ok_or(WireFault::Malformed("a packet has no length"))?;
        match length {
            0 => Ok(Packet::Flush),
            1 => Ok(Packet::Delimiter),
            2 => Ok(Packet::ResponseEnd),
            4..=LONGEST => {
                let mut data = vec![0; length - 4];
                self.fill(&mut data).await?;
                Ok(Packet::Data(data))
            }
            _ => Err(WireFault::Malformed("a packet has an impossible length")),
        }
    }

    /// The next packet as a line, without its end; nothing at a mark. What the server says instead
    /// of an answer is an error.
    async fn line(&mut self) -> Result<Option<String>, WireFault> {
        let Packet::Data(data) = self.next().await? else { return Ok(None) };
        let text = String::from_utf8_lossy(&data);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        match text.strip_prefix("ERR ") {
            Some(said) => Err(WireFault::Said(shown(said, 300))),
            None => Ok(Some(text.to_owned())),
        }
    }
}

/// What a server can do.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Capabilities {
    /// It sends single commits without their history.
    pub shallow: bool,
}

/// Reads the capabilities.
///
/// # Errors
/// [`WireFault`]; [`WireFault::Malformed`] when the server does not speak version 2, too.
pub async fn read_capabilities<R: AsyncRead + Unpin>(
    packets: &mut Packets<R>,
) -> Result<Capabilities, WireFault> {
    const OLD: WireFault = WireFault::Malformed("the server does not speak version 2");
    let mut first = packets.line().await?;
    // Over HTTP, the service comes before the version.
    if first.as_deref() == Some("# service=git-upload-pack") {
        first = packets.line().await?;
        if first.is_none() {
            first = packets.line().await?;
        }
    }
    if first.as_deref() != Some("version 2") {
        return Err(OLD);
    }
    let mut capabilities = Capabilities::default();
    let mut commands = 0;
    for _ in 0..MOST_LINES {
        let Some(line) = packets.line().await? else {
            return if commands == 2 { Ok(capabilities) } else { Err(OLD) };
        };
        let (name, value) = line.split_once('=').unwrap_or((&line, ""));
        match name {
            "ls-refs" => commands += 1,
            "fetch" => {
                commands += 1;
                capabilities.shallow = value.split(' ').any(|feature| feature == "shallow");
            }
            "object-format" if value != "sha1" => {
                return Err(WireFault::Malformed(
                    "the repository names objects by another hash than SHA-1",
                ));
            }
            _ => {}
        }
    }
    Err(WireFault::Malformed("the server has too many capabilities"))
}

/// The command that asks what a reference shows.
pub fn ls_refs(reference: &str) -> Vec<u8> {
    let mut body = Vec::new();
    put(&mut body, "command=ls-refs\n");
    put(&mut body, AGENT);
    put(&mut body, "object-format=sha1\n");
    body.extend_from_slice(b"0001");
    put(&mut body, "peel\n");
    put(&mut body, &format!("ref-prefix {reference}\n"));
    body.extend_from_slice(b"0000");
    body
}

/// Reads what `reference` shows; nothing when there is no such reference.
///
/// # Errors
/// [`WireFault`].
pub async fn read_reference<R: AsyncRead + Unpin>(
    packets: &mut Packets<R>,
    reference: &str,
) -> Result<Option<CommitId>, WireFault> {
    const WRONG: WireFault = WireFault::Malformed("a line of references is wrong");
    let mut found = None;
    for _ in 0..MOST_LINES {
        let Some(line) = packets.line().await? else { return Ok(found) };
        let mut words = line.split(' ');
        let (Some(id), Some(name)) = (words.next(), words.next()) else { return Err(WRONG) };
        if name != reference {
            continue;
        }
        // An annotated tag is an object of its own; what it names is said, too.
        let peeled = words.find_map(|word| word.strip_prefix("peeled:"));
        found = Some(peeled.unwrap_or(id).parse().map_err(|_| WRONG)?);
    }
    Err(WireFault::Malformed("there are too many references of this name"))
}

/// The command that asks for one commit with its files, and without its history if the server can.
pub fn fetch(commit: &CommitId, capabilities: Capabilities) -> Vec<u8> {
    let mut body = Vec::new();
    put(&mut body, "command=fetch\n");
    put(&mut body, AGENT);
    put(&mut body, "object-format=sha1\n");
    body.extend_from_slice(b"0001");
    put(&mut body, "no-progress\n");
    put(&mut body, "ofs-delta\n");
    put(&mut body, &format!("want {commit}\n"));
    if capabilities.shallow {
        put(&mut body, "deepen 1\n");
    }
    put(&mut body, "done\n");
    body.extend_from_slice(b"0000");
    body
}

/// Copies the pack out of the answer of [`fetch`].
///
/// # Errors
/// [`WireFault`], also when `into` cannot be written.
pub async fn read_pack<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    packets: &mut Packets<R>,
    into: &mut W,
) -> Result<(), WireFault> {
    // Sections before the pack: acknowledgments, shallow-info and the like.
    let mut lines = 0;
    while packets.line().await?.as_deref() != Some("packfile") {
        lines += 1;
        if lines > MOST_LINES {
            return Err(WireFault::Malformed("the answer has no pack"));
        }
    }
    loop {
        match packets.next().await? {
            Packet::Flush => return into.flush().await.map_err(WireFault::Io),
            Packet::Data(data) => match data.split_first() {
                Some((1, pack)) => into.write_all(pack).await.map_err(WireFault::Io)?,
                Some((2, _progress)) => {}
                Some((3, said)) => {
                    return Err(WireFault::Said(shown(&String::from_utf8_lossy(said), 300)));
                }
                _ => return Err(WireFault::Malformed("the pack is sent on an unknown band")),
            },
            _ => return Err(WireFault::Malformed("the pack is interrupted by a mark")),
        }
    }
}

/// What ends a conversation over a connection with state.
pub const GOODBYE: &[u8] = b"0000";

fn put(body: &mut Vec<u8>, line: &str) {
    body.extend_from_slice(format!("{:04x}{line}", line.len() + 4).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(5);

    fn packets(bytes: &[u8]) -> Packets<&[u8]> {
        Packets::new(bytes, 1 << 20, IDLE)
    }

    fn lines(lines: &[&str], end: &[u8]) -> Vec<u8> {
        let mut body = Vec::new();
        for line in lines {
            put(&mut body, line);
        }
        body.extend_from_slice(end);
        body
    }

    fn id(number: u8) -> CommitId {
        format!("{number:040x}").parse().unwrap()
    }

    #[tokio::test]
    async fn servers_of_version_two_are_understood_with_and_without_a_service_line() {
        let plain = lines(
            &["version 2\n", "agent=git/2\n", "ls-refs=unborn\n", "fetch=shallow filter\n"],
            b"0000",
        );
        let found = read_capabilities(&mut packets(&plain)).await.unwrap();
        assert_eq!(found, Capabilities { shallow: true });
        for between in [&b"0000"[..], b""] {
            let mut http = lines(&["# service=git-upload-pack\n"], between);
            http.extend(&plain);
            assert_eq!(read_capabilities(&mut packets(&http)).await.unwrap(), found);
        }
    }

    #[tokio::test]
    async fn other_servers_are_told_from_them() {
        for (sent, said) in [
            (lines(&[&format!("{} HEAD\0multi_ack\n", id(1))], b"0000"), "version 2"),
            (lines(&["version 2\n", "ls-refs\n"], b"0000"), "version 2"),
            (
                lines(&["version 2\n", "ls-refs\n", "fetch\n", "object-format=sha256\n"], b"0000"),
                "SHA-1",
            ),
            (lines(&["ERR no such repository\n"], b""), "no such repository"),
            (b"<html>".to_vec(), "no length"),
            (b"0003".to_vec(), "impossible"),
            (b"fffff".to_vec(), "impossible"),
            (b"00".to_vec(), "ends in the middle"),
        ] {
            let fault = read_capabilities(&mut packets(&sent)).await.unwrap_err().to_string();
            assert!(fault.contains(said), "{fault}");
        }
    }

    #[tokio::test]
    async fn a_reference_is_found_by_its_whole_name_and_a_tag_is_peeled() {
        let answer = lines(
            &[
                &format!("{} refs/tags/v1.0\n", id(1)),
                &format!("{} refs/tags/v1 peeled:{}\n", id(2), id(3)),
            ],
            b"0000",
        );
        let found = read_reference(&mut packets(&answer), "refs/tags/v1").await.unwrap();
        assert_eq!(found, Some(id(3)));
        assert_eq!(read_reference(&mut packets(&answer), "refs/tags/v").await.unwrap(), None);
        let wrong = lines(&["zzz refs/heads/main\n"], b"0000");
        assert!(read_reference(&mut packets(&wrong), "refs/heads/main").await.is_err());
    }

    #[tokio::test]
    async fn a_pack_is_taken_from_its_band_and_only_whole() {
        let shallow = format!("shallow {}\n", id(1));
        let mut answer = lines(&["shallow-info\n", &shallow], b"0001");
        answer.extend(lines(&["packfile\n", "\u{1}PACK", "\u{2}counting", "\u{1}rest"], b"0000"));
        let mut pack = Vec::new();
        read_pack(&mut packets(&answer), &mut pack).await.unwrap();
        assert_eq!(pack, b"PACKrest");
        for cut in 0..answer.len() {
            let fault = read_pack(&mut packets(&answer[..cut]), &mut Vec::new()).await.unwrap_err();
            assert!(matches!(fault, WireFault::Ended), "{cut}: {fault}");
        }
        let fault = read_pack(&mut Packets::new(&answer[..], 60, IDLE), &mut Vec::new()).await;
        assert!(matches!(fault, Err(WireFault::TooLong(60))));
        let said = lines(&["packfile\n", "\u{3}out of memory"], b"0000");
        let fault = read_pack(&mut packets(&said), &mut Vec::new()).await.unwrap_err();
        assert_eq!(fault.to_string(), "out of memory");
    }
}
