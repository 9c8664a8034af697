//! Names of operations for measurements: paths with what varies taken out.

use http::Method;

use crate::discovery;

/// Longer segments are taken for names of things.
const LONGEST: usize = 32;

/// `GET /v2/images/5f8e…/file` becomes `GET /v2/images/{id}/file`.
///
/// The number of different results must stay small: only segments that look like words of an API
/// stay, everything with digits, capitals or unusual characters becomes `{id}`.
pub(crate) fn template(method: &Method, path: &str) -> String {
    let mut template = method.as_str().to_owned();
    template.push(' ');
    let mut empty = true;
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        empty = false;
        template.push('/');
        template.push_str(if is_word(segment) { segment } else { "{id}" });
    }
    if empty {
        template.push('/');
    }
    template
}

fn is_word(segment: &str) -> bool {
    if discovery::is_segment(segment) {
        return true;
    }
    let federation = segment.starts_with("OS-") && segment.len() <= LONGEST;
    let plain =
        segment.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'_' | b'.'));
    // Ids without dashes may, once in a great while, have no digit; words are shorter.
    federation || (plain && segment.len() < LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_varies_is_taken_out_and_words_stay() {
        for (path, expected) in [
            ("/", "GET /"),
            ("/v2/images", "GET /v2/images"),
            (
                "/image/v2/images/0b7c0c5e-5b6e-4d8f-9a3e-1f2d3c4b5a69/file",
                "GET /image/v2/images/{id}/file",
            ),
            (
                "/v2.1/0119c954b11a4e4aa90c2842095f9d43/servers/detail",
                "GET /v2.1/{id}/servers/detail",
            ),
            ("/v2.1/os-keypairs/My%20Key", "GET /v2.1/os-keypairs/{id}"),
            ("/v3/OS-FEDERATION/identity_providers", "GET /v3/OS-FEDERATION/identity_providers"),
        ] {
            assert_eq!(template(&Method::GET, path), expected);
        }
    }
}
