//! A small mail server (RFC 5321, with STARTTLS and AUTH PLAIN) that answers what the test tells it
//! to, and keeps what it took.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

/// The user and the password that the server knows.
pub(crate) const USER: (&str, &str) = ("lotse", "correct horse battery");

/// A mail that the server was given whole, whatever it answered then.
#[derive(Debug)]
pub(crate) struct Mail {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    /// With line feeds, without the doubled full stops of the way.
    pub(crate) text: String,
    pub(crate) encrypted: bool,
    pub(crate) user: Option<String>,
}

impl Mail {
    pub(crate) fn field(&self, name: &str) -> &str {
        let prefix = format!("{name}: ");
        self.text.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap()
    }
}

/// When the way is encrypted.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum When {
    Never,
    OnRequest,
    AtOnce,
}

type Replies = Arc<Mutex<BTreeMap<&'static str, VecDeque<&'static str>>>>;

/// A server on loopback.
pub(crate) struct Smtp {
    pub(crate) port: u16,
    /// Its authority (PEM).
    pub(crate) authority: Vec<u8>,
    pub(crate) mails: mpsc::UnboundedReceiver<Mail>,
    /// Every command, `TLS` where encryption began.
    pub(crate) commands: Arc<Mutex<Vec<String>>>,
    replies: Replies,
}

impl Smtp {
    pub(crate) async fn start(when: When) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (acceptor, authority) = tls();
        let (sender, mails) = mpsc::unbounded_channel();
        let (commands, replies) = (Arc::<Mutex<Vec<String>>>::default(), Replies::default());
        let (heard, planned) = (commands.clone(), replies.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let session = Session {
                    when,
                    sender: sender.clone(),
                    commands: heard.clone(),
                    replies: planned.clone(),
                };
                let acceptor = acceptor.clone();
                // A client that hangs up ends its session.
                tokio::spawn(async move { session.run(Box::pin(stream), acceptor).await });
            }
        });
        Self { port, authority, mails, commands, replies }
    }

    /// The next command of this name not yet planned for gets this answer; those beyond the plan get
    /// a good one. `.` is the end of a mail, `hello` the greeting, and `hang up` an answer for all.
    pub(crate) fn will(&self, command: &'static str, reply: &'static str) {
        self.replies.lock().unwrap().entry(command).or_default().push_back(reply);
    }

    pub(crate) async fn mail(&mut self) -> Mail {
        self.mails.recv().await.unwrap()
    }

    /// Whether it was given a password.
    pub(crate) fn has_seen_a_password(&self) -> bool {
        self.commands.lock().unwrap().iter().any(|command| command.starts_with("AUTH"))
    }
}

fn tls() -> (TlsAcceptor, Vec<u8>) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap().der().clone();
    let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), issuer.pem().into_bytes())
}

trait Stream: AsyncRead + AsyncWrite + Send {}
impl<S: AsyncRead + AsyncWrite + Send> Stream for S {}
type Wire = BufReader<Pin<Box<dyn Stream>>>;

struct Session {
    when: When,
    sender: mpsc::UnboundedSender<Mail>,
    commands: Arc<Mutex<Vec<String>>>,
    replies: Replies,
}

/// What is known of a conversation.
#[derive(Default)]
struct Known {
    encrypted: bool,
    user: Option<String>,
    from: String,
    to: Vec<String>,
}

