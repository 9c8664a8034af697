//! A web server on loopback that publishes small valid disk images.

use std::collections::{BTreeMap, VecDeque};
use std::io::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::Digest;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// The server; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Mirror {
    address: SocketAddr,
    published: Published,
    held: Holding,
    requests: Arc<AtomicUsize>,
    _server: AbortOnDropHandle<()>,
}

impl Mirror {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let published = Published::default();
        let held = Holding::default();
        let requests = Arc::new(AtomicUsize::new(0));
        let count = requests.clone();
        let counted = move |request: Request, next: Next| {
            count.fetch_add(1, Ordering::SeqCst);
            next.run(request)
        };
        let routes = Router::new()
            .route("/{file}", get(serve))
            .with_state((published.clone(), held.clone()));
        let routes = routes.layer(from_fn(counted));
        let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { address, published, held, requests, _server: AbortOnDropHandle::new(server) }
    }

    /// Requests until now.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// The address of an image; every name is an image with a content of its own.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("http://{}/{name}.qcow2", self.address)
    }

    /// An address at which there is nothing.
    pub(crate) fn missing(&self) -> String {
        format!("http://{}/missing", self.address)
    }
}

/// What is answered later, by file.
type Holding = Arc<Mutex<BTreeMap<String, Hold>>>;

#[derive(Clone, Debug)]
enum Hold {
    /// It waits.
    Back(Held),
    /// The next answers go wrong.
    Failing(Arc<Mutex<VecDeque<Trouble>>>),
}

/// What a publisher may answer instead.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trouble {
    /// This status.
    Status(u16),
    /// Half of the file, and then the connection ends.
    Truncated,
}

impl Trouble {
    fn response(self, file: &str) -> Response {
        match self {
            Self::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
            Self::Truncated => {
                let bytes = qcow2(file.strip_suffix(".qcow2").unwrap());
                let length = bytes.len();
                let half = axum::body::Bytes::copy_from_slice(&bytes[..length / 2]);
                let cut = std::io::Error::other("the connection ends here");
                let pieces = futures::stream::iter([Ok(half), Err(cut)]);
                let mut response = Response::new(axum::body::Body::from_stream(pieces));
                response.headers_mut().insert("content-length", length.into());
                response
            }
        }
    }
}

/// An answer that waits until somebody lets it go.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    asked: Arc<watch::Sender<bool>>,
    released: Arc<watch::Sender<bool>>,
}

impl Held {
    async fn wait(&self) {
        self.asked.send_replace(true);
        self.released.subscribe().wait_for(|released| *released).await.unwrap();
    }

    /// Waits until somebody has asked for it.
    pub(crate) async fn asked(&self) {
        self.asked.subscribe().wait_for(|asked| *asked).await.unwrap();
    }

    /// Lets it go.
    pub(crate) fn release(&self) {
        self.released.send_replace(true);
    }
}

/// What is published instead of what is made up.
type Published = Arc<Mutex<BTreeMap<String, (Vec<u8>, Option<String>)>>>;

impl Mirror {
    /// Publishes a text under this name, and returns its address.
    pub(crate) fn publish_text(&self, name: &str, text: &str) -> String {
        self.published.lock().unwrap().insert(name.to_owned(), (text.as_bytes().to_vec(), None));
        format!("http://{}/{name}", self.address)
    }

    /// Holds the answer with this image back until it is released.
    pub(crate) fn hold(&self, name: &str) -> Held {
        let held = Held {
            asked: Arc::new(watch::channel(false).0),
            released: Arc::new(watch::channel(false).0),
        };
        let hold = Hold::Back(held.clone());
        self.held.lock().unwrap().insert(format!("{name}.qcow2"), hold);
        held
    }

    /// The next answers with this image go wrong, one after the other.
    pub(crate) fn fail(&self, name: &str, troubles: &[Trouble]) {
        let troubles = Arc::new(Mutex::new(troubles.iter().copied().collect()));
        let hold = Hold::Failing(troubles);
        self.held.lock().unwrap().insert(format!("{name}.qcow2"), hold);
    }

    /// Publishes these bytes under this name, and returns their address.
    pub(crate) fn publish(&self, name: &str, bytes: Vec<u8>) -> String {
        self.published.lock().unwrap().insert(name.to_owned(), (bytes, None));
        format!("http://{}/{name}", self.address)
    }

