//! The heart: what is measured, what is proposed already and what is declared become changes of
//! proposals. Pure and total; asked again at the same moment, it wants nothing more.

use std::collections::{BTreeMap, BTreeSet};

use lotse_core::id::ComponentId;
use lotse_core::time::Timestamp;

use super::config::{Detection, Mode, Rule};
use super::measure::{Measure, Opinion};
use super::proposal::{Decision, Draft, Evidence, Proposal, ProposalId, State};
use crate::book::Book;

/// Who publishes when nobody does.
const RULE: &str = "rule";

/// So much evidence is kept with a proposal.
const MOST_EVIDENCE: usize = 50;

/// Everything that is decided from.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The page.
    pub book: &'a Book,
    /// What is declared to follow from what.
    pub detection: &'a Detection,
    /// What monitors think.
    pub measures: &'a [Measure],
    /// The live proposals.
    pub proposals: &'a [Proposal],
    /// The present.
    pub now: Timestamp,
}

/// How a component is, as far as monitors can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// Bad: how badly, since when.
    Bad(u8, Timestamp),
    /// Not settled.
    Unsettled,
    /// Well, or not watched.
    Well,
}

/// The proposals that are new or different from now on.
pub fn decide(situation: &Situation<'_>, fresh: &mut dyn FnMut() -> ProposalId) -> Vec<Proposal> {
    let world = World::of(situation);
    let mut proposals: BTreeMap<ProposalId, Proposal> =
        situation.proposals.iter().map(|one| (one.id, one.clone())).collect();
    for proposal in proposals.values_mut().filter(|one| one.is_live()) {
        world.finish(proposal);
    }
    let scopes = world.scopes(&proposals);
    world.part(&mut proposals, &scopes);
    for (scope, components) in group(&scopes) {
        let known = proposals
            .values_mut()
            .find(|one| one.is_live() && one.state == State::Open && one.scope == scope);
        if let Some(known) = known {
            world.grow(known, &components);
        } else {
            let new = world.open(fresh(), scope, &components);
            proposals.insert(new.id, new);
        }
    }
    for proposal in proposals.values_mut().filter(|one| one.is_live()) {
        world.refresh(proposal);
    }
    let before: BTreeMap<_, _> = situation.proposals.iter().map(|one| (one.id, one)).collect();
    proposals.into_values().filter(|one| before.get(&one.id) != Some(&one)).collect()
}

fn group(scopes: &BTreeMap<ComponentId, String>) -> BTreeMap<String, Vec<ComponentId>> {
    let mut groups: BTreeMap<String, Vec<ComponentId>> = BTreeMap::new();
    for (component, scope) in scopes {
        groups.entry(scope.clone()).or_default().push(*component);
    }
    groups
}

/// The scope of a component alone.
fn alone(component: ComponentId) -> String {
    format!("component={component}")
}

struct World<'a> {
    situation: &'a Situation<'a>,
    rules: BTreeMap<ComponentId, Rule>,
    conditions: BTreeMap<ComponentId, Condition>,
    /// Under maintenance.
    silenced: BTreeSet<ComponentId>,
    /// Touched by an incident that is no maintenance.
    declared: BTreeSet<ComponentId>,
}

impl<'a> World<'a> {
    fn of(situation: &'a Situation<'a>) -> Self {
        let Situation { book, detection, now, .. } = *situation;
        let rules: BTreeMap<_, _> =
            book.components.values().map(|one| (one.id, detection.rule(one))).collect();
        let (mut silenced, mut declared) = (BTreeSet::new(), BTreeSet::new());
        for case in book.cases.values().filter(|case| case.incident.is_active(now)) {
            let touched = case.incident.affects.iter().map(|impact| impact.component);
            let set = if case.incident.is_maintenance() { &mut silenced } else { &mut declared };
            set.extend(touched);
        }
        let conditions = conditions(situation, &rules);
        Self { situation, rules, conditions, silenced, declared }
    }

    fn condition(&self, component: ComponentId) -> Condition {
        self.conditions.get(&component).copied().unwrap_or(Condition::Well)
    }

    fn rule(&self, component: ComponentId) -> Rule {
        self.rules.get(&component).cloned().unwrap_or_default()
    }

