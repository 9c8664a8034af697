//! From when to when a certificate is good (RFC 5280, section 4.1), read without a parser of all the rest.

use jiff::civil::{Date, DateTime, Time};

use super::Lifespan;

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The lifespan of a certificate in DER; `None` if it is none.
pub(crate) fn lifespan(der: &[u8]) -> Option<Lifespan> {
    let (certificate, _) = element(der, SEQUENCE)?;
    let (mut signed, _) = element(certificate, SEQUENCE)?;
    if let Some((_, rest)) = element(signed, VERSION) {
        signed = rest;
    }
    // Serial number, signature algorithm, issuer.
    for _ in 0..3 {
        signed = next(signed)?.2;
    }
    let (validity, _) = element(signed, SEQUENCE)?;
    let (kind, from, rest) = next(validity)?;
    let (other, until, _) = next(rest)?;
    Some(Lifespan { from: instant(kind, from)?, until: instant(other, until)? })
}

/// The content of the element at the beginning, if it is of this kind, and what follows.
fn element(bytes: &[u8], kind: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = next(bytes)?;
    (found == kind).then_some((content, rest))
}

fn next(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (kind, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            let length = digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
            (length, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*kind, content, rest))
}

/// `YYMMDDHHMMSSZ` until 2049, `YYYYMMDDHHMMSSZ` from then on.
fn instant(kind: u8, written: &[u8]) -> Option<DateTime> {
    let text = std::str::from_utf8(written).ok()?.strip_suffix('Z')?;
    let (year, rest) = match kind {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: i16 = number(year)?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (number(year)?, rest)
        }
        _ => return None,
    };
    let two = |at: usize| number::<i8>(rest.get(at..at + 2)?);
    let date = Date::new(year, two(0)?, two(2)?).ok()?;
    let time = Time::new(two(4)?, two(6)?, two(8)?, 0).ok()?;
    (rest.len() == 10).then(|| date.to_datetime(time))
}

fn number<T: std::str::FromStr>(digits: &str) -> Option<T> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_lifespan_of_a_certificate_is_read_before_and_after_2050() {
        for (from, until, days) in [
            ((2026, 1, 1), (2027, 1, 2), 366),
            ((2026, 3, 1), (2026, 5, 30), 90),
            ((2049, 12, 31), (2051, 1, 1), 366),
        ] {
            let key = rcgen::KeyPair::generate().unwrap();
            let mut parameters = rcgen::CertificateParams::new(vec!["api.example".into()]).unwrap();
            parameters.not_before = rcgen::date_time_ymd(from.0, from.1, from.2);
            parameters.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
            let certificate = parameters.self_signed(&key).unwrap();
            let found = lifespan(certificate.der()).unwrap();
            assert_eq!(found.days(), days);
            assert_eq!(i32::from(found.from.year()), from.0);
            for cut in 0..200 {
                assert_eq!(lifespan(&certificate.der()[..cut]), None);
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_certificate_or_none(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let found = lifespan(&[&[0x30, 0x30, 0x30, 0x20][..], &bytes].concat());
            prop_assert!(found.is_none_or(|found| found.from.year() >= 0));
        }
    }
}
