//! How the content of a version gets to Glance.
//!
//! | content | way |
//! | --- | --- |
//! | a file of this machine, or a copy in our mirror | streamed |
//! | packed in a way that Glance cannot undo | streamed, unpacked by us |
//! | to be converted | streamed, converted by us |
//! | with a checksum that Glance computes, too (`sha512`, `md5`) | web-download, verified afterwards |
//! | with another checksum | streamed, verified before Glance gets it |
//! | without a checksum | web-download |
//!
//! [`ImportPreference`] moves the line between the two. Where Glance does not download at all,
//! everything is streamed; where it has no import of staged data, streams go into the image directly.

use crate::model::{Abilities, Algorithm, Checksum, Scheme, Version};
use crate::operation::Delivery;
use crate::options::ImportPreference;

/// The way of content that passes through us.
pub(super) const fn stream(abilities: Abilities) -> Delivery {
    if abilities.glance_direct { Delivery::GlanceDirect } else { Delivery::Upload }
}

/// The way of a version's content, or why there is none.
pub(super) fn delivery(
    version: &Version,
    converted: bool,
    abilities: Abilities,
    preference: ImportPreference,
) -> Result<Delivery, &'static str> {
    let source = version.source();
    let stream = stream(abilities);
    match source.scheme() {
        Scheme::File => return Ok(stream),
        Scheme::Ftp => {
            return Err("content is downloaded by http and https only; give a mirror_url");
        }
        Scheme::Http => {}
    }
    if !abilities.web_download || converted || source.compression().is_some() {
        return Ok(stream);
    }
    let verifiable = matches!(
        version.checksum.as_ref().map(Checksum::algorithm),
        None | Some(Algorithm::Sha512 | Algorithm::Md5)
    );
    Ok(match preference {
        ImportPreference::Stream => stream,
        ImportPreference::Verified if !verifiable => stream,
        ImportPreference::Verified | ImportPreference::Cloud => Delivery::WebDownload,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SourceUrl;
    use crate::plan::tests::catalog;

    fn version(url: &str, checksum: Option<Algorithm>) -> Version {
        let mut version = catalog(&["1"]).definitions.remove(0).versions.remove(0);
        version.url = SourceUrl::parse(url).unwrap();
        version.checksum = checksum
            .and_then(|algorithm| Checksum::new(algorithm, &"0".repeat(algorithm.digits())));
        version
    }

    const PLAIN: &str = "https://example.org/a.qcow2";
    const SHA256: Option<Algorithm> = Some(Algorithm::Sha256);
    const SHA512: Option<Algorithm> = Some(Algorithm::Sha512);

    #[test]
    fn glance_downloads_what_it_can_verify_and_what_nobody_can() {
        let all = Abilities::default();
        for (checksum, verified, cloud) in [
            (SHA512, Delivery::WebDownload, Delivery::WebDownload),
            (None, Delivery::WebDownload, Delivery::WebDownload),
            (SHA256, Delivery::GlanceDirect, Delivery::WebDownload),
        ] {
            let version = version(PLAIN, checksum);
            let way = |preference| delivery(&version, false, all, preference);
            assert_eq!(way(ImportPreference::Verified), Ok(verified));
            assert_eq!(way(ImportPreference::Cloud), Ok(cloud));
            assert_eq!(way(ImportPreference::Stream), Ok(Delivery::GlanceDirect));
        }
    }

    #[test]
    fn what_glance_cannot_fetch_or_unpack_passes_through_us() {
        let all = Abilities::default();
        for url in ["file:///srv/a.qcow2", "https://example.org/a.raw.xz"] {
            let way = delivery(&version(url, SHA512), false, all, ImportPreference::Cloud);
            assert_eq!(way, Ok(Delivery::GlanceDirect), "{url}");
        }
        let ftp = version("ftp://example.org/a.qcow2", SHA512);
        assert!(delivery(&ftp, false, all, ImportPreference::Verified).is_err());
    }

    #[test]
    fn what_is_converted_passes_through_us() {
        let version = version(PLAIN, SHA512);
        let way = delivery(&version, true, Abilities::default(), ImportPreference::Cloud);
        assert_eq!(way, Ok(Delivery::GlanceDirect));
    }

    #[test]
    fn what_the_cloud_does_not_offer_is_not_asked_for() {
        let version = version(PLAIN, SHA512);
        for (web_download, glance_direct, expected) in [
            (true, true, Delivery::WebDownload),
            (false, true, Delivery::GlanceDirect),
            (false, false, Delivery::Upload),
        ] {
            let abilities = Abilities { web_download, glance_direct, copy_image: false };
            let way = delivery(&version, false, abilities, ImportPreference::Cloud);
            assert_eq!(way, Ok(expected), "{abilities:?}");
        }
    }
}