impl Session {
    async fn run(self, stream: Pin<Box<dyn Stream>>, acceptor: TlsAcceptor) -> Option<()> {
        let mut wire = BufReader::new(stream);
        let mut known = Known::default();
        if self.when == When::AtOnce {
            wire = encrypt(wire, &acceptor).await?;
            known.encrypted = true;
        }
        self.answer(&mut wire, "hello", "220 harbour.example ready").await?;
        loop {
            let line = self.line(&mut wire).await?;
            let word = line.split(' ').next().unwrap_or_default().to_uppercase();
            match word.as_str() {
                "EHLO" => self.answer(&mut wire, "EHLO", &self.extensions(&known)).await?,
                "STARTTLS" => {
                    self.answer(&mut wire, "STARTTLS", "220 go ahead").await?;
                    wire = encrypt(wire, &acceptor).await?;
                    self.commands.lock().unwrap().push("TLS".to_owned());
                    known = Known { encrypted: true, ..Known::default() };
                }
                "AUTH" => {
                    let right = is_right(&line);
                    known.user = right.then(|| USER.0.to_owned());
                    let reply = if right { "235 welcome" } else { "535 5.7.8 who are you?" };
                    self.answer(&mut wire, "AUTH", reply).await?;
                }
                "MAIL" => {
                    known.from = address(&line);
                    self.answer(&mut wire, "MAIL", "250 yes").await?;
                }
                "RCPT" => {
                    known.to.push(address(&line));
                    self.answer(&mut wire, "RCPT", "250 yes").await?;
                }
                "DATA" => {
                    self.answer(&mut wire, "DATA", "354 go ahead").await?;
                    let text = self.text(&mut wire).await?;
                    let Known { encrypted, user, from, to } = std::mem::take(&mut known);
                    known = Known { encrypted, user: user.clone(), ..Known::default() };
                    // A test that is over has dropped its end.
                    self.sender.send(Mail { from, to, text, encrypted, user }).ok();
                    self.answer(&mut wire, ".", "250 2.0.0 kept as 4711").await?;
                }
                "QUIT" => {
                    self.answer(&mut wire, "QUIT", "221 fare well").await?;
                    return wire.shutdown().await.ok();
                }
                _ => self.answer(&mut wire, "", "250 yes").await?,
            }
        }
    }

    fn extensions(&self, known: &Known) -> String {
        let mut lines = vec!["250-harbour.example"];
        if self.when == When::OnRequest && !known.encrypted {
            lines.push("250-STARTTLS");
        }
        // Offered in the clear as well, for clients that would fall for it.
        lines.push("250 AUTH PLAIN LOGIN");
        lines.join("\r\n")
    }

    async fn line(&self, wire: &mut Wire) -> Option<String> {
        let mut line = String::new();
        wire.read_line(&mut line).await.ok().filter(|length| *length > 0)?;
        let line = line.trim_end().to_owned();
        self.commands.lock().unwrap().push(line.clone());
        Some(line)
    }

    async fn text(&self, wire: &mut Wire) -> Option<String> {
        let mut text = String::new();
        loop {
            let mut line = String::new();
            wire.read_line(&mut line).await.ok().filter(|length| *length > 0)?;
            let line = line.strip_suffix("\r\n").unwrap();
            if line == "." {
                return Some(text);
            }
            text.push_str(line.strip_prefix('.').unwrap_or(line));
            text.push('\n');
        }
    }

    /// The planned answer to this command, or the usual one; none where the connection ends.
    async fn answer(&self, wire: &mut Wire, command: &'static str, usual: &str) -> Option<()> {
        let planned = self.replies.lock().unwrap().get_mut(command).and_then(VecDeque::pop_front);
        let reply = planned.unwrap_or(usual);
        if reply == "hang up" {
            return None;
        }
        wire.write_all(format!("{reply}\r\n").as_bytes()).await.ok()?;
        wire.flush().await.ok()
    }
}

async fn encrypt(wire: Wire, acceptor: &TlsAcceptor) -> Option<Wire> {
    assert!(wire.buffer().is_empty(), "a client waits for the answer to STARTTLS");
    let stream = acceptor.accept(wire.into_inner()).await.ok()?;
    Some(BufReader::new(Box::pin(stream)))
}

fn is_right(line: &str) -> bool {
    let Some(word) = line.strip_prefix("AUTH PLAIN ") else { return false };
    let (user, password) = USER;
    STANDARD.decode(word).unwrap() == format!("\0{user}\0{password}").into_bytes()
}

fn address(line: &str) -> String {
    let (_, rest) = line.split_once('<').unwrap();
    rest.split_once('>').unwrap().0.to_owned()
}
