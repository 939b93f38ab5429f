//! Memberships: who is in which project, in which role.
//!
//! Called by the engine, which knows who may change what. Invariant: a project with members has an owner. The schema
//! keeps it by itself: each row names an owner of its project by a foreign key. The functions here move those
//! references before an owner goes, and say [`Error::LastOwner`] where there is nobody to move them to.

use codecourier_domain::email::EmailAddress;
use codecourier_domain::id::{ProjectId, UserId};
use codecourier_domain::member::MemberRole;
use codecourier_domain::time::Timestamp;

use crate::error::{Error, Result};
use crate::page::{Page, PageCursor};
use crate::read::Reader;
use crate::sql::{Row, sql};
use crate::writer::Tx;

/// A person in a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The project.
    pub project: ProjectId,
    /// The person.
    pub user: UserId,
    /// What they may do.
    pub role: MemberRole,
    /// Since when they are in it.
    pub joined_at: Timestamp,
}

/// A person in a project, with what the others see of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// What they are in it.
    pub membership: Membership,
    /// Their name.
    pub name: String,
    /// Their address.
    pub email: Option<EmailAddress>,
}

macro_rules! select_membership {
    ($rest:literal) => {
        concat!("SELECT project, user_id, role, joined_at FROM membership ", $rest)
    };
}

impl Tx {
    /// Adds a person to a project. Fails with [`Error::Taken`] if they are in it, and with [`Error::LastOwner`] if the
    /// first one would not be an owner.
    pub async fn insert_member(&mut self, membership: &Membership) -> Result<()> {
        let Membership {
            project,
            user,
            role,
            joined_at,
        } = *membership;
        if self.read().membership(project, user).await?.is_some() {
            return Err(Error::Taken { entity: "member" });
        }
        let owner = match role {
            MemberRole::Owner => user,
            MemberRole::Admin | MemberRole::Member => self.other_owner(project, user).await?.ok_or(Error::LastOwner)?,
        };
        let statement = sql(
            "INSERT INTO membership (project, user_id, role, joined_at, owner, owner_role) \
             VALUES ($1, $2, $3, $4, $5, 'owner')",
        )
        .bind(project)
        .bind(user)
        .bind(role.as_str())
        .bind(joined_at)
        .bind(owner);
        self.execute("add a member", statement).await.map(drop)
    }

    /// Gives a member another role, and says which one they had. Fails with [`Error::LastOwner`] if nobody else is an
    /// owner.
    pub async fn set_member_role(&mut self, project: ProjectId, user: UserId, role: MemberRole) -> Result<MemberRole> {
        let before = self.member(project, user).await?.role;
        if before == MemberRole::Owner && role != MemberRole::Owner {
            let heir = self.other_owner(project, user).await?.ok_or(Error::LastOwner)?;
            self.move_references(project, user, heir).await?;
        }
        let statement = sql("UPDATE membership SET role = $3 WHERE project = $1 AND user_id = $2")
            .bind(project)
            .bind(user)
            .bind(role.as_str());
        self.execute("change a member's role", statement).await?;
        Ok(before)
    }

    /// Removes a person from a project, and says what they were. Fails with [`Error::LastOwner`] if they are the only
    /// owner and not alone; the only member may go.
    pub async fn delete_member(&mut self, project: ProjectId, user: UserId) -> Result<Membership> {
        let membership = self.member(project, user).await?;
        if membership.role == MemberRole::Owner {
            match self.other_owner(project, user).await? {
                Some(heir) => self.move_references(project, user, heir).await?,
                None if self.read().has_other_members(project, user).await? => return Err(Error::LastOwner),
                None => {}
            }
        }
        let statement = sql("DELETE FROM membership WHERE project = $1 AND user_id = $2")
            .bind(project)
            .bind(user);
        self.execute("remove a member", statement).await?;
        let statement = sql("DELETE FROM last_project WHERE user_id = $2 AND project = $1")
            .bind(project)
            .bind(user);
        self.execute("forget a last project", statement).await?;
        Ok(membership)
    }

    async fn member(&mut self, project: ProjectId, user: UserId) -> Result<Membership> {
        let found = self.read().membership(project, user).await?;
        found.ok_or(Error::NotFound { entity: "member" })
    }

    async fn other_owner(&mut self, project: ProjectId, user: UserId) -> Result<Option<UserId>> {
        let statement = sql("SELECT user_id FROM membership \
             WHERE project = $1 AND role = 'owner' AND user_id <> $2 ORDER BY user_id LIMIT 1")
        .bind(project)
        .bind(user);
        let row = self.fetch_optional("find another owner", statement).await?;
        row.map(|row| row.parsed(0)).transpose()
    }

    /// Lets every row that names one owner name another one.
    async fn move_references(&mut self, project: ProjectId, from: UserId, to: UserId) -> Result<()> {
        let statement = sql("UPDATE membership SET owner = $3 WHERE project = $1 AND owner = $2")
            .bind(project)
            .bind(from)
            .bind(to);
        self.execute("name another owner", statement).await.map(drop)
    }
}

