//! Invitations: who was asked into a project, by whom, and what came of it.
//!
//! Called by the engine. Invariants: an address has at most one pending invitation into a project; an invitation is
//! reached with its project, or with the address that it went to, and no other way; one that has ended stays as it ended.

use codecourier_domain::actor::Actor;
use codecourier_domain::email::EmailAddress;
use codecourier_domain::id::{InvitationId, ProjectId};
use codecourier_domain::member::MemberRole;
use codecourier_domain::time::Timestamp;

use crate::error::{Error, Result};
use crate::ledger::TokenHash;
use crate::page::{Page, PageCursor};
use crate::read::Reader;
use crate::sql::{Row, sql};
use crate::words::words;
use crate::writer::Tx;

words! {
    /// What has become of an invitation.
    pub InvitationStatus {
        /// It can be accepted.
        Pending = "pending",
        /// The person is in.
        Accepted = "accepted",
        /// The person said no.
        Declined = "declined",
        /// The project took it back.
        Cancelled = "cancelled",
        /// Nobody answered in time.
        Expired = "expired",
    }
}

/// An invitation into a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Its identifier.
    pub id: InvitationId,
    /// Into which project.
    pub project: ProjectId,
    /// Who is invited: whoever has an account with this address, proved.
    pub email: EmailAddress,
    /// As what.
    pub role: MemberRole,
    /// Who invites.
    pub inviter: Actor,
    /// The name of the person who invites, as it is now. Not written: it is the account's.
    pub inviter_name: Option<String>,
    /// What has become of it.
    pub status: InvitationStatus,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it can be accepted.
    pub expires_at: Timestamp,
    /// When it was accepted, declined or cancelled, or its end was noticed.
    pub ended_at: Option<Timestamp>,
}

/// An invitation as the invited person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnInvitation {
    /// The invitation.
    pub invitation: Invitation,
    /// The name of the project.
    pub project_name: String,
    /// The project's slug.
    pub project_slug: String,
}

/// Which of a project's invitations to list.
#[derive(Debug, Clone, Copy)]
pub struct InvitationList {
    /// Only those that can still be accepted at this moment; every one if `None`.
    pub pending_at: Option<Timestamp>,
    /// Where to go on.
    pub after: Option<PageCursor<InvitationId>>,
    /// The most rows to give.
    pub limit: u32,
}

/// The columns that [`invitation`] reads, then others, and the rest of the statement.
macro_rules! select_invitation {
    ($more:literal, $rest:literal) => {
        concat!(
            "SELECT i.id, i.project, i.email, i.role, i.inviter, i.status, i.created_at, i.expires_at, i.ended_at, a.name ",
            $more,
            " FROM invitation i LEFT JOIN account a ON a.id = i.inviter ",
            $rest
        )
    };
}

/// The number of columns that [`invitation`] reads.
const COLUMNS: usize = 10;

impl Tx {
    /// Adds an invitation. Fails with [`Error::Taken`] if the address has a pending one into the project.
    pub async fn insert_invitation(&mut self, invitation: &Invitation) -> Result<()> {
        let statement = sql(
            "INSERT INTO invitation (id, project, email, role, inviter, status, created_at, expires_at, ended_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
             ON CONFLICT (project, email) WHERE status = 'pending' DO NOTHING",
        )
        .bind(invitation.id)
        .bind(invitation.project)
        .bind(invitation.email.as_str())
        .bind(invitation.role.as_str())
        .bind(invitation.inviter.to_string())
        .bind(invitation.status.as_str())
        .bind(invitation.created_at)
        .bind(invitation.expires_at)
        .bind(invitation.ended_at);
        match self.execute("insert an invitation", statement).await? {
            0 => Err(Error::Taken { entity: "invitation" }),
            _ => Ok(()),
        }
    }

    /// Ends a pending invitation. Fails with [`Error::Stale`] if it is not pending any more.
    pub async fn end_invitation(
        &mut self,
        project: ProjectId,
        id: InvitationId,
        status: InvitationStatus,
        at: Timestamp,
    ) -> Result<()> {
        let statement = sql("UPDATE invitation SET status = $3, ended_at = $4 \
             WHERE id = $2 AND project = $1 AND status = 'pending'")
        .bind(project)
        .bind(id)
        .bind(status.as_str())
        .bind(at);
        match self.execute("end an invitation", statement).await? {
            0 => Err(Error::Stale { entity: "invitation" }),
            _ => Ok(()),
        }
    }

    /// Gives a pending invitation a code, in place of the one it had. Fails with [`Error::Stale`] if it is not pending any
    /// more.
    pub async fn set_invitation_code(&mut self, project: ProjectId, id: InvitationId, code: TokenHash) -> Result<()> {
        let statement =
            sql("UPDATE invitation SET code_sha256 = $3 WHERE id = $2 AND project = $1 AND status = 'pending'")
                .bind(project)
                .bind(id)
                .bind(code.text());
        match self.execute("give an invitation a code", statement).await? {
            0 => Err(Error::Stale { entity: "invitation" }),
            _ => Ok(()),
        }
    }

    /// Ends the pending invitations whose time is over, the oldest first, and gives them.
    pub async fn expire_invitations(&mut self, now: Timestamp, limit: u32) -> Result<Vec<Invitation>> {
        let statement = sql(select_invitation!(
            "",
            "WHERE i.status = 'pending' AND i.expires_at <= $1 ORDER BY i.expires_at LIMIT $2"
        ))
        .bind(now)
        .bind(i64::from(limit));
        let rows = self.fetch_all("find invitations to end", statement).await?;
        let mut expired = rows.iter().map(invitation).collect::<Result<Vec<_>>>()?;
        for invitation in &mut expired {
            self.end_invitation(invitation.project, invitation.id, InvitationStatus::Expired, now)
                .await?;
            invitation.status = InvitationStatus::Expired;
            invitation.ended_at = Some(now);
        }
        Ok(expired)
    }
}

