//! Roles as types, for [`super::InProject`].

use codecourier_domain::member::MemberRole;

/// A least role.
pub trait Role: Send + Sync + 'static {
    /// Which.
    const ROLE: MemberRole;
}

/// Every member.
#[derive(Debug, Clone, Copy)]
pub enum Member {}

/// Admins and owners.
#[derive(Debug, Clone, Copy)]
pub enum Admin {}

/// Owners.
#[derive(Debug, Clone, Copy)]
pub enum Owner {}

impl Role for Member {
    const ROLE: MemberRole = MemberRole::Member;
}

impl Role for Admin {
    const ROLE: MemberRole = MemberRole::Admin;
}

impl Role for Owner {
    const ROLE: MemberRole = MemberRole::Owner;
}
