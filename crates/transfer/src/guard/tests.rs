//! The classes of addresses against their written ranges, and URLs in disguise.

use proptest::prelude::*;

use super::*;

/// The ranges as the registries print them: address, length of the prefix.
const INTERNAL_V4: [(&str, u32); 17] = [
    ("0.0.0.0", 8),
    ("10.0.0.0", 8),
    ("100.64.0.0", 10),
    ("127.0.0.0", 8),
    ("168.63.129.16", 32),
    ("169.254.0.0", 16),
    ("172.16.0.0", 12),
    ("192.0.0.0", 24),
    ("192.0.2.0", 24),
    ("192.88.99.0", 24),
    ("192.168.0.0", 16),
    ("198.18.0.0", 15),
    ("198.51.100.0", 24),
    ("203.0.113.0", 24),
    ("224.0.0.0", 4),
    ("240.0.0.0", 4),
    ("255.255.255.255", 32),
];

/// Everything outside these is internal.
const PUBLIC_V6: (&str, u32) = ("2000::", 3);

const RESERVED_V6: [(&str, u32); 4] =
    [("2001::", 23), ("2001:db8::", 32), ("2002::", 16), ("3fff::", 20)];

fn within_v4(address: Ipv4Addr, (range, length): (&str, u32)) -> bool {
    let range: Ipv4Addr = range.parse().unwrap();
    let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
    address.to_bits() & mask == range.to_bits() & mask
}

fn within_v6(address: Ipv6Addr, (range, length): (&str, u32)) -> bool {
    let range: Ipv6Addr = range.parse().unwrap();
    let mask = u128::MAX << (128 - length);
    address.to_bits() & mask == range.to_bits() & mask
}

fn is_internal_v4(address: Ipv4Addr) -> bool {
    INTERNAL_V4.into_iter().any(|range| within_v4(address, range))
}

/// Any address, and as often one right at the border of a range.
fn any_v4() -> impl Strategy<Value = Ipv4Addr> {
    let border = (0..INTERNAL_V4.len(), any::<bool>(), any::<bool>()).prop_map(|(n, end, out)| {
        let (range, length) = INTERNAL_V4[n];
        let start = range.parse::<Ipv4Addr>().unwrap().to_bits();
        let size = u32::MAX.checked_shr(length).unwrap_or(0);
        Ipv4Addr::from_bits(match (end, out) {
            (false, false) => start,
            (false, true) => start.wrapping_sub(1),
            (true, false) => start + size,
            (true, true) => start.wrapping_add(size).wrapping_add(1),
        })
    });
    prop_oneof![any::<u32>().prop_map(Ipv4Addr::from_bits), border]
}

/// An address within one of the ranges.
fn internal_v4() -> impl Strategy<Value = Ipv4Addr> {
    (0..INTERNAL_V4.len(), any::<u32>()).prop_map(|(n, bits)| {
        let (range, length) = INTERNAL_V4[n];
        let host = u32::MAX.checked_shr(length).unwrap_or(0);
        Ipv4Addr::from_bits(range.parse::<Ipv4Addr>().unwrap().to_bits() | bits & host)
    })
}

