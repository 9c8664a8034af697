//! Our reader of qcow2 beside `qemu-img convert`.

use std::path::Path;
use std::process::Command;

use futures::TryStreamExt as _;
use lotse_transfer::qcow2::{Fault, Header, Qcow2};
use lotse_transfer::{Algorithm, Checksum};

use crate::server::content;

/// What qemu-img says when it calibrates its key derivation and the kernel, which counts processor time
/// in ticks, has not counted any yet: chance, and no verdict on the arguments.
const NO_TICK: &str = "Unable to get accurate CPU usage";

fn qemu_img(dir: &Path, args: &[&str]) {
    for _ in 0..100 {
        let output = Command::new("qemu-img").args(args).current_dir(dir).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.success() {
            return;
        }
        assert!(said.contains(NO_TICK), "{args:?}: {said}");
    }
    panic!("{args:?}: {NO_TICK}, each time");
}

/// Bytes, holes, zeros and what packs well, of a size that fills no cluster.
fn disk() -> Vec<u8> {
    let mut disk = vec![0; (9 << 20) + 1536];
    disk[..3 << 20].copy_from_slice(&content(3 << 20, 5));
    disk[5 << 20..6 << 20].fill(b'x');
    disk[(8 << 20) + 4096..].copy_from_slice(&content((1 << 20) + 1536 - 4096, 6));
    disk
}

#[tokio::test]
#[ignore = "real: the testbed, which brings qemu-img"]
async fn every_form_of_qcow2_is_read_as_qemu_wrote_it() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("disk.raw"), disk()).unwrap();
    let forms: [&[&str]; 9] = [
        &[],
        &["-c"],
        &["-c", "-o", "compression_type=zstd"],
        &["-o", "cluster_size=512"],
        &["-c", "-o", "cluster_size=2M"],
        &["-o", "extended_l2=on"],
        &["-c", "-o", "extended_l2=on,cluster_size=16k"],
        &["-o", "compat=0.10"],
        &["-S", "0", "-o", "preallocation=metadata"],
    ];
    for form in forms {
        let convert = [&["convert", "-f", "raw", "-O", "qcow2"], form, &["disk.raw", "it.qcow2"]];
        qemu_img(dir.path(), &convert.concat());
        let file = std::fs::File::open(dir.path().join("it.qcow2")).unwrap();
        let image = Qcow2::open(file, 1 << 30).unwrap();
        let flow = image.raw("it".to_owned(), vec![Algorithm::Sha256]);
        let verdict = flow.verdict();
        let blocks: Vec<_> = flow.try_collect().await.unwrap();
        assert!(blocks.concat() == disk(), "{form:?}");
        let expected = Checksum::of(Algorithm::Sha256, &disk());
        assert!(verdict.get().unwrap().have(&expected));
    }
}

#[test]
#[ignore = "real: the testbed, which brings qemu-img"]
fn images_of_qemu_that_name_other_files_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let create = |args: &[&str]| qemu_img(dir.path(), &[&["create", "-f", "qcow2"], args].concat());
    let fault = |name: &str| {
        let file = std::fs::File::open(dir.path().join(name)).unwrap();
        Header::read(&file).unwrap().check().unwrap_err()
    };
    create(&["base.qcow2", "1M"]);
    create(&["-b", "base.qcow2", "-F", "qcow2", "overlay.qcow2"]);
    assert!(matches!(fault("overlay.qcow2"), Fault::BackingFile { name } if name == "base.qcow2"));
    create(&["-o", "data_file=other.raw", "outside.qcow2", "1M"]);
    assert!(
        matches!(fault("outside.qcow2"), Fault::DataFile { name: Some(name) } if name == "other.raw")
    );
    let secret = ["--object", "secret,id=s,data=abc", "-o"];
    create(&[&secret[..], &["encrypt.format=luks,encrypt.key-secret=s", "l.qcow2", "1M"]].concat());
    assert!(matches!(fault("l.qcow2"), Fault::Encrypted));
}
