//! The heart against a world that is simple enough to be judged by hand: four components, one monitor
//! each, a history of changes.

use std::collections::BTreeMap;

use lotse_core::id::IncidentId;
use lotse_core::time::SignedDuration;
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::book::Fact;
use crate::detect::config::RollUp;
use crate::detect::measure::{Selector, Signal};
use crate::model::{Component, Impact, Incident};

const SECRET: &str = "cn-17.internal";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + second).unwrap()
}

fn id(number: u8) -> ComponentId {
    ComponentId::from_uuid(Uuid::from_u128(u128::from(number) + 1))
}

/// Components 0 and 1 are in the west, 2 and 3 in the east.
fn book() -> Book {
    let mut book = Book::default();
    for number in 0..4_u8 {
        let region = if number < 2 { "west" } else { "east" };
        let labels = [("region", region), ("service", &format!("s{number}"))];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let name = Some(format!("Component {number}"));
        let component = Component::new(id(number), name);
        book.apply(&Fact::Component(Component { labels, ..component }));
    }
    book
}

fn declare(book: &mut Book, component: u8, severity: u8, from: i64, until: Option<i64>) {
    let impact = Impact { component: id(component), kind: None, severity: Some(severity) };
    book.apply(&Fact::Incident(Incident {
        affects: vec![impact],
        began: Some(at(from)),
        ended: until.map(at),
        ..Incident::new(IncidentId::generate(), at(from))
    }));
}

fn signal(component: u8, is_bad: bool, second: i64) -> Signal {
    Signal {
        source: "probe".to_owned(),
        key: component.to_string(),
        components: Selector::from([("service", &*format!("s{component}"))]),
        severity: is_bad.then_some(60),
        since: at(second),
        title: format!("probe of {SECRET}"),
        evidence: json!({ "host": SECRET }),
    }
}

/// A world in which time passes.
struct Harbour {
    book: Book,
    detection: Detection,
    measures: BTreeMap<u8, Measure>,
    proposals: BTreeMap<ProposalId, Proposal>,
    made: u128,
}

impl Harbour {
    fn new(rule: Rule) -> Self {
        let detection = Detection { rules: vec![rule], ..Detection::default() };
        Self {
            book: book(),
            detection,
            measures: BTreeMap::new(),
            proposals: BTreeMap::new(),
            made: 0,
        }
    }

    fn hear(&mut self, component: u8, is_bad: bool, second: i64) {
        let before = self.measures.get(&component);
        let heard = signal(component, is_bad, second);
        if let Some(after) = Measure::after(before, &heard, at(second)) {
            self.measures.insert(component, after);
        }
    }

    /// Asks the heart; how many proposals changed.
    fn look(&mut self, second: i64) -> usize {
        let measures: Vec<_> = self.measures.values().cloned().collect();
        let proposals: Vec<_> =
            self.proposals.values().filter(|one| one.is_live()).cloned().collect();
        let situation = Situation {
            book: &self.book,
            detection: &self.detection,
            measures: &measures,
            proposals: &proposals,
            now: at(second),
        };
        let made = &mut self.made;
        let changed = decide(&situation, &mut || {
            *made += 1;
            ProposalId::from_uuid(Uuid::from_u128(*made))
        });
        let count = changed.len();
        self.proposals.extend(changed.into_iter().map(|one| (one.id, one)));
        count
    }

    fn only(&self) -> &Proposal {
        let live: Vec<_> = self.live();
        assert_eq!(live.len(), 1, "{live:#?}");
        live[0]
    }

    fn live(&self) -> Vec<&Proposal> {
        self.proposals.values().filter(|one| one.is_live()).collect()
    }

    fn decide(&mut self, state: State) {
        let open =
            self.proposals.values_mut().find(|one| one.is_live() && one.state == State::Open);
        open.unwrap().state = state;
    }
}

fn rule(mode: Mode) -> Rule {
    Rule {
        mode,
        hold: SignedDuration::from_secs(60),
        calm: SignedDuration::from_secs(120),
        veto: SignedDuration::from_secs(300),
        ..Rule::default()
    }
}

#[test]
fn trouble_is_proposed_when_it_has_lasted_and_withdrawn_when_calm_has_lasted() {
    let mut harbour = Harbour::new(rule(Mode::Confirm));
    harbour.hear(0, true, 0);
    assert_eq!(harbour.look(59), 0);
    assert_eq!(harbour.look(60), 1);
    let open = harbour.only();
    assert_eq!((open.began, open.opened, open.publish_at), (at(0), at(60), None));
    assert_eq!(open.draft.name, "Trouble with Component 0");
    assert_eq!(open.draft.affects, [(id(0), 60)].into());
    assert_eq!(open.evidence[0].detail["host"], SECRET);
    harbour.hear(0, false, 100);
    assert_eq!(harbour.look(219), 0);
    harbour.look(220);
    assert!(harbour.live().is_empty());
    assert_eq!(harbour.proposals.values().next().unwrap().state, State::Withdrawn);
}

