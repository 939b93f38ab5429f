//! What keys must be allowed, as types, for [`super::InProject`].

use codecourier_domain::permission::{Permission, Resource};

/// What a key must be allowed.
pub trait KeyPermission: Send + Sync + 'static {
    /// Which permission; `None` where no key will do.
    const PERMISSION: Option<Permission>;
}

/// People only.
#[derive(Debug, Clone, Copy)]
pub enum NoKeys {}

impl KeyPermission for NoKeys {
    const PERMISSION: Option<Permission> = None;
}

macro_rules! permissions {
    ($($read:ident $write:ident = $resource:ident;)*) => {$(
        #[doc = concat!("Keys that may read [`Resource::", stringify!($resource), "`].")]
        #[derive(Debug, Clone, Copy)]
        pub enum $read {}

        impl KeyPermission for $read {
            const PERMISSION: Option<Permission> = Some(Permission::read(Resource::$resource));
        }

        #[doc = concat!("Keys that may write [`Resource::", stringify!($resource), "`].")]
        #[derive(Debug, Clone, Copy)]
        pub enum $write {}

        impl KeyPermission for $write {
            const PERMISSION: Option<Permission> = Some(Permission::write(Resource::$resource));
        }
    )*};
}

permissions! {
    ProjectRead ProjectWrite = Project;
    MembersRead MembersWrite = Members;
    SettingsRead SettingsWrite = Settings;
    RunsRead RunsWrite = Runs;
    WorkflowsRead WorkflowsWrite = Workflows;
    SandboxesRead SandboxesWrite = Sandboxes;
    KeysRead KeysWrite = Keys;
    AuditRead AuditWrite = Audit;
}
