//! Subjects that people make themselves: keys, passwords, delegates.
//!
//! Who made a subject is its owner, and sees and changes no other one. A password is made here, shown
//! once and kept as a sum. Each change is in the audit log.

use askama::Template;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use lotse_web::access::Access;
use lotse_web::console::Console;
use lotse_web::extension::Route;
use lotse_web::problem::Problem;
use lotse_web::{Layout, page};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::Deserialize;

use super::CONFORMANCE_SUBJECT;
use crate::monitor::account::{Account, MOST_KEYS, Secret, is_name};
use crate::monitor::desk::Monitor;
use crate::monitor::signature::PublicKey;

/// Subjects of one person.
const MOST: usize = 50;
/// Passwords of one subject: the newest, and the one before it while programs change over.
const PASSWORDS: usize = 2;

pub(super) fn routes(monitor: &Monitor) -> Vec<Route> {
    let personal = Access::Personal(&CONFORMANCE_SUBJECT);
    vec![
        Route::get("/conformance/subjects", personal, monitor.clone(), list),
        Route::post("/conformance/subjects", personal, monitor.clone(), make),
        Route::post("/conformance/subjects/change", personal, monitor.clone(), change),
    ]
}

/// A password that is shown once.
struct Fresh {
    subject: String,
    password: String,
    basic: String,
}

struct One {
    name: String,
    passwords: String,
    keys: Vec<(String, String)>,
    delegates: Vec<String>,
}

#[derive(Template)]
#[template(path = "conformance_subjects.html")]
struct Shown {
    layout: Layout,
    fresh: Option<Fresh>,
    subjects: Vec<One>,
}

async fn own(monitor: &Monitor, person: &str) -> Result<Vec<Account>, Problem> {
    let view = super::view(monitor).await?;
    let own = view.accounts.values().filter(|one| one.owner.as_deref() == Some(person));
    Ok(own.cloned().collect())
}

async fn shown(
    monitor: &Monitor,
    console: &Console,
    fresh: Option<Fresh>,
) -> Result<Response, Problem> {
    let subjects = own(monitor, console.person()?).await?.into_iter().map(|account| One {
        passwords: match account.secrets.len() {
            0 => "It has no password.".to_owned(),
            1 => "It has a password.".to_owned(),
            _ => "It has a password, and the one before it still works.".to_owned(),
        },
        keys: account.keys.iter().map(|key| (key.fingerprint(), key.line())).collect(),
        delegates: account.delegates,
        name: account.name,
    });
    let subjects = subjects.collect();
    let response = page(&Shown { layout: console.layout("Your subjects"), fresh, subjects });
    Ok(response)
}

async fn list(State(monitor): State<Monitor>, console: Console) -> Result<Response, Problem> {
    shown(&monitor, &console, None).await
}

#[derive(Debug, Deserialize)]
struct Named {
    subject: String,
}

/// A secret of 256 random bits.
fn password() -> Result<String, Problem> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "there are no random numbers")
    })?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn fresh(account: &mut Account) -> Result<Fresh, Problem> {
    let password = password()?;
    account.secrets.insert(0, Secret::of(&password));
    account.secrets.truncate(PASSWORDS);
    let subject = account.name.clone();
    Ok(Fresh { basic: STANDARD.encode(format!("{subject}:{password}")), subject, password })
}

fn refused(detail: &str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "this cannot be done").detail(detail)
}

async fn make(
    State(monitor): State<Monitor>,
    console: Console,
    Form(named): Form<Named>,
) -> Result<Response, Problem> {
    let person = console.person()?;
    if !is_name(&named.subject) {
        return Err(refused("a name has letters, digits, _ and -, at most 64 of them"));
    }
    if own(&monitor, person).await?.len() >= MOST {
        return Err(refused("nobody has more than 50 subjects"));
    }
    let taken = || Problem::new(StatusCode::CONFLICT, "the name is taken");
    let view = super::view(&monitor).await?;
    // A name under which somebody reported before is not given away again.
    if view.accounts.contains_key(&named.subject)
        || view.subjects().contains(named.subject.as_str())
    {
        return Err(taken());
    }
    let owner = Some(person.to_owned());
    let mut account = Account { name: named.subject, owner, ..Account::default() };
    let fresh = fresh(&mut account)?;
    if !monitor.put_account(&account, "conformance.subject.make", true).await? {
        return Err(taken());
    }
    shown(&monitor, &console, Some(fresh)).await
}

#[derive(Debug, Deserialize)]
struct Change {
    subject: String,
    deed: String,
    value: String,
}

async fn change(
    State(monitor): State<Monitor>,
    console: Console,
    Form(change): Form<Change>,
) -> Result<Response, Problem> {
    let found = own(&monitor, console.person()?).await?;
    let found = found.into_iter().find(|account| account.name == change.subject);
    let nobody = || Problem::new(StatusCode::NOT_FOUND, "you have no such subject");
    let mut account = found.ok_or_else(nobody)?;
    let mut shown_once = None;
    let action = match change.deed.as_str() {
        "add-key" => {
            let key = PublicKey::parse(&change.value).map_err(refused)?;
            if account.keys.len() >= MOST_KEYS {
                return Err(refused("a subject has at most 16 keys"));
            }
            if !account.keys.contains(&key) {
                account.keys.push(key);
            }
            "conformance.subject.add-key"
        }
        "remove-key" => {
            account.keys.retain(|key| key.fingerprint() != change.value);
            "conformance.subject.remove-key"
        }
        "add-delegate" => {
            if !is_name(&change.value) || account.delegates.len() >= MOST_KEYS {
                return Err(refused("a delegate is the name of an account; there are at most 16"));
            }
            if !account.delegates.contains(&change.value) {
                account.delegates.push(change.value);
            }
            "conformance.subject.add-delegate"
        }
        "remove-delegate" => {
            account.delegates.retain(|name| *name != change.value);
            "conformance.subject.remove-delegate"
        }
        "new-password" => {
            shown_once = Some(fresh(&mut account)?);
            "conformance.subject.new-password"
        }
        "remove" => {
            monitor.remove_account(&account).await?;
            return Ok(Redirect::to("/conformance/subjects").into_response());
        }
        _ => return Err(refused("nobody knows how to do this")),
    };
    if !monitor.put_account(&account, action, false).await? {
        return Err(nobody());
    }
    match shown_once {
        Some(fresh) => shown(&monitor, &console, Some(fresh)).await,
        None => Ok(Redirect::to("/conformance/subjects").into_response()),
    }
}
