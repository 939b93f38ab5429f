//! The statements about the outbox.

use codecourier_domain::id::{BootId, MailId};
use codecourier_domain::time::Timestamp;
use uuid::Uuid;

use crate::mails::{MailClaim, MailEnd, MailFence, NewMail};
use crate::sealed::Sealed;
use crate::{Store, StoreConfig, Tx};

const NOW: Timestamp = Timestamp(1);

#[tokio::test]
async fn every_statement_about_mail_finds_its_rows_by_an_index() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(StoreConfig::Sqlite {
        path: directory.path().join("store.db"),
    })
    .await
    .unwrap();
    store.write(|tx| Box::pin(write_mails(tx))).await.unwrap();
    let mut reader = store.read().await.unwrap();
    reader.mail(MailId::from_uuid(Uuid::nil())).await.unwrap();
    reader.waiting_mails(1).await.unwrap();
    reader.ended_mails(1).await.unwrap();
}

fn write_mails(tx: &mut Tx) -> futures::future::BoxFuture<'_, crate::Result<()>> {
    Box::pin(async move {
        let (mail, boot) = (MailId::from_uuid(Uuid::nil()), BootId::from_uuid(Uuid::nil()));
        let sealed = Sealed {
            envelope: String::new(),
            key: String::new(),
        };
        let new = NewMail {
            id: mail,
            kind: "",
            user: None,
            sealed: sealed.clone(),
            at: NOW,
            expires_at: NOW.plus_milliseconds(1),
        };
        tx.insert_mail(&new).await?;
        let claim = MailClaim {
            owner: boot,
            limit: 1,
            now: NOW,
            lease_until: NOW,
        };
        tx.claim_mails(claim).await?;
        let fence = MailFence { mail, attempt: 1 };
        tx.rewrite_mail(fence, None, &sealed).await?;
        tx.retry_mail(fence, NOW, "").await?;
        tx.void_mail_holds(boot, "one").await?;
        tx.expire_mails(NOW, 1).await?;
        tx.sweep_mails(NOW, 1).await?;
        let fence = tx.claim_mails(claim).await?.mails[0].fence;
        tx.end_mail(fence, &MailEnd::Sent, NOW).await
    })
}
