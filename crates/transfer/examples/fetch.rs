//! Fetches one source into a spool and says what it cost, as one line of JSON. `cargo xtask bench transfer`
//! measures it, in a process of its own.
//!
//! ```text
//! cargo run --release -p lotse-transfer --example fetch -- URL SPOOL [CHECKSUM]
//! ```

use std::path::Path;
use std::time::Instant;

use lotse_core::error::chain;
use lotse_transfer::{Algorithm, Error, Fetcher, HttpOptions, Limits, Source, Wanted, Watch};

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(spool)) = (arguments.next(), arguments.next()) else {
        return complain("give a source and the path of a spool");
    };
    match fetch(&url, Path::new(&spool), arguments.next()).await {
        Ok(line) => {
            say(&line);
            std::process::ExitCode::SUCCESS
        }
        Err(error) => complain(&chain(&error)),
    }
}

async fn fetch(url: &str, spool: &Path, expect: Option<String>) -> Result<String, Error> {
    let mut wanted = Wanted::new(Source::parse(url)?).hashed(Algorithm::Sha256);
    wanted.expect = expect.and_then(|text| text.parse().ok());
    let fetcher = Fetcher::new(&HttpOptions::default(), Limits::default())?;
    let begun = Instant::now();
    let spooled = fetcher.spool(&wanted, spool, &Watch::nobody()).await?;
    let verified = begun.elapsed();
    // What a disk really has is a fair comparison with what `dd` really writes.
    let synced = spooled.open()?.sync_data().map(|()| begun.elapsed()).unwrap_or_default();
    Ok(format!(
        "{{\"bytes\":{},\"taken_over\":{},\"verified_s\":{:.3},\"synced_s\":{:.3},\"peak_kib\":{}}}",
        spooled.size(),
        spooled.taken_over(),
        verified.as_secs_f64(),
        synced.as_secs_f64(),
        peak().unwrap_or(0),
    ))
}

/// The most memory that was resident, in KiB.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[expect(clippy::print_stdout, reason = "what a program says is its result")]
fn say(line: &str) {
    println!("{line}");
}

#[expect(clippy::print_stderr, reason = "where programs complain")]
fn complain(text: &str) -> std::process::ExitCode {
    eprintln!("fetch: {text}");
    std::process::ExitCode::FAILURE
}
