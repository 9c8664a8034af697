//! `kubeconfig`: any text leads to a cluster or is refused in one sentence, and never shows a secret.

use std::path::Path;

use lotse_conformance::kaas::Access;
use lotse_core::declared::SourceFile;

pub(crate) fn holds(text: &str) {
    // Files that are named are looked for where there are none.
    let nowhere = Path::new("/nonexistent");
    for context in [None, Some("a")] {
        match Access::parse(&SourceFile::new("config", text), nowhere, context) {
            Ok(access) => {
                assert!(matches!(access.server.scheme(), "http" | "https"), "another protocol");
                assert!(access.server.password().is_none(), "a password in an address");
                drop(format!("{access:?}"));
            }
            Err(refused) => assert!(!refused.to_string().is_empty(), "refused without a reason"),
        }
    }
}