    /// What is over, or belongs to somebody else by now.
    fn finish(&self, proposal: &mut Proposal) {
        let components: Vec<_> = proposal.measured.keys().copied().collect();
        let now = self.situation.now;
        if components.iter().all(|one| self.condition(*one) == Condition::Well) {
            proposal.over = Some(now);
            if proposal.state == State::Open {
                proposal.state = State::Withdrawn;
            }
            proposal.is_pending |= proposal.state == State::Published && proposal.closes;
        } else if proposal.state == State::Open {
            let all = |set: &BTreeSet<_>| components.iter().all(|one| set.contains(one));
            if all(&self.declared) {
                (proposal.state, proposal.over) = (State::Absorbed, Some(now));
            } else if all(&self.silenced) {
                (proposal.state, proposal.over) = (State::Withdrawn, Some(now));
            }
        }
    }

    /// What is to be proposed: bad, and nobody's yet.
    fn candidates(&self, proposals: &BTreeMap<ProposalId, Proposal>) -> BTreeSet<ComponentId> {
        let is_held = |one: &&Proposal| one.is_live() && (one.is_decided() || one.is_edited);
        let held: BTreeSet<_> = proposals
            .values()
            .filter(is_held)
            .flat_map(|one| one.measured.keys().copied())
            .collect();
        let bad = self.conditions.iter().filter_map(|(component, condition)| {
            matches!(condition, Condition::Bad(..)).then_some(*component)
        });
        bad.filter(|one| !held.contains(one) && !self.silenced.contains(one))
            .filter(|one| !self.declared.contains(one) && self.rule(*one).mode != Mode::Manual)
            .collect()
    }

    /// The scope of each candidate: the widest one under which enough of them are, or its own.
    fn scopes(&self, proposals: &BTreeMap<ProposalId, Proposal>) -> BTreeMap<ComponentId, String> {
        let mut left = self.candidates(proposals);
        let is_open = |scope: &str| {
            let open = |one: &&Proposal| one.state == State::Open && !one.is_edited;
            proposals.values().filter(open).any(|one| one.is_live() && one.scope == scope)
        };
        let mut scopes = BTreeMap::new();
        for level in &self.situation.detection.roll_up {
            let value = |id: ComponentId| {
                let component = self.situation.book.components.get(&id)?;
                component.label(&level.label).map(str::to_owned)
            };
            let mut bad: BTreeMap<String, Vec<ComponentId>> = BTreeMap::new();
            for id in &left {
                if let Some(value) = value(*id) {
                    bad.entry(value).or_default().push(*id);
                }
            }
            for (word, components) in bad {
                let members = self.situation.book.components.keys();
                let members = members.filter(|id| value(**id).as_ref() == Some(&word)).count();
                let scope = format!("{}={word}", level.label);
                let at_least = usize::try_from(level.at_least.max(1)).unwrap_or(usize::MAX);
                let percent = usize::try_from(level.percent).unwrap_or(usize::MAX);
                let is_many = components.len() >= at_least
                    && components.len().saturating_mul(100) >= members.saturating_mul(percent);
                if is_many || is_open(&scope) {
                    for id in components {
                        left.remove(&id);
                        scopes.insert(id, scope.clone());
                    }
                }
            }
        }
        scopes.extend(left.into_iter().map(|id| (id, alone(id))));
        scopes
    }

    /// Takes components out of open proposals that have another scope by now.
    fn part(
        &self,
        proposals: &mut BTreeMap<ProposalId, Proposal>,
        scopes: &BTreeMap<ComponentId, String>,
    ) {
        for proposal in proposals.values_mut() {
            if !proposal.is_live() || proposal.state != State::Open || proposal.is_edited {
                continue;
            }
            let scope = &proposal.scope;
            let stays = |id: &ComponentId| scopes.get(id).is_none_or(|other| other == scope);
            if proposal.measured.keys().all(|id| !stays(id)) {
                // What it said stays in it, for those who look back.
                (proposal.state, proposal.over) = (State::Absorbed, Some(self.situation.now));
            } else {
                let stays: BTreeSet<_> =
                    proposal.measured.keys().copied().filter(|id| stays(id)).collect();
                proposal.measured.retain(|id, _| stays.contains(id));
            }
        }
    }

    fn grow(&self, proposal: &mut Proposal, components: &[ComponentId]) {
        for id in components {
            if let Condition::Bad(severity, since) = self.condition(*id) {
                let worst = proposal.measured.entry(*id).or_insert(severity);
                *worst = severity.max(*worst);
                proposal.began = proposal.began.min(since);
            }
        }
    }

    fn open(&self, id: ProposalId, scope: String, components: &[ComponentId]) -> Proposal {
        let now = self.situation.now;
        let mut proposal = Proposal {
            id,
            scope,
            state: State::Open,
            measured: BTreeMap::new(),
            draft: Draft::default(),
            is_edited: false,
            began: now,
            opened: now,
            publish_at: None,
            evidence: Vec::new(),
            decision: None,
            over: None,
            closes: false,
            is_pending: false,
        };
        self.grow(&mut proposal, components);
        proposal
    }

