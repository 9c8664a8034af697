//! Accounts: whose clouds reports are about, and who may send them.

use std::collections::BTreeMap;

use lotse_core::secret::{ExposeSecret, SecretString};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::config::{AccountConfig, AccountRole};
use super::signature::PublicKey;

/// The shortest password of the configuration, in characters: sums of shorter ones could be guessed.
const SHORTEST_PASSWORD: usize = 16;
/// Keys and passwords of one account.
pub(crate) const MOST_KEYS: usize = 16;

/// Whether this can be the name of an account.
pub fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=64).contains(&text.len()) && text.bytes().all(fits)
}

/// What an account may do besides sending reports about itself.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Rights {
    /// Read everybody's reports and results.
    pub read_any: bool,
    /// Send reports about those who name it as delegate.
    pub append_any: bool,
    /// Approve results.
    pub approve: bool,
}

impl Rights {
    fn of(roles: &[AccountRole]) -> Self {
        let has = |role| roles.contains(&role) || roles.contains(&AccountRole::Admin);
        Self {
            read_any: has(AccountRole::ReadAny),
            append_any: has(AccountRole::AppendAny),
            approve: has(AccountRole::Approve),
        }
    }
}

/// Somebody whose cloud reports are about, or who sends reports.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// The group whose worst member is shown.
    pub group: Option<String>,
    /// The keys that sign its reports.
    pub keys: Vec<PublicKey>,
    /// Sums of its passwords.
    pub secrets: Vec<Secret>,
    /// Who may send reports about it.
    pub delegates: Vec<String>,
    /// What else it may do.
    pub rights: Rights,
    /// Who made it in the console; `None` for those of the configuration.
    pub owner: Option<String>,
}

/// The sum of a password: SHA-256, because passwords are long or of our own making.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Secret([u8; 32]);

impl Secret {
    /// The sum of a password.
    pub fn of(password: &str) -> Self {
        let mut sum = [0; 32];
        sum.copy_from_slice(digest(&SHA256, password.as_bytes()).as_ref());
        Self(sum)
    }
}

impl Account {
    /// An account of the configuration.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn declared(
        config: &AccountConfig,
        password: Option<&SecretString>,
    ) -> Result<Self, String> {
        let name = &config.subject;
        let wrong = |reason: &str| format!("the account {name:?}: {reason}");
        for name in std::iter::once(name).chain(&config.group).chain(&config.delegates) {
            if !is_name(name) {
                return Err(wrong("names have letters, digits, _ and -, at most 64"));
            }
        }
        let keys = config.keys.iter().map(|line| PublicKey::parse(line));
        let keys = keys.collect::<Result<_, _>>().map_err(wrong)?;
        let password = password.map(SecretString::expose_secret);
        if password.is_some_and(|password| password.chars().count() < SHORTEST_PASSWORD) {
            return Err(wrong("its password has less than 16 characters"));
        }
        Ok(Self {
            name: name.clone(),
            group: config.group.clone(),
            keys,
            secrets: password.map(Secret::of).into_iter().collect(),
            delegates: config.delegates.clone(),
            rights: Rights::of(&config.roles),
            owner: None,
        })
    }

    /// Whether this is its password. Sums are compared: how far they agree says nothing about it.
    pub fn has_password(&self, password: &str) -> bool {
        self.secrets.contains(&Secret::of(password))
    }

    /// What is kept of it in the state.
    pub(crate) fn document(&self) -> Document {
        Document {
            group: self.group.clone(),
            keys: self.keys.iter().map(PublicKey::line).collect(),
            secrets: self.secrets.iter().map(|secret| hex::encode(secret.0)).collect(),
            delegates: self.delegates.clone(),
        }
    }

    /// What [`Self::document`] kept; keys that this version cannot read are left out.
    pub(crate) fn of_document(name: String, owner: String, document: &Document) -> Self {
        let secret = |text: &String| Some(Secret(hex::decode(text).ok()?.try_into().ok()?));
        Self {
            name,
            group: document.group.clone(),
            keys: document.keys.iter().filter_map(|line| PublicKey::parse(line).ok()).collect(),
            secrets: document.secrets.iter().filter_map(secret).collect(),
            delegates: document.delegates.clone(),
            rights: Rights::default(),
            owner: Some(owner),
        }
    }
}

/// An account as it is kept.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Document {
    group: Option<String>,
    keys: Vec<String>,
    secrets: Vec<String>,
    delegates: Vec<String>,
}

/// Accounts by name. Those of the configuration come before those of the state.
pub type Accounts = BTreeMap<String, Account>;

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> AccountConfig {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn admin_has_every_right_and_the_others_only_their_own() {
        let of = |roles: &str| {
            let config = config(&format!(r#"{{"subject":"a","roles":{roles}}}"#));
            Account::declared(&config, None).unwrap().rights
        };
        assert_eq!(of("[]"), Rights::default());
        assert_eq!(of("[\"append_any\"]"), Rights { append_any: true, ..Rights::default() });
        assert_eq!(of("[\"admin\"]"), Rights { read_any: true, append_any: true, approve: true });
    }

    #[test]
    fn what_cannot_be_an_account_is_refused_with_the_reason() {
        for (text, password, word) in [
            (r#"{"subject":"a b"}"#, None, "names"),
            (r#"{"subject":"a","group":""}"#, None, "names"),
            (r#"{"subject":"a","keys":["ssh-ed25519 AAAA"]}"#, None, "type"),
            (r#"{"subject":"a"}"#, Some("short"), "16"),
        ] {
            let password = password.map(SecretString::from);
            let refused = Account::declared(&config(text), password.as_ref()).unwrap_err();
            assert!(refused.contains(word), "{refused}");
        }
    }

    #[test]
    fn what_is_kept_of_an_account_is_enough_to_know_it_again_and_has_no_password() {
        let mut account =
            Account::declared(&config(r#"{"subject":"a","delegates":["b"]}"#), None).unwrap();
        account.secrets.push(Secret::of("a long password, really"));
        let text = serde_json::to_string(&account.document()).unwrap();
        assert!(!text.contains("long password"));
        let again = serde_json::from_str(&text).unwrap();
        let again = Account::of_document("a".to_owned(), "ada".to_owned(), &again);
        assert!(again.has_password("a long password, really") && !again.has_password(""));
        assert_eq!((again.owner.as_deref(), again.delegates), (Some("ada"), account.delegates));
    }
}
