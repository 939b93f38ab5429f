//! Who may do what in a project: three roles, each of which includes the one below.
//!
//! Invariant: every rule about roles that needs no database is a function here, so that it can be read and tested in one
//! place. That a project always has an owner is the database's to keep.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The role of a member of a project. Ordered: a greater one may do everything a lesser one may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemberRole {
    /// Sees and uses everything but the settings.
    Member,
    /// Also settings, keys, members, budgets, and deleting what is shared.
    Admin,
    /// Also the roles of admins and owners, and the end of the project.
    Owner,
}

/// A word that names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a role is `owner`, `admin` or `member`")]
pub struct UnknownMemberRole;

impl MemberRole {
    /// Every role, least first.
    pub const ALL: [Self; 3] = [Self::Member, Self::Admin, Self::Owner];

    /// The word in data.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// Whether this role includes another.
    #[must_use]
    pub fn includes(self, other: Self) -> bool {
        self >= other
    }

    /// Whether someone with this role may give `to` to a member who has `from`. Admins handle members and admins-to-be
    /// below them; only owners touch admins and owners.
    #[must_use]
    pub const fn may_change_role(self, from: Self, to: Self) -> bool {
        match self {
            Self::Member | Self::Admin => matches!((self, from, to), (Self::Admin, Self::Member, Self::Member)),
            Self::Owner => true,
        }
    }

    /// Whether someone with this role may remove a member who has `other`. Leaving is another matter.
    #[must_use]
    pub const fn may_remove(self, other: Self) -> bool {
        match self {
            Self::Member => false,
            Self::Admin => matches!(other, Self::Member),
            Self::Owner => true,
        }
    }

    /// Whether someone with this role may invite people with a role. Nobody is invited as owner.
    #[must_use]
    pub const fn may_invite_as(self, invited: Self) -> bool {
        match self {
            Self::Member => false,
            Self::Admin | Self::Owner => !matches!(invited, Self::Owner),
        }
    }
}

impl FromStr for MemberRole {
    type Err = UnknownMemberRole;

    fn from_str(text: &str) -> Result<Self, UnknownMemberRole> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or(UnknownMemberRole)
    }
}

impl fmt::Display for MemberRole {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_includes_the_one_below() {
        assert!(MemberRole::Owner.includes(MemberRole::Admin));
        assert!(MemberRole::Admin.includes(MemberRole::Member));
        assert!(!MemberRole::Member.includes(MemberRole::Admin));
        for role in MemberRole::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
    }

    #[test]
    fn only_owners_touch_admins_and_owners() {
        use MemberRole::{Admin, Member, Owner};
        for from in MemberRole::ALL {
            for to in MemberRole::ALL {
                assert!(Owner.may_change_role(from, to));
                assert!(!Member.may_change_role(from, to));
                assert_eq!(Admin.may_change_role(from, to), from == Member && to == Member);
            }
        }
        assert!(Owner.may_remove(Owner) && Admin.may_remove(Member));
        assert!(!Admin.may_remove(Admin) && !Admin.may_remove(Owner) && !Member.may_remove(Member));
        assert!(Admin.may_invite_as(Admin) && !Owner.may_invite_as(Owner) && !Member.may_invite_as(Member));
    }
}
