//! `lotse status incident|maintenance`: what people report from a terminal.

use std::sync::Arc;

use jiff::Timestamp;
use lotse_core::error::ExitCode;
use lotse_core::id::{ComponentId, IncidentId};
use lotse_status::book::{Book, Case};
use lotse_status::command::{Command, IncidentFields, Notice, Outcome, UpdateFields};
use lotse_status::detect::remembered;
use lotse_status::extra::Template;
use lotse_status::model::{Impact, MAINTENANCE, PhaseRef};
use lotse_status::{Desk, Error};
use serde_json::{Value, json};

use super::shape::impact_type_of;
use crate::cli::status_report::{
    ChangeArguments, CloseArguments, CorrectArguments, IncidentCommand, Kept, ListArguments,
    MaintenanceCommand, OneArguments, OpenArguments, PlanArguments, UpdateArguments,
};
use crate::daemon::{self, clock};
use crate::failure::{CommandResult, Failure};
use crate::output;
use crate::settings::status::store_url;
use crate::settings::{Environment, Globals};

/// How badly a component is touched when nobody says.
const USUAL: u8 = 50;

/// The page, and who changes it.
pub(super) struct Reporter<'a> {
    pub(super) desk: Desk,
    pub(super) actor: String,
    globals: &'a Globals,
}

impl<'a> Reporter<'a> {
    pub(super) async fn open(
        kept: &Kept,
        globals: &'a Globals,
        environment: &Environment,
    ) -> Result<Self, Failure> {
        let url = store_url(kept.database.as_deref(), globals, environment)?;
        let store = Arc::new(daemon::open_state(&url).await?);
        let desk = Desk::open(store, clock()).await?;
        desk.set_measured(remembered(desk.store(), desk.clock().now()).await?);
        let person = environment.get("USER").unwrap_or("somebody");
        Ok(Self { desk, actor: format!("{person} (command line)"), globals })
    }

    /// The word for who does it in the audit log.
    pub(super) fn actor(&self) -> &str {
        &self.actor
    }

    pub(super) async fn perform(
        &self,
        command: &Command,
        notice: Notice,
    ) -> Result<Outcome, Error> {
        self.desk.perform_with(&self.actor, command, notice).await
    }

    /// Does it and says what was made, or that it is done.
    pub(super) async fn done(&self, command: Command, notice: Notice) -> CommandResult {
        let (value, text) = match self.perform(&command, notice).await? {
            Outcome::Made(id) => (json!({ "id": id }), id.to_string()),
            Outcome::Order(order) => (json!({ "order": order }), format!("update {order}")),
            _ => (json!({ "done": true }), "done".to_owned()),
        };
        self.say(&value, &format!("{text}\n"))
    }

    pub(super) fn say(&self, value: &Value, text: &str) -> CommandResult {
        if self.globals.json() {
            output::json(self.globals, value)?;
        } else {
            output::data(self.globals, text)?;
        }
        Ok(ExitCode::Success)
    }

    async fn open_incident(&self, arguments: OpenArguments) -> CommandResult {
        let snapshot = self.desk.whole();
        let book = snapshot.book();
        let said = !arguments.affects.is_empty() || arguments.template.is_none();
        let affects = || impacts(book, &arguments.affects, arguments.kind.as_ref());
        let fields = IncidentFields {
            affects: said.then(affects).transpose()?,
            name: arguments.name,
            description: arguments.text,
            began: Some(arguments.began.unwrap_or_else(|| self.now())),
            ended: arguments.ended.map(Some),
            phase: phase_of(book, arguments.phase.as_ref())?,
        };
        let fields = match &arguments.template {
            Some(name) => Template::named(book, name)?.incident(book, &fields),
            None => fields,
        };
        let notice = told(arguments.silent);
        self.done(Command::AddIncident(IncidentId::generate(), fields), notice).await
    }

    async fn plan(&self, arguments: PlanArguments) -> CommandResult {
        let fields = IncidentFields {
            name: Some(arguments.name),
            description: arguments.text,
            affects: Some(planned(self.desk.whole().book(), &arguments.affects)?),
            began: Some(arguments.from),
            ended: Some(Some(arguments.until)),
            phase: None,
        };
        let notice = told(arguments.silent);
        self.done(Command::AddIncident(IncidentId::generate(), fields), notice).await
    }

    async fn update(&self, arguments: UpdateArguments) -> CommandResult {
        let id = incident_id(&arguments.id)?;
        if let Some(phase) = phase_of(self.desk.whole().book(), arguments.phase.as_ref())? {
            let fields = IncidentFields { phase: Some(phase), ..IncidentFields::default() };
            // The update itself is the news.
            self.perform(&Command::ChangeIncident(id, fields), Notice::Nobody).await?;
        }
        let UpdateArguments { name, text, silent, template, .. } = arguments;
        let mut fields = UpdateFields { name, description: text, created: None };
        if let Some(name) = template {
            let whole = self.desk.whole();
            fields = Template::named(whole.book(), &name)?.update(whole.book(), id, &fields);
        }
        self.done(Command::AddUpdate(id, fields), told(silent)).await
    }