impl Reader<'_> {
    /// An invitation into a project.
    pub async fn invitation(&mut self, project: ProjectId, id: InvitationId) -> Result<Option<Invitation>> {
        let statement = sql(select_invitation!("", "WHERE i.project = $1 AND i.id = $2"))
            .bind(project)
            .bind(id);
        let row = self.fetch_optional("read an invitation", statement).await?;
        row.map(|row| invitation(&row)).transpose()
    }

    /// An invitation to an address, into a project that is there.
    pub async fn invitation_to(&mut self, email: &EmailAddress, id: InvitationId) -> Result<Option<OwnInvitation>> {
        let statement = sql(select_invitation!(
            ", p.name, p.slug",
            "JOIN project p ON p.id = i.project AND p.deleted_at IS NULL WHERE i.email = $1 AND i.id = $2"
        ))
        .bind(email.as_str())
        .bind(id);
        let row = self
            .fetch_optional("read an invitation to an address", statement)
            .await?;
        row.map(|row| own(&row)).transpose()
    }

    /// The invitations to an address that can be accepted now, the newest first, at most `limit`.
    pub async fn invitations_to(
        &mut self,
        email: &EmailAddress,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<OwnInvitation>> {
        let statement = sql(select_invitation!(
            ", p.name, p.slug",
            "JOIN project p ON p.id = i.project AND p.deleted_at IS NULL \
             WHERE i.email = $1 AND i.status = 'pending' AND i.expires_at > $2 \
             ORDER BY i.created_at DESC, i.id DESC LIMIT $3"
        ))
        .bind(email.as_str())
        .bind(now)
        .bind(i64::from(limit));
        let rows = self.fetch_all("list the invitations to an address", statement).await?;
        rows.iter().map(own).collect()
    }

    /// A page of a project's invitations, newest first.
    pub async fn invitations(
        &mut self,
        project: ProjectId,
        list: InvitationList,
    ) -> Result<Page<Invitation, InvitationId>> {
        const ALL: &str = select_invitation!(
            "",
            "WHERE i.project = $1 AND (i.created_at, i.id) < ($2, $3) \
             ORDER BY i.created_at DESC, i.id DESC LIMIT $4"
        );
        const PENDING: &str = select_invitation!(
            "",
            "WHERE i.project = $1 AND (i.created_at, i.id) < ($2, $3) AND i.status = 'pending' AND i.expires_at > $5 \
             ORDER BY i.created_at DESC, i.id DESC LIMIT $4"
        );
        let (at, id) = list.after.map_or((Timestamp(i64::MAX), String::new()), |after| {
            (after.at, after.id.to_string())
        });
        let mut statement = sql(if list.pending_at.is_some() { PENDING } else { ALL })
            .bind(project)
            .bind(at)
            .bind(id)
            .bind(i64::from(list.limit) + 1);
        if let Some(now) = list.pending_at {
            statement.push(now);
        }
        let rows = self.fetch_all("list the invitations", statement).await?;
        let invitations = rows.iter().map(invitation).collect::<Result<Vec<_>>>()?;
        Ok(Page::cut(invitations, list.limit, |invitation| PageCursor {
            at: invitation.created_at,
            id: invitation.id,
        }))
    }

    /// Whether an invitation has this code.
    pub async fn is_code_of(&mut self, project: ProjectId, id: InvitationId, code: TokenHash) -> Result<bool> {
        let statement = sql("SELECT i.id FROM invitation i WHERE i.project = $1 AND i.id = $2 AND i.code_sha256 = $3")
            .bind(project)
            .bind(id)
            .bind(code.text());
        Ok(self.fetch_optional("compare a code", statement).await?.is_some())
    }

    /// Whether an address has an invitation with this code that can be accepted now.
    pub async fn is_invited_with(&mut self, email: &EmailAddress, code: TokenHash, now: Timestamp) -> Result<bool> {
        let statement = sql("SELECT i.id FROM invitation i \
             WHERE i.email = $1 AND i.status = 'pending' AND i.expires_at > $3 AND i.code_sha256 = $2 LIMIT 1")
        .bind(email.as_str())
        .bind(code.text())
        .bind(now);
        Ok(self
            .fetch_optional("look for an invitation", statement)
            .await?
            .is_some())
    }

    /// How many invitations into a project can be accepted now.
    pub async fn pending_invitations(&mut self, project: ProjectId, now: Timestamp) -> Result<u64> {
        let statement = sql("SELECT count(*) FROM invitation i \
             WHERE i.project = $1 AND i.status = 'pending' AND i.expires_at > $2")
        .bind(project)
        .bind(now);
        let row = self.fetch_optional("count the pending invitations", statement).await?;
        row.map_or(Ok(0), |row| row.count(0))
    }
}

fn own(row: &Row) -> Result<OwnInvitation> {
    Ok(OwnInvitation {
        invitation: invitation(row)?,
        project_name: row.text(COLUMNS)?,
        project_slug: row.text(COLUMNS + 1)?,
    })
}

fn invitation(row: &Row) -> Result<Invitation> {
    Ok(Invitation {
        id: row.parsed(0)?,
        project: row.parsed(1)?,
        email: row.parsed(2)?,
        role: row.parsed(3)?,
        inviter: row.parsed(4)?,
        inviter_name: row.optional_text(9)?.filter(|name| !name.is_empty()),
        status: row.parsed(5)?,
        created_at: row.time(6)?,
        expires_at: row.time(7)?,
        ended_at: row.optional_time(8)?,
    })
}