    /// Brings a live proposal up to date, and publishes it when its time has come.
    fn refresh(&self, proposal: &mut Proposal) {
        let now = self.situation.now;
        self.add_evidence(proposal);
        if proposal.state != State::Open {
            return;
        }
        if !proposal.is_edited {
            proposal.draft = self.draft(proposal);
        }
        let rules: Vec<_> = proposal.measured.keys().map(|id| self.rule(*id)).collect();
        let is_auto = rules.iter().all(|rule| rule.mode == Mode::Auto);
        let veto = rules.iter().map(|rule| rule.veto).max().unwrap_or_default();
        proposal.publish_at =
            is_auto.then(|| proposal.opened.saturating_add(veto).unwrap_or(Timestamp::MAX));
        let is_bad = |id: &ComponentId| matches!(self.condition(*id), Condition::Bad(..));
        let is_quiet = |id: &ComponentId| self.silenced.contains(id);
        let components = || proposal.measured.keys();
        if proposal.publish_at.is_some_and(|at| at <= now)
            && components().any(is_bad)
            && !components().any(is_quiet)
        {
            proposal.closes = rules.iter().all(|rule| rule.close);
            proposal.state = State::Published;
            proposal.is_pending = true;
            let decision = Decision { by: RULE.to_owned(), at: now, note: String::new() };
            proposal.decision = Some(decision);
        }
    }

    /// What speaks for it now, beside what did before.
    fn add_evidence(&self, proposal: &mut Proposal) {
        let touches = |measure: &&Measure| {
            let mut components = self.situation.book.components.values();
            measure.is_bad
                && components.any(|one| {
                    proposal.measured.contains_key(&one.id) && measure.components.fits(one)
                })
        };
        for measure in self.situation.measures.iter().filter(touches) {
            let new = Evidence::of(measure);
            let same = |old: &&mut Evidence| old.source == new.source && old.key == new.key;
            if let Some(old) = proposal.evidence.iter_mut().find(same) {
                *old = new;
            } else if proposal.evidence.len() < MOST_EVIDENCE {
                proposal.evidence.push(new);
            }
        }
    }

    /// Made of names of components, of labels and of the operator's words; of nothing else.
    fn draft(&self, proposal: &Proposal) -> Draft {
        let (label, value) = proposal.scope.split_once('=').unwrap_or_default();
        let touched =
            || proposal.measured.keys().filter_map(|id| self.situation.book.components.get(id));
        // Where everybody may read it, what only some may see is not named.
        let is_public = touched().any(|one| one.audiences.is_empty());
        let named = touched().filter(|one| !is_public || one.audiences.is_empty());
        let names: Vec<_> = named.map(|one| one.title()).collect();
        let what = if label == "component" { names.join(", ") } else { value.to_owned() };
        let words = &self.situation.detection.draft;
        let text = words.text.replace("{what}", &what);
        Draft {
            name: words.name.replace("{what}", &what),
            text: if label == "component" {
                text
            } else {
                format!("{text} ({})", names.join(", "))
            },
            affects: proposal.measured.clone(),
        }
    }
}

/// How all components are that any monitor speaks of.
pub(super) fn conditions(
    situation: &Situation<'_>,
    rules: &BTreeMap<ComponentId, Rule>,
) -> BTreeMap<ComponentId, Condition> {
    let mut conditions = BTreeMap::new();
    for component in situation.book.components.values() {
        let Some(rule) = rules.get(&component.id) else { continue };
        let said = situation.measures.iter().filter(|one| one.components.fits(component));
        let condition = said.fold(None, |worst, measure| {
            let next = match measure.opinion(rule, situation.now) {
                Opinion::Bad => Condition::Bad(measure.severity, measure.since),
                Opinion::Unsettled => Condition::Unsettled,
                Opinion::Well => Condition::Well,
            };
            Some(worst.map_or(next, |worst| worse(worst, next)))
        });
        if let Some(condition) = condition {
            conditions.insert(component.id, condition);
        }
    }
    conditions
}

fn worse(one: Condition, other: Condition) -> Condition {
    match (one, other) {
        (Condition::Bad(a, since), Condition::Bad(b, before)) => {
            Condition::Bad(a.max(b), since.min(before))
        }
        (bad @ Condition::Bad(..), _) | (_, bad @ Condition::Bad(..)) => bad,
        (Condition::Unsettled, _) | (_, Condition::Unsettled) => Condition::Unsettled,
        _ => Condition::Well,
    }
}

#[cfg(test)]
mod tests;
