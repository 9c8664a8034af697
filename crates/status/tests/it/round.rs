//! Whatever is on a page: an export of an import is equal to what was imported, byte for byte.

use std::collections::BTreeMap;

use lotse_core::id::{ComponentId, ImpactTypeId, IncidentId};
use lotse_core::time::Timestamp;
use lotse_status::archive::{Archive, Archived};
use lotse_status::book::Book;
use lotse_status::command::Command;
use lotse_status::decide::decide;
use lotse_status::model::{Band, Component, Impact, ImpactType, Incident, PhaseRef, Update};
use proptest::prelude::*;
use uuid::Uuid;

fn at(second: u32) -> Timestamp {
    Timestamp::from_second(i64::from(second)).unwrap()
}

fn id(number: usize) -> Uuid {
    Uuid::from_u128(number as u128 + 1)
}

/// Any text that people, or other programs, may have written.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), Just("</script>\u{0}\"\u{202e}".to_owned())]
}

fn component() -> impl Strategy<Value = (Option<String>, BTreeMap<String, String>)> {
    (prop::option::of(text()), prop::collection::btree_map(text(), text(), 0..3))
}

type Said = (Option<String>, Option<String>, Option<u32>);

#[derive(Clone, Debug)]
struct Raw {
    name: Option<String>,
    description: Option<String>,
    /// Places of components, whether a type is named, severities.
    impacts: Vec<(usize, bool, Option<u8>)>,
    window: (Option<u32>, Option<u32>),
    has_phase: bool,
    said: BTreeMap<u8, Said>,
}

fn raw() -> impl Strategy<Value = Raw> {
    let said = (prop::option::of(text()), prop::option::of(text()), prop::option::of(any::<u32>()));
    let impact = (0..4_usize, any::<bool>(), prop::option::of(0..=100_u8));
    let words = (prop::option::of(text()), prop::option::of(text()));
    let window = (prop::option::of(any::<u32>()), prop::option::of(any::<u32>()));
    let impacts = prop::collection::vec(impact, 0..4);
    let said = prop::collection::btree_map(any::<u8>(), said, 0..4);
    (words, impacts, window, any::<bool>(), said).prop_map(
        |((name, description), impacts, window, has_phase, said)| Raw {
            name,
            description,
            impacts,
            window,
            has_phase,
            said,
        },
    )
}

/// An incident as a page could have it.
fn archived(number: usize, raw: &Raw, components: usize, has_phases: bool) -> Archived {
    let mut affects: BTreeMap<_, _> = BTreeMap::new();
    for (place, has_kind, severity) in &raw.impacts {
        if components > 0 {
            affects.insert((place % components, *has_kind), *severity);
        }
    }
    let impact = |((place, has_kind), severity): ((usize, bool), Option<u8>)| Impact {
        component: ComponentId::from_uuid(id(place)),
        kind: has_kind.then(|| ImpactTypeId::from_uuid(id(0))),
        severity,
    };
    let (began, ended) = raw.window;
    let (began, mut ended) = match (began, ended) {
        (Some(one), Some(other)) => (Some(one.min(other)), Some(one.max(other))),
        other => other,
    };
    let mut incident = Incident {
        name: raw.name.clone(),
        description: raw.description.clone(),
        affects: affects.into_iter().map(impact).collect(),
        began: began.map(at),
        phase: (raw.has_phase && has_phases).then_some(PhaseRef { generation: 1, order: 0 }),
        next_update: 256,
        sequence: 7,
        ..Incident::new(IncidentId::from_uuid(id(number)), at(5))
    };
    if incident.is_maintenance() && ended.is_none() {
        ended = began.or(Some(1));
    }
    incident.ended = ended.map(at);
    let update = |(order, (name, description, created)): (&u8, &Said)| Update {
        order: u32::from(*order),
        name: name.clone(),
        description: description.clone(),
        created: created.map(at),
    };
    Archived { incident, updates: raw.said.iter().map(update).collect() }
}

proptest! {
    #[test]
    fn an_import_of_an_export_is_the_same_page(
        components in prop::collection::vec(component(), 0..4),
        incidents in prop::collection::vec(raw(), 0..5),
        bands in prop::collection::btree_map("[a-zA-Zä\u{0} ]{1,8}", 1..=100_u8, 0..4),
        phases in prop::collection::vec(prop::collection::vec("[^x]{1,5}", 1..3), 0..3),
    ) {
        let mut archive = Archive {
            impact_types: vec![ImpactType {
                id: ImpactTypeId::from_uuid(id(0)),
                name: "Slow".to_owned(),
                description: None,
            }],
            phases,
            ..Archive::default()
        };
        for (number, (name, labels)) in components.iter().enumerate() {
            let component = Component::new(ComponentId::from_uuid(id(number)), name.clone());
            archive.components.push(Component { labels: labels.clone(), ..component });
        }
        archive.severities =
            bands.into_iter().map(|(name, value)| Band { name, value }).collect();
        for (number, raw) in incidents.iter().enumerate() {
            let has_phases = !archive.phases.is_empty();
            archive.incidents.push(archived(number, raw, components.len(), has_phases));
        }
        let text = archive.to_json();
        let read = Archive::read(text.as_bytes()).unwrap();
        prop_assert_eq!(&read, &archive);
        let restore = Command::Restore(Box::new(read));
        let (facts, _) = decide(&Book::default(), &restore, at(9)).unwrap();
        let mut book = Book::default();
        for fact in &facts {
            book.apply(fact);
        }
        prop_assert_eq!(Archive::of(&book).to_json(), text);
    }
}
