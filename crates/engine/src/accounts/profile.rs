//! A person's account as they see it, and the name that others see.

use codecourier_domain::text::DisplayName;
use codecourier_store::accounts::Account;
use codecourier_store::changes::ChangeOp;

use super::password::gone;
use super::sessions::tell;
use super::{AccountView, Accounts};
use crate::access::Person;
use crate::error::Error;

impl Accounts {
    /// The account of a person.
    pub async fn get(&self, person: &Person) -> Result<AccountView, Error> {
        Ok(self.account_of(person).await?.into())
    }

    /// Gives a person another name.
    pub async fn rename(&self, person: &Person, name: DisplayName) -> Result<AccountView, Error> {
        let (user, now) = (person.user, self.engine.clock.now());
        let write = self.engine.store.write_with(move |tx| {
            Box::pin(async move {
                let account = tx.read().account(user).await?;
                account
                    .filter(|account| account.deleted_at.is_none())
                    .ok_or_else(gone)?;
                tx.rename_account(user, name.as_str(), now).await?;
                tell(tx, user, ("account", user.to_string()), ChangeOp::Put, now).await?;
                tx.read().account(user).await?.ok_or_else(gone)
            })
        });
        Ok(write.await?.into())
    }

    pub(super) async fn account_of(&self, person: &Person) -> Result<Account, Error> {
        let account = self.engine.store.read().await?.account(person.user).await?;
        account.filter(|account| account.deleted_at.is_none()).ok_or_else(gone)
    }
}