    async fn change(&self, arguments: ChangeArguments) -> CommandResult {
        let (id, whole) = (incident_id(&arguments.id)?, self.desk.whole());
        let book = whole.book();
        let case = book.cases.get(&id).ok_or_else(|| Error::not_found("incident", id))?;
        let kind = arguments.kind.as_ref();
        let affects = match (arguments.affects.is_empty(), kind) {
            (true, None) => None,
            (true, Some(kind)) => {
                let kind = Some(impact_type_of(book, kind)?);
                let touched = case.incident.affects.iter();
                Some(touched.map(|one| Impact { kind, ..one.clone() }).collect())
            }
            (false, _) if case.incident.is_maintenance() => {
                Some(planned(book, &arguments.affects)?)
            }
            (false, _) => Some(impacts(book, &arguments.affects, kind)?),
        };
        let fields = IncidentFields {
            affects,
            name: arguments.name,
            description: arguments.text,
            began: arguments.began,
            ended: arguments.ended.map(Some),
            phase: phase_of(book, arguments.phase.as_ref())?,
        };
        self.done(Command::ChangeIncident(id, fields), told(arguments.silent)).await
    }

    async fn correct(&self, arguments: CorrectArguments) -> CommandResult {
        let CorrectArguments { id, number, name, text, at, remove, silent, .. } = arguments;
        let id = incident_id(&id)?;
        let command = if remove {
            Command::RemoveUpdate(id, number)
        } else {
            let fields = UpdateFields { name, description: text, created: at };
            Command::ChangeUpdate(id, number, fields)
        };
        self.done(command, told(silent)).await
    }

    async fn remove(&self, arguments: OneArguments) -> CommandResult {
        let command = Command::RemoveIncident(incident_id(&arguments.id)?);
        self.done(command, told(arguments.silent)).await
    }

    async fn close(&self, arguments: CloseArguments) -> CommandResult {
        let phase = phase_of(self.desk.whole().book(), arguments.phase.as_ref())?;
        let ended = Some(Some(arguments.at.unwrap_or_else(|| self.now())));
        let fields = IncidentFields { ended, phase, ..IncidentFields::default() };
        let command = Command::ChangeIncident(incident_id(&arguments.id)?, fields);
        self.done(command, told(arguments.silent)).await
    }

    pub(super) fn now(&self) -> Timestamp {
        self.desk.clock().now()
    }

    /// Incidents, or maintenance, that are not over; or all of them.
    fn list(&self, all: bool, is_planned: bool) -> CommandResult {
        let (snapshot, now) = (self.desk.whole(), self.now());
        let book = snapshot.book();
        let mut cases: Vec<_> = book
            .cases
            .values()
            .filter(|case| case.incident.is_maintenance() == is_planned)
            .filter(|case| all || case.incident.ended.is_none_or(|ended| ended > now))
            .collect();
        cases.sort_by_key(|case| std::cmp::Reverse(case.incident.began));
        let value: Vec<_> = cases.iter().map(|case| summary(book, case)).collect();
        let text: String = cases.iter().map(|case| lines(book, case)).collect();
        if cases.is_empty() {
            output::note(self.globals, "nothing goes on");
        }
        self.say(&Value::Array(value), &text)
    }
}

/// Whether subscribers are told.
pub(super) const fn told(silent: bool) -> Notice {
    if silent { Notice::Nobody } else { Notice::Everybody }
}

/// What is touched, as `COMPONENT[=SEVERITY]` each, and in which way.
fn impacts(book: &Book, said: &[String], kind: Option<&String>) -> Result<Vec<Impact>, Error> {
    let kind = kind.map(|kind| impact_type_of(book, kind)).transpose()?;
    said.iter().map(|text| Ok(Impact { kind, ..impact(book, text)? })).collect()
}

/// What planned work touches.
fn planned(book: &Book, said: &[String]) -> Result<Vec<Impact>, Error> {
    let impact = |name: &String| {
        let component = component_of(book, name)?;
        Ok(Impact { component, kind: None, severity: Some(MAINTENANCE) })
    };
    said.iter().map(impact).collect()
}

/// `COMPONENT[=SEVERITY]`.
pub(super) fn impact(book: &Book, text: &str) -> Result<Impact, Error> {
    let wrong = |reason| Error::invalid("--affects", reason);
    let (name, severity) = match text.rsplit_once('=') {
        Some((name, severity)) => {
            let number = severity.parse();
            let reason = || wrong(format!("{severity:?} is no severity from 1 to 100"));
            (name, number.map_err(|_| reason())?)
        }
        None => (text, USUAL),
    };
    if severity == MAINTENANCE || severity > 100 {
        return Err(wrong("a severity from 1 to 100 is needed".to_owned()));
    }
    let component = component_of(book, name)?;
    Ok(Impact { component, kind: None, severity: Some(severity) })
}

