//! What a setting is, and the macro that makes the typed struct and the list of settings from one table.
//!
//! Invariant: a setting is written down once: its documentation, name, type and default are in one place, and the
//! example file, `config explain` and the struct are made from it.

/// One setting.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Its name, with dots between the tables of the file.
    pub(crate) name: &'static str,
    /// What it is, a line each.
    pub(crate) documentation: &'static [&'static str],
    /// What may be written.
    pub(crate) form: &'static str,
    /// What kind of setting.
    pub(crate) kind: Kind,
    /// The default of a [`Kind::Value`], or what the example file shows.
    pub(crate) text: &'static str,
}

/// The kinds of settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It has a default.
    Value,
    /// It may be absent.
    Optional,
    /// It may be absent and is never shown. In the file it is named by `…_file` or `…_command`, never written.
    Secret,
}

impl Setting {
    /// The variable of the environment.
    pub(crate) fn variable(&self) -> String {
        format!("CODECOURIER_{}", self.name.to_uppercase().replace('.', "_"))
    }

    /// The table of the file it is in; empty at the top.
    pub(crate) fn section(&self) -> &'static str {
        self.name.rsplit_once('.').map_or("", |(section, _)| section)
    }

    /// Its name inside its table.
    pub(crate) fn key(&self) -> &'static str {
        self.name.rsplit_once('.').map_or(self.name, |(_, key)| key)
    }
}

/// Makes the struct of settings, the list of them, and how the one is read.
macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $kind:ident $field:ident: $type:ty, $name:literal = $text:literal;)+) => {
        /// Every setting of the program, typed.
        #[derive(Debug, Clone)]
        pub(crate) struct Settings {
            $($(#[doc = $doc])+ pub(crate) $field: settings!(@type $kind $type),)+
        }

        /// Every setting, in the order of the example file.
        pub(crate) const SETTINGS: &[Setting] = &[
            $(Setting {
                name: $name,
                documentation: &[$($doc),+],
                form: <$type as Value>::FORM,
                kind: settings!(@kind $kind),
                text: $text,
            },)+
        ];

        impl Settings {
            /// Reads them from wherever they are given.
            pub(crate) fn read(given: &mut Given<'_>) -> Result<Self, Problem> {
                let mut settings = SETTINGS.iter();
                $(let $field = settings!(@read $kind $type, given, settings.next().unwrap_or(&SETTINGS[0]))?;)+
                Ok(Self { $($field,)+ })
            }
        }
    };
    (@type value $type:ty) => { $type };
    (@type optional $type:ty) => { Option<$type> };
    (@type secret $type:ty) => { Option<SecretSource> };
    (@kind value) => { Kind::Value };
    (@kind optional) => { Kind::Optional };
    (@kind secret) => { Kind::Secret };
    (@read value $type:ty, $given:ident, $setting:expr) => { $given.value::<$type>($setting) };
    (@read optional $type:ty, $given:ident, $setting:expr) => { $given.optional::<$type>($setting) };
    (@read secret $type:ty, $given:ident, $setting:expr) => { $given.secret($setting) };
}
pub(super) use settings;