#[test]
fn what_flaps_is_one_trouble_however_short_each_fall_is() {
    let mut harbour = Harbour::new(Rule { flaps: 3, ..rule(Mode::Confirm) });
    for round in 0..20 {
        harbour.hear(0, true, round * 60);
        harbour.look(round * 60 + 10);
        harbour.hear(0, false, round * 60 + 30);
        harbour.look(round * 60 + 40);
        let wanted = usize::from(round >= 2);
        assert_eq!(harbour.proposals.len(), wanted, "round {round}");
    }
    assert_eq!(harbour.only().opened, at(130));
    harbour.look(19 * 60 + 30 + 120);
    assert!(harbour.live().is_empty());
}

#[test]
fn an_automatic_proposal_waits_for_its_veto_time_and_a_dismissal_holds_until_it_is_over() {
    let mut harbour = Harbour::new(rule(Mode::Auto));
    harbour.hear(0, true, 0);
    harbour.look(60);
    assert_eq!(harbour.only().publish_at, Some(at(360)));
    assert_eq!(harbour.look(359), 0);
    let mut vetoed = Harbour { made: 50, ..Harbour::new(rule(Mode::Auto)) };
    vetoed.hear(0, true, 0);
    vetoed.look(60);
    vetoed.decide(State::Dismissed);
    harbour.look(360);
    vetoed.look(360);
    assert_eq!(harbour.only().state, State::Published);
    assert!(harbour.only().is_pending);
    assert_eq!(harbour.only().decision.as_ref().unwrap().by, "rule");
    assert_eq!(vetoed.only().state, State::Dismissed);
    vetoed.hear(0, false, 400);
    vetoed.look(520);
    vetoed.hear(0, true, 600);
    vetoed.look(660);
    assert_eq!(vetoed.only().state, State::Open);
}

#[test]
fn trouble_of_a_region_is_one_proposal_that_takes_in_the_narrower_ones() {
    let mut harbour = Harbour::new(rule(Mode::Confirm));
    harbour.hear(0, true, 0);
    harbour.look(60);
    assert_eq!(harbour.only().scope, format!("component={}", id(0)));
    harbour.hear(1, true, 70);
    harbour.look(130);
    let region = harbour.only();
    assert_eq!(region.scope, "region=west");
    assert_eq!(region.draft.name, "Trouble with west");
    assert!(region.draft.text.ends_with("(Component 0, Component 1)"), "{}", region.draft.text);
    assert_eq!(region.began, at(0));
    assert!(harbour.proposals.values().any(|one| one.state == State::Absorbed));
    // One of them recovers and falls again: still the same.
    harbour.hear(1, false, 140);
    harbour.look(260);
    harbour.hear(1, true, 270);
    harbour.look(330);
    assert_eq!(harbour.only().scope, "region=west");
    assert_eq!(harbour.proposals.len(), 2);
}

#[test]
fn what_is_under_maintenance_or_declared_is_not_proposed() {
    let mut harbour = Harbour::new(rule(Mode::Confirm));
    harbour.detection.roll_up = Vec::new();
    declare(&mut harbour.book, 0, 0, 0, Some(500));
    declare(&mut harbour.book, 1, 80, 0, None);
    for component in 0..3 {
        harbour.hear(component, true, 10);
    }
    harbour.look(70);
    assert_eq!(harbour.only().measured, [(id(2), 60)].into());
    // What lasts longer than its maintenance is proposed then.
    harbour.look(499);
    assert_eq!(harbour.live().len(), 1);
    harbour.look(500);
    assert_eq!(harbour.live().len(), 2);
    // A person declares what is proposed: nothing is left to decide.
    declare(&mut harbour.book, 2, 80, 501, None);
    harbour.look(502);
    assert_eq!(harbour.only().measured, [(id(0), 60)].into());
}

#[test]
fn a_draft_that_a_person_wrote_is_left_alone() {
    let mut harbour = Harbour::new(rule(Mode::Confirm));
    harbour.hear(0, true, 0);
    harbour.look(60);
    let open = harbour.proposals.values_mut().next().unwrap();
    open.draft.name = "Written by hand".to_owned();
    open.is_edited = true;
    harbour.hear(1, true, 60);
    harbour.look(120);
    let names: Vec<_> = harbour.live().iter().map(|one| one.draft.name.clone()).collect();
    assert_eq!(names, ["Written by hand", "Trouble with Component 1"]);
}

#[test]
fn old_news_does_not_change_what_is_known() {
    let known = Measure::after(None, &signal(0, true, 100), at(100)).unwrap();
    assert_eq!(Measure::after(Some(&known), &signal(0, false, 99), at(101)), None);
    assert_eq!(Measure::after(Some(&known), &signal(0, true, 100), at(101)), None);
    let well = Measure::after(Some(&known), &signal(0, false, 101), at(102)).unwrap();
    assert!(!well.is_bad && well.falls == [at(100)]);
    assert_eq!(Measure::after(None, &signal(0, false, 1), at(1)), None);
    // What claims to come from the future begins now.
    assert_eq!(Measure::after(None, &signal(0, true, 50), at(1)).unwrap().since, at(1));
}

