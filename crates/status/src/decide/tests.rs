use super::*;
use crate::command::UpdateFields;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Does commands one after the other; the last outcome.
fn done(book: &mut Book, commands: &[Command]) -> Result<Outcome, Error> {
    let mut last = Outcome::Done;
    for command in commands {
        let (facts, outcome) = decide(book, command, at(1000))?;
        for fact in &facts {
            book.apply(fact);
        }
        last = outcome;
    }
    Ok(last)
}

fn opened(fields: IncidentFields) -> (Book, IncidentId) {
    let id = IncidentId::generate();
    let mut book = Book::default();
    let phases = Command::AddPhases(vec!["open".to_owned(), "closed".to_owned()]);
    done(&mut book, &[phases, Command::AddIncident(id, fields)]).unwrap();
    (book, id)
}

#[test]
fn numbers_of_updates_have_no_gaps_and_are_never_used_twice() {
    let (mut book, id) = opened(IncidentFields::default());
    let say = || Command::AddUpdate(id, UpdateFields::default());
    assert_eq!(done(&mut book, &[say(), say(), say()]).unwrap(), Outcome::Order(2));
    assert_eq!(done(&mut book, &[Command::RemoveUpdate(id, 2), say()]).unwrap(), Outcome::Order(3));
    assert_eq!(book.cases[&id].updates.keys().collect::<Vec<_>>(), [&0, &1, &3]);
}

#[test]
fn an_incident_gets_a_phase_and_keeps_one_of_an_old_generation() {
    let (mut book, id) = opened(IncidentFields::default());
    assert_eq!(book.cases[&id].incident.phase, Some(PhaseRef { generation: 1, order: 0 }));
    let old = PhaseRef { generation: 1, order: 1 };
    let change = IncidentFields { phase: Some(old), ..IncidentFields::default() };
    let commands =
        [Command::AddPhases(vec!["only".to_owned()]), Command::ChangeIncident(id, change)];
    done(&mut book, &commands).unwrap();
    assert_eq!(book.phase_name(old), Some("closed"));
    let unknown = PhaseRef { generation: 3, order: 0 };
    let change = IncidentFields { phase: Some(unknown), ..IncidentFields::default() };
    assert!(done(&mut book, &[Command::ChangeIncident(id, change)]).is_err());
    assert_eq!(book.newest_phases().0, 2);
}

#[test]
fn the_end_is_compared_with_the_stored_beginning() {
    let (mut book, id) =
        opened(IncidentFields { began: Some(at(500)), ..IncidentFields::default() });
    let ends = |second| {
        let ended = Some(Some(at(second)));
        Command::ChangeIncident(id, IncidentFields { ended, ..IncidentFields::default() })
    };
    assert!(done(&mut book, &[ends(499)]).is_err());
    done(&mut book, &[ends(500)]).unwrap();
    let open = IncidentFields { ended: Some(None), ..IncidentFields::default() };
    done(&mut book, &[Command::ChangeIncident(id, open)]).unwrap();
    assert_eq!(book.cases[&id].incident.ended, None);
}

#[test]
fn severities_have_a_name_a_value_above_zero_and_no_twins() {
    let mut book = Book::default();
    let band = |name: &str, value| {
        Command::AddBand(BandFields { name: Some(name.to_owned()), value: Some(value) })
    };
    done(&mut book, &[band("limited", 66), band("broken", 100)]).unwrap();
    for wrong in [band("limited", 1), band("other", 66), band("", 5), band("none", 0)] {
        assert!(done(&mut book, std::slice::from_ref(&wrong)).is_err(), "{wrong:?}");
    }
    let same = BandFields { name: None, value: Some(100) };
    let twin = done(&mut book, &[Command::ChangeBand("limited".to_owned(), same)]);
    assert!(matches!(twin, Err(Error::Conflict { .. })));
    let renamed = BandFields { name: Some("slow".to_owned()), value: None };
    done(&mut book, &[Command::ChangeBand("limited".to_owned(), renamed)]).unwrap();
    assert_eq!(book.bands_by_value().iter().map(|b| b.value).collect::<Vec<_>>(), [66, 100]);
}

#[test]
fn a_page_that_has_something_is_not_provisioned_again() {
    let mut book = Book::default();
    let provision = |phase: &str| {
        let phases = vec![phase.to_owned()];
        Command::Provision(Box::new(Provision { phases, ..Provision::default() }))
    };
    done(&mut book, &[provision("first"), provision("second")]).unwrap();
    assert_eq!(book.newest_phases(), (1, &["first".to_owned()][..]));
}