/// The component of this id or name.
pub(super) fn component_of(book: &Book, text: &str) -> Result<ComponentId, Error> {
    if let Ok(id) = text.parse()
        && book.components.contains_key(&id)
    {
        return Ok(id);
    }
    let named: Vec<_> =
        book.components.values().filter(|one| one.name.as_deref() == Some(text)).collect();
    match named.as_slice() {
        [one] => Ok(one.id),
        [] => Err(Error::not_found("component", text)),
        _ => {
            let reason = format!("several components are called {text:?}: give an id");
            Err(Error::invalid("component", reason))
        }
    }
}

fn phase_of(book: &Book, name: Option<&String>) -> Result<Option<PhaseRef>, Error> {
    let Some(name) = name else { return Ok(None) };
    let (generation, names) = book.newest_phases();
    let place = names.iter().position(|known| known == name);
    let order = place.and_then(|place| u32::try_from(place).ok());
    let order = order.ok_or_else(|| Error::not_found("phase", name))?;
    Ok(Some(PhaseRef { generation, order }))
}

pub(super) fn incident_id(text: &str) -> Result<IncidentId, Error> {
    text.parse().map_err(|_| Error::invalid("ID", format!("{text:?} is no UUID")))
}

fn summary(book: &Book, case: &Case) -> Value {
    let incident = &case.incident;
    json!({
        "id": incident.id, "name": incident.title(), "began": incident.began,
        "ended": incident.ended, "severity": incident.severity(),
        "phase": incident.phase.and_then(|phase| book.phase_name(phase)),
        "components": touched(book, case), "updates": case.updates.len(),
    })
}

fn touched(book: &Book, case: &Case) -> Vec<String> {
    let impacts = case.incident.affects.iter();
    impacts.filter_map(|one| Some(book.components.get(&one.component)?.title())).collect()
}

/// Two lines: what is needed to find it, and what it is about.
fn lines(book: &Book, case: &Case) -> String {
    let incident = &case.incident;
    let time = |at: Option<Timestamp>, none: &str| {
        at.map_or_else(|| none.to_owned(), |at| format!("{at:.0}"))
    };
    let (began, ended) = (time(incident.began, "unknown"), time(incident.ended, "open"));
    let (touched, updates) = (touched(book, case).join(", "), case.updates.len());
    format!(
        "{}  {began} – {ended}\n    {}; touches: {touched}; updates: {updates}\n",
        incident.id,
        incident.title()
    )
}

/// Runs a command about incidents.
pub(super) async fn incident(
    command: IncidentCommand,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let kept = match &command {
        IncidentCommand::Open(OpenArguments { kept, .. })
        | IncidentCommand::Change(ChangeArguments { kept, .. })
        | IncidentCommand::Update(UpdateArguments { kept, .. })
        | IncidentCommand::Correct(CorrectArguments { kept, .. })
        | IncidentCommand::Close(CloseArguments { kept, .. })
        | IncidentCommand::Reopen(OneArguments { kept, .. })
        | IncidentCommand::Remove(OneArguments { kept, .. })
        | IncidentCommand::List(ListArguments { kept, .. }) => kept,
    };
    let reporter = Reporter::open(kept, globals, environment).await?;
    match command {
        IncidentCommand::Open(arguments) => reporter.open_incident(arguments).await,
        IncidentCommand::Change(arguments) => reporter.change(arguments).await,
        IncidentCommand::Update(arguments) => reporter.update(arguments).await,
        IncidentCommand::Correct(arguments) => reporter.correct(arguments).await,
        IncidentCommand::Close(arguments) => reporter.close(arguments).await,
        IncidentCommand::Reopen(arguments) => {
            let fields = IncidentFields { ended: Some(None), ..IncidentFields::default() };
            let command = Command::ChangeIncident(incident_id(&arguments.id)?, fields);
            reporter.done(command, told(arguments.silent)).await
        }
        IncidentCommand::Remove(arguments) => reporter.remove(arguments).await,
        IncidentCommand::List(arguments) => reporter.list(arguments.all, false),
    }
}

/// Runs a command about maintenance.
pub(super) async fn maintenance(
    command: MaintenanceCommand,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let kept = match &command {
        MaintenanceCommand::Plan(PlanArguments { kept, .. })
        | MaintenanceCommand::Change(ChangeArguments { kept, .. })
        | MaintenanceCommand::Remove(OneArguments { kept, .. })
        | MaintenanceCommand::List(ListArguments { kept, .. }) => kept,
    };
    let reporter = Reporter::open(kept, globals, environment).await?;
    match command {
        MaintenanceCommand::Plan(arguments) => reporter.plan(arguments).await,
        MaintenanceCommand::Change(arguments) => reporter.change(arguments).await,
        MaintenanceCommand::Remove(arguments) => reporter.remove(arguments).await,
        MaintenanceCommand::List(arguments) => reporter.list(arguments.all, true),
    }
}