/// What happens in a made-up history.
#[derive(Clone, Debug)]
enum Happening {
    Hear(u8, bool),
    Decide(bool),
    Maintain(u8, i64),
}

fn happening() -> impl Strategy<Value = (i64, Happening)> {
    let what = prop_oneof![
        6 => (0..4_u8, any::<bool>()).prop_map(|(one, is_bad)| Happening::Hear(one, is_bad)),
        1 => any::<bool>().prop_map(Happening::Decide),
        1 => (0..4_u8, 1..400_i64).prop_map(|(one, length)| Happening::Maintain(one, length)),
    ];
    (1..200_i64, what)
}

/// The oracle: what a person with a stop watch says of each component.
#[derive(Default)]
struct StopWatch {
    /// Since when it is bad or well.
    state: BTreeMap<u8, (bool, i64)>,
    falls: BTreeMap<u8, Vec<i64>>,
    maintenance: Vec<(u8, i64, i64)>,
}

impl StopWatch {
    fn hear(&mut self, component: u8, is_bad: bool, second: i64) {
        match self.state.get(&component) {
            None if !is_bad => {}
            Some((known, _)) if *known == is_bad => {}
            _ => {
                self.state.insert(component, (is_bad, second));
                if is_bad {
                    self.falls.entry(component).or_default().push(second);
                }
            }
        }
    }

    fn is_bad(&self, component: u8, second: i64, rule: &Rule) -> bool {
        let Some((is_bad, since)) = self.state.get(&component) else { return false };
        let age = second - since;
        let falls = self.falls.get(&component).into_iter().flatten();
        let falls = falls.filter(|fall| second - **fall <= 3600).count();
        let flaps = falls >= rule.flaps as usize && (*is_bad || age < 120);
        (*is_bad && age >= 60) || flaps
    }

    fn is_well(&self, component: u8, second: i64, rule: &Rule) -> bool {
        let Some((is_bad, since)) = self.state.get(&component) else { return true };
        !*is_bad && second - since >= 120 && !self.is_bad(component, second, rule)
    }

    fn is_quiet(&self, component: u8, second: i64) -> bool {
        let mut all = self.maintenance.iter();
        all.any(|(one, from, until)| *one == component && *from <= second && second < *until)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever happens: what is bad is proposed once, what is well is not, nothing is published
    /// early or against a veto, and drafts have no word of a monitor.
    #[test]
    fn every_history_agrees_with_a_person_with_a_stop_watch(
        history in prop::collection::vec(happening(), 1..60),
        is_auto in any::<bool>(),
        rolls_up in any::<bool>(),
    ) {
        let rule = rule(if is_auto { Mode::Auto } else { Mode::Confirm });
        let mut harbour = Harbour::new(rule.clone());
        if !rolls_up {
            harbour.detection.roll_up = vec![RollUp { at_least: 9, ..RollUp::default() }];
        }
        let mut watch = StopWatch::default();
        let mut now = 0;
        for (pause, what) in history {
            now += pause;
            match what {
                Happening::Hear(one, is_bad) => {
                    harbour.hear(one, is_bad, now);
                    watch.hear(one, is_bad, now);
                }
                Happening::Decide(is_so) if harbour.live().iter().any(|p| p.state == State::Open) => {
                    harbour.decide(if is_so { State::Confirmed } else { State::Dismissed });
                }
                Happening::Decide(_) => {}
                Happening::Maintain(one, length) => {
                    declare(&mut harbour.book, one, 0, now, Some(now + length));
                    watch.maintenance.push((one, now, now + length));
                }
            }
            harbour.look(now);
            prop_assert_eq!(harbour.look(now), 0, "asked again, it wants nothing more");
            let live = harbour.live();
            for one in 0..4_u8 {
                let of = live.iter().filter(|p| p.measured.contains_key(&id(one))).count();
                prop_assert!(of <= 1, "component {} is in {} live proposals", one, of);
                if watch.is_bad(one, now, &rule) && !watch.is_quiet(one, now) {
                    prop_assert_eq!(of, 1, "component {} is bad and not proposed", one);
                }
            }
            for proposal in &live {
                let is_well = |one: &u8| watch.is_well(*one, now, &rule);
                let touched: Vec<_> =
                    (0..4_u8).filter(|one| proposal.measured.contains_key(&id(*one))).collect();
                prop_assert!(!touched.iter().all(is_well), "{:?} is over", proposal);
            }
            for proposal in harbour.proposals.values() {
                if proposal.state == State::Published {
                    let decided = proposal.decision.as_ref().unwrap().at;
                    prop_assert!(is_auto && decided >= proposal.opened + rule.veto);
                }
                let words = format!("{:?}", proposal.draft);
                prop_assert!(!words.contains(SECRET), "{}", words);
            }
        }
    }
}
