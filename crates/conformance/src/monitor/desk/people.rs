//! Accounts that people make themselves.

use lotse_store::audit::{Deed, DeedOutcome};
use serde_json::json;

use super::Monitor;
use crate::monitor::account::Account;
use crate::monitor::refusal::Refusal;
use crate::monitor::signature::PublicKey;
use crate::monitor::store;

impl Monitor {
    /// Writes an account of a person. Says whether its name is theirs; a new one must be free.
    pub(crate) async fn put_account(
        &self,
        account: &Account,
        action: &str,
        new: bool,
    ) -> Result<bool, Refusal> {
        let mut transaction = self.store().begin("change a subject").await?;
        store::advance(&mut transaction).await?;
        if new && store::has_account(&mut transaction, &account.name).await? {
            return Ok(false);
        }
        if !store::put_account(&mut transaction, account, self.now()).await? {
            return Ok(false);
        }
        transaction.record(self.deed(account, action));
        transaction.commit().await?;
        Ok(true)
    }

    /// Removes an account of a person; its results stay until they expire.
    pub(crate) async fn remove_account(&self, account: &Account) -> Result<(), Refusal> {
        let mut transaction = self.store().begin("remove a subject").await?;
        store::advance(&mut transaction).await?;
        store::delete_account(&mut transaction, account).await?;
        transaction.record(self.deed(account, "conformance.subject.remove"));
        Ok(transaction.commit().await?)
    }

    fn deed(&self, account: &Account, action: &str) -> Deed {
        Deed {
            at: self.now(),
            actor: account.owner.clone().unwrap_or_default(),
            action: action.to_owned(),
            object: account.name.clone(),
            outcome: DeedOutcome::Done,
            request_ids: Vec::new(),
            detail: json!({
                "keys": account.keys.iter().map(PublicKey::fingerprint).collect::<Vec<_>>(),
                "delegates": account.delegates,
            }),
        }
    }
}