    /// Publishes the image of another name under this one, changed at this time, and returns its
    /// address.
    pub(crate) fn publish_image(
        &self,
        name: &str,
        content: &str,
        modified: Option<&str>,
    ) -> String {
        let file = (qcow2(content), modified.map(str::to_owned));
        self.published.lock().unwrap().insert(format!("{name}.qcow2"), file);
        self.url(name)
    }
}

async fn serve(
    State((published, held)): State<(Published, Holding)>,
    Path(file): Path<String>,
) -> Result<Response, StatusCode> {
    let hold = held.lock().unwrap().get(&file).cloned();
    match hold {
        None => {}
        Some(Hold::Back(held)) => held.wait().await,
        Some(Hold::Failing(left)) => {
            if let Some(trouble) = left.lock().unwrap().pop_front() {
                return Ok(trouble.response(&file));
            }
        }
    }
    let known = published.lock().unwrap().get(&file).cloned();
    if let Some((bytes, modified)) = known {
        let mut response = bytes.into_response();
        if let Some(modified) = modified {
            response.headers_mut().insert("last-modified", modified.parse().unwrap());
        }
        return Ok(response);
    }
    if let Some(name) = file.strip_suffix(".qcow2.gz") {
        return Ok(gzipped(&qcow2(name)).into_response());
    }
    let name = file.strip_suffix(".qcow2").ok_or(StatusCode::NOT_FOUND)?;
    Ok(qcow2(name).into_response())
}

/// The image of a small disk, and that disk: two clusters, the second one of data.
pub(crate) fn small_disk(name: &str) -> (Vec<u8>, Vec<u8>) {
    const CLUSTER: usize = 65_536;
    const L1: usize = 3 * CLUSTER;
    const L2: usize = 5 * CLUSTER;
    let mut image = qcow2(name);
    let mut disk = vec![0; 2 * CLUSTER];
    disk[CLUSTER..].fill(7);
    disk[CLUSTER..CLUSTER + name.len()].copy_from_slice(name.as_bytes());
    image.resize(7 * CLUSTER, 0);
    image[24..32].copy_from_slice(&(disk.len() as u64).to_be_bytes());
    let copied = |at: usize| (at as u64 | 1 << 63).to_be_bytes();
    image[L1..L1 + 8].copy_from_slice(&copied(L2));
    image[L2 + 8..L2 + 16].copy_from_slice(&copied(6 * CLUSTER));
    image[6 * CLUSTER..].copy_from_slice(&disk[CLUSTER..]);
    (image, disk)
}

/// The bytes, packed.
pub(crate) fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

/// The SHA-512 of an image of the mirror.
pub(crate) fn sha512(name: &str) -> String {
    hex::encode(sha2::Sha512::digest(qcow2(name)))
}

/// The SHA-256 of an image of the mirror.
pub(crate) fn sha256(name: &str) -> String {
    hex::encode(sha2::Sha256::digest(qcow2(name)))
}

/// The MD5 of an image of the mirror.
pub(crate) fn md5(name: &str) -> String {
    hex::encode(md5::Md5::digest(qcow2(name)))
}

/// Size of the disk that the images hold: two GiB and a little.
pub(crate) const VIRTUAL_SIZE: u64 = (2 << 30) + 65_536;

/// An empty qcow2 image (version 3): header, refcount table, refcount block, L1 table, and a cluster
/// that makes it different from all others.
pub(crate) fn qcow2(name: &str) -> Vec<u8> {
    const CLUSTER: usize = 65_536;
    let mut file = vec![0_u8; 5 * CLUSTER];
    let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"QFI\xfb");
    put(4, &3_u32.to_be_bytes());
    put(20, &16_u32.to_be_bytes());
    put(24, &VIRTUAL_SIZE.to_be_bytes());
    put(36, &5_u32.to_be_bytes()); // entries of the L1 table
    put(40, &(3 * CLUSTER as u64).to_be_bytes()); // where it is
    put(48, &(CLUSTER as u64).to_be_bytes()); // refcount table
    put(56, &1_u32.to_be_bytes());
    put(96, &4_u32.to_be_bytes()); // 16-bit refcounts
    put(100, &104_u32.to_be_bytes()); // length of the header
    put(CLUSTER, &(2 * CLUSTER as u64).to_be_bytes());
    for cluster in 0..5 {
        put(2 * CLUSTER + 2 * cluster, &1_u16.to_be_bytes());
    }
    put(4 * CLUSTER, name.as_bytes());
    file
}
