//! Reports handed to a monitor on loopback, which judges them as upstream's does.

use std::sync::{Arc, Mutex};

use lotse_conformance::Error;
use lotse_conformance::report::sshsig::{SigningKey, sign_report};
use lotse_conformance::report::upload::{Monitor, Writing};
use lotse_core::signature::ssh::PublicKey;
use ring::signature::Ed25519KeyPair;
use secrecy::SecretString;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// What one request to it was: its head, and its body.
type Seen = Arc<Mutex<Vec<(String, String)>>>;

/// A monitor that gives these answers, one after the other; `0` closes the connection without one.
async fn monitor(answers: &'static [u16]) -> (Monitor, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let seen = Seen::default();
    let kept = seen.clone();
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = Vec::new();
            let (head, length) = loop {
                let read = stream.read_buf(&mut bytes).await.unwrap();
                let text = String::from_utf8_lossy(&bytes).into_owned();
                if let Some((head, _)) = text.split_once("\r\n\r\n") {
                    let lower = head.to_ascii_lowercase();
                    let length =
                        lower.lines().find_map(|line| line.strip_prefix("content-length: "));
                    let length: usize = length.unwrap().parse().unwrap();
                    break (head.to_owned(), head.len() + 4 + length);
                }
                assert!(read > 0, "the request ended in its head");
            };
            while bytes.len() < length {
                assert!(stream.read_buf(&mut bytes).await.unwrap() > 0);
            }
            let body = String::from_utf8(bytes.split_off(head.len() + 4)).unwrap();
            kept.lock().unwrap().push((head, body));
            if *answer > 0 {
                let answer = format!(
                    "HTTP/1.1 {answer} x\r\ncontent-length: 4\r\nconnection: close\r\n\r\nnull"
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    });
    (Monitor::new(&address, &SecretString::from("cloud-1:hunter2")).unwrap(), seen)
}

fn key() -> SigningKey {
    SigningKey::from(Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap())
}

#[tokio::test]
async fn a_report_arrives_signed_with_the_account_and_its_kind() {
    let (monitor, seen) = monitor(&[200]).await;
    let signed = sign_report(&key(), "---\n\"subject\": \"cloud-1\"\n");
    monitor.upload(&signed, Writing::Yaml).await.unwrap();
    let (head, body) = seen.lock().unwrap().remove(0);
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("post /reports http/1.1\r\n"), "{head}");
    assert!(head.contains("content-type: application/x-signed-yaml"), "{head}");
    assert!(head.contains("authorization: basic y2xvdwqtmtpodw50zxiy"), "{head}");
    let (signature, report) = body.split_once("-----END SSH SIGNATURE-----\n&").unwrap();
    let pem = format!("{signature}-----END SSH SIGNATURE-----\n");
    let public: PublicKey = key().public_line().parse().unwrap();
    assert!(public.verifies("report", report.as_bytes(), &pem));
}

#[tokio::test]
async fn an_upload_whose_answer_was_lost_is_repeated_and_not_taken_for_a_duplicate() {
    for answers in [&[0, 200][..], &[0, 409], &[503, 200]] {
        let answers: &'static [u16] = Vec::leak(answers.to_vec());
        let (monitor, seen) = monitor(answers).await;
        monitor.upload("signed", Writing::Json).await.unwrap();
        let seen = seen.lock().unwrap();
        assert_eq!(seen.len(), 2, "{answers:?}");
        assert_eq!(seen[0].1, seen[1].1);
    }
}

#[tokio::test]
async fn a_refusal_says_what_it_means_and_is_not_repeated() {
    for (answers, wanted) in [
        (&[401][..], "may not speak for the subject"),
        (&[409], "has a report with this id already"),
        (&[415], "does not take this kind"),
        (&[302], "could not take it now"),
    ] {
        let (monitor, seen) = monitor(answers).await;
        let error = monitor.upload("signed", Writing::Yaml).await.unwrap_err();
        assert!(matches!(error, Error::NotTaken { .. }), "{error:?}");
        assert!(error.to_string().contains(wanted), "{error}");
        assert_eq!(seen.lock().unwrap().len(), 1);
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}

#[tokio::test]
async fn a_monitor_that_is_not_there_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let monitor = Monitor::new(&address, &SecretString::from("a:b")).unwrap();
    let error = monitor.upload("signed", Writing::Yaml).await.unwrap_err();
    assert!(matches!(error, Error::MonitorSilent { .. }), "{error:?}");
    assert!(error.to_string().contains(&address), "{error}");
}