fn public() -> Guard {
    Guard::new(Reach::Public)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn an_address_of_version_4_is_public_exactly_outside_the_ranges(address in any_v4()) {
        prop_assert_eq!(class(address.into()) != Class::Public, is_internal_v4(address));
    }

    #[test]
    fn addresses_that_carry_one_of_version_4_are_what_it_is(address in any_v4()) {
        let [a, b, c, d] = address.octets().map(u16::from);
        let tail = [a << 8 | b, c << 8 | d];
        let mapped = Ipv6Addr::from([0, 0, 0, 0, 0, 0xffff, tail[0], tail[1]]);
        let translated = Ipv6Addr::from([0x64, 0xff9b, 0, 0, 0, 0, tail[0], tail[1]]);
        prop_assert_eq!(class(mapped.into()), class(address.into()));
        prop_assert_eq!(class(translated.into()), class(address.into()));
    }

    #[test]
    fn an_address_of_version_6_is_public_exactly_where_addresses_are_given_out(
        bits in any::<u128>(),
        head in prop_oneof![
            Just(None),
            prop_oneof![
                Just(0x2001_0000_u32), Just(0x2001_01ff), Just(0x2001_0200), Just(0x2001_0db8),
                Just(0x2001_0db9), Just(0x2002_0000), Just(0x2003_0000), Just(0x3fff_0000),
                Just(0x3fff_1000), Just(0x3fff_0fff), Just(0xfc00_0000), Just(0xfe80_0000),
                Just(0xfec0_0000), Just(0xff02_0000), Just(0x1fff_ffff), Just(0x4000_0000),
            ].prop_map(Some),
        ],
    ) {
        let bits = head.map_or(bits, |head| bits >> 32 | u128::from(head) << 96);
        let address = Ipv6Addr::from_bits(bits);
        prop_assume!(address.to_ipv4_mapped().is_none() && !within_v6(address, ("64:ff9b::", 96)));
        let expected = within_v6(address, PUBLIC_V6)
            && !RESERVED_V6.into_iter().any(|range| within_v6(address, range));
        prop_assert_eq!(class(address.into()) == Class::Public, expected, "{}", address);
    }

    /// However a literal is spelled, the URL means the address.
    #[test]
    fn a_literal_in_disguise_is_refused(address in internal_v4(), spelling in 0..4) {
        let bits = address.to_bits();
        let host = match spelling {
            0 => address.to_string(),
            1 => format!("{bits}"),
            2 => format!("0x{bits:x}"),
            _ => format!("[::ffff:{address}]"),
        };
        let url: Url = format!("http://{host}/hook").parse().unwrap();
        prop_assert!(public().check_url(&url).is_err(), "{}", url);
    }
}

#[test]
fn what_is_internal_has_a_name() {
    let cases = [
        ("127.0.0.1", Class::Loopback),
        ("::1", Class::Loopback),
        ("::", Class::Reserved),
        ("0.0.0.0", Class::Reserved),
        ("169.254.169.254", Class::LinkLocal),
        ("::ffff:169.254.169.254", Class::LinkLocal),
        ("fe80::1", Class::LinkLocal),
        ("fd00:ec2::254", Class::Private),
        ("100.100.100.200", Class::CarrierGrade),
        ("168.63.129.16", Class::Metadata),
        ("224.0.0.1", Class::Multicast),
        ("ff02::1", Class::Multicast),
        ("2002:7f00:1::", Class::Reserved),
        ("::7f00:1", Class::Reserved),
        ("93.184.216.34", Class::Public),
        ("2606:2800:220:1::1", Class::Public),
    ];
    for (address, expected) in cases {
        assert_eq!(class(address.parse().unwrap()), expected, "{address}");
    }
}

#[test]
fn only_webhooks_are_called() {
    for url in ["file:///etc/passwd", "ftp://example.org/", "gopher://example.org/", "data:,x"] {
        assert!(Guard::new(Reach::Everywhere).check_url(&url.parse().unwrap()).is_err(), "{url}");
    }
}

/// Gives these answers, one after the other.
#[derive(Debug)]
struct Answers(std::sync::Mutex<Vec<Vec<&'static str>>>);

#[async_trait]
impl Names for Answers {
    async fn addresses(&self, _: &str) -> std::io::Result<Vec<IpAddr>> {
        let next = self.0.lock().unwrap().remove(0);
        Ok(next.into_iter().map(|address| address.parse().unwrap()).collect())
    }
}

#[tokio::test]
async fn one_internal_address_among_public_ones_refuses_the_name() {
    let answers = vec![
        vec!["93.184.216.34"],
        vec!["93.184.216.34", "10.0.0.1"],
        vec!["::ffff:127.0.0.1"],
        vec![],
        vec!["93.184.216.34"],
    ];
    let guard = Guard::with_names(Reach::Public, Arc::new(Answers(answers.into())));
    assert!(guard.addresses("a.example").await.is_ok());
    assert!(matches!(guard.addresses("a.example").await, Err(Refused::Internal { .. })));
    assert!(matches!(guard.addresses("a.example").await, Err(Refused::Internal { .. })));
    assert!(matches!(guard.addresses("a.example").await, Err(Refused::NoAddress { .. })));
    assert!(guard.addresses("a.example").await.is_ok());
}