impl Reader<'_> {
    /// What a person is in a project, if anything. Says nothing of whether the project was deleted.
    pub async fn membership(&mut self, project: ProjectId, user: UserId) -> Result<Option<Membership>> {
        let statement = sql(select_membership!("WHERE project = $1 AND user_id = $2"))
            .bind(project)
            .bind(user);
        self.fetch_optional("read a membership", statement)
            .await?
            .map(|row| membership(&row))
            .transpose()
    }

    /// A page of a project's members, the newest first.
    pub async fn members(
        &mut self,
        project: ProjectId,
        after: Option<PageCursor<UserId>>,
        limit: u32,
    ) -> Result<Page<Member, UserId>> {
        let (at, user) = after.map_or((Timestamp(i64::MAX), String::new()), |after| {
            (after.at, after.id.to_string())
        });
        let statement = sql(
            "SELECT m.project, m.user_id, m.role, m.joined_at, a.name, a.email FROM membership m \
             JOIN account a ON a.id = m.user_id \
             WHERE m.project = $1 AND (m.joined_at, m.user_id) < ($2, $3) \
             ORDER BY m.joined_at DESC, m.user_id DESC LIMIT $4",
        )
        .bind(project)
        .bind(at)
        .bind(user)
        .bind(i64::from(limit) + 1);
        let rows = self.fetch_all("list the members", statement).await?;
        let members = rows.iter().map(member).collect::<Result<Vec<_>>>()?;
        Ok(Page::cut(members, limit, |member| PageCursor {
            at: member.membership.joined_at,
            id: member.membership.user,
        }))
    }

    /// One member of a project.
    pub async fn project_member(&mut self, project: ProjectId, user: UserId) -> Result<Option<Member>> {
        let statement = sql(
            "SELECT m.project, m.user_id, m.role, m.joined_at, a.name, a.email FROM membership m \
             JOIN account a ON a.id = m.user_id WHERE m.project = $1 AND m.user_id = $2",
        )
        .bind(project)
        .bind(user);
        let row = self.fetch_optional("read a member", statement).await?;
        row.map(|row| member(&row)).transpose()
    }

    /// A page of a project's memberships alone, the newest first.
    pub async fn memberships(
        &mut self,
        project: ProjectId,
        after: Option<PageCursor<UserId>>,
        limit: u32,
    ) -> Result<Page<Membership, UserId>> {
        let (at, user) = after.map_or((Timestamp(i64::MAX), String::new()), |after| {
            (after.at, after.id.to_string())
        });
        let statement = sql(select_membership!(
            "WHERE project = $1 AND (joined_at, user_id) < ($2, $3) ORDER BY joined_at DESC, user_id DESC LIMIT $4"
        ))
        .bind(project)
        .bind(at)
        .bind(user)
        .bind(i64::from(limit) + 1);
        let rows = self.fetch_all("list the memberships", statement).await?;
        let members = rows.iter().map(membership).collect::<Result<Vec<_>>>()?;
        Ok(Page::cut(members, limit, |member| PageCursor {
            at: member.joined_at,
            id: member.user,
        }))
    }

    /// Every membership of a person, those in deleted projects too.
    pub async fn memberships_of(&mut self, user: UserId) -> Result<Vec<Membership>> {
        let statement = sql(select_membership!("WHERE user_id = $1 ORDER BY project")).bind(user);
        let rows = self.fetch_all("list a person's memberships", statement).await?;
        rows.iter().map(membership).collect()
    }

    /// Who comes after a person in a project: another owner, else the admin who joined first, else the member who did.
    pub async fn heir(&mut self, project: ProjectId, user: UserId) -> Result<Option<Membership>> {
        let statement = sql(select_membership!(
            "WHERE project = $1 AND user_id <> $2 \
             ORDER BY CASE role WHEN 'owner' THEN 0 WHEN 'admin' THEN 1 ELSE 2 END, joined_at, user_id LIMIT 1"
        ))
        .bind(project)
        .bind(user);
        self.fetch_optional("find an heir", statement)
            .await?
            .map(|row| membership(&row))
            .transpose()
    }

    /// Whether anybody else is in the project.
    pub async fn has_other_members(&mut self, project: ProjectId, user: UserId) -> Result<bool> {
        let statement = sql("SELECT user_id FROM membership WHERE project = $1 AND user_id <> $2 LIMIT 1")
            .bind(project)
            .bind(user);
        Ok(self
            .fetch_optional("look for other members", statement)
            .await?
            .is_some())
    }
}

fn member(row: &Row) -> Result<Member> {
    Ok(Member {
        membership: membership(row)?,
        name: row.text(4)?,
        email: row.optional_parsed(5)?,
    })
}

fn membership(row: &Row) -> Result<Membership> {
    Ok(Membership {
        project: row.parsed(0)?,
        user: row.parsed(1)?,
        role: row.parsed(2)?,
        joined_at: row.time(3)?,
    })
}
