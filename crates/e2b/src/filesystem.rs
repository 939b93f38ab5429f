//! `filesystem.Filesystem`: what is where, and moving it about. Contents travel over `/files`.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::json::{self, NameOrNumber};

/// Path prefix of the service's methods.
pub const SERVICE: &str = "/filesystem.Filesystem/";

/// What an entry is; a symbolic link reports what it leads to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FileType {
    /// A device, a socket, a broken link.
    #[default]
    Unspecified,
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A link (no server we know sends it).
    Symlink,
}

impl FileType {
    const NAMES: [(Self, &'static str, i32); 4] = [
        (Self::Unspecified, "FILE_TYPE_UNSPECIFIED", 0),
        (Self::File, "FILE_TYPE_FILE", 1),
        (Self::Directory, "FILE_TYPE_DIRECTORY", 2),
        (Self::Symlink, "FILE_TYPE_SYMLINK", 3),
    ];
}

impl Serialize for FileType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let name = Self::NAMES
            .iter()
            .find(|(kind, ..)| kind == self)
            .map_or("FILE_TYPE_UNSPECIFIED", |(_, name, _)| name);
        serializer.serialize_str(name)
    }
}

impl<'de> Deserialize<'de> for FileType {
    /// Names and numbers of the future read as unspecified.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = NameOrNumber::deserialize(deserializer)?;
        let known = Self::NAMES.iter().find(|(_, name, number)| match &given {
            NameOrNumber::Name(text) => text == name,
            NameOrNumber::Number(value) => value == number,
        });
        Ok(known.map_or(Self::Unspecified, |(kind, ..)| *kind))
    }
}

/// One entry of the file system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryInfo {
    /// Last part of the path.
    #[serde(default, deserialize_with = "json::nullable")]
    pub name: String,
    /// What it is.
    #[serde(default, rename = "type")]
    pub kind: FileType,
    /// Where it is, as asked for.
    #[serde(default, deserialize_with = "json::nullable")]
    pub path: String,
    /// Bytes.
    #[serde(
        default,
        deserialize_with = "json::integer",
        serialize_with = "json::integer_as_text"
    )]
    pub size: i64,
    /// Permission bits.
    #[serde(default, deserialize_with = "json::integer")]
    pub mode: u32,
    /// `-rw-r--r--`.
    #[serde(default, deserialize_with = "json::nullable")]
    pub permissions: String,
    /// Owner's name, or number if it has none.
    #[serde(default, deserialize_with = "json::nullable")]
    pub owner: String,
    /// Group's name, or number if it has none.
    #[serde(default, deserialize_with = "json::nullable")]
    pub group: String,
    /// RFC 3339.
    #[serde(
        default,
        alias = "modified_time",
        deserialize_with = "json::nullable",
        skip_serializing_if = "String::is_empty"
    )]
    pub modified_time: String,
    /// Where a link leads in the end.
    #[serde(default, alias = "symlink_target", skip_serializing_if = "Option::is_none")]
    pub symlink_target: Option<String>,
    /// What was stored with an upload.
    #[serde(
        default,
        deserialize_with = "json::nullable",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub metadata: BTreeMap<String, String>,
    /// Whether the path itself is a link.
    #[serde(
        default,
        alias = "is_symlink",
        deserialize_with = "json::nullable",
        skip_serializing_if = "json::is_default"
    )]
    pub is_symlink: bool,
}

/// Request of `Stat`, `MakeDir` and `Remove`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathRequest {
    /// The path.
    #[serde(default, deserialize_with = "json::nullable")]
    pub path: String,
}

/// Request of `Move`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveRequest {
    /// From.
    #[serde(default, deserialize_with = "json::nullable")]
    pub source: String,
    /// To.
    #[serde(default, deserialize_with = "json::nullable")]
    pub destination: String,
}

/// Request of `ListDir`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListDirRequest {
    /// The directory.
    #[serde(default, deserialize_with = "json::nullable")]
    pub path: String,
    /// How deep; 0 means 1.
    #[serde(
        default,
        deserialize_with = "json::integer",
        skip_serializing_if = "json::is_default"
    )]
    pub depth: u32,
}

/// Answer of `Stat`, `MakeDir` and `Move`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryResponse {
    /// The entry.
    pub entry: EntryInfo,
}

/// Answer of `ListDir`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListDirResponse {
    /// Depth first, by name.
    #[serde(default, deserialize_with = "json::nullable")]
    pub entries: Vec<EntryInfo>,
}

/// What happened to a watched entry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WatchEventType {
    /// Nothing known.
    #[default]
    Unspecified,
    /// It is new.
    Create,
    /// Its contents changed.
    Write,
    /// It is gone.
    Remove,
    /// It has another name now; this is the old one.
    Rename,
    /// Its mode or owner changed.
    Chmod,
}

impl WatchEventType {
    const NAMES: [(Self, &'static str, i32); 6] = [
        (Self::Unspecified, "EVENT_TYPE_UNSPECIFIED", 0),
        (Self::Create, "EVENT_TYPE_CREATE", 1),
        (Self::Write, "EVENT_TYPE_WRITE", 2),
        (Self::Remove, "EVENT_TYPE_REMOVE", 3),
        (Self::Rename, "EVENT_TYPE_RENAME", 4),
        (Self::Chmod, "EVENT_TYPE_CHMOD", 5),
    ];
}

impl Serialize for WatchEventType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let name = Self::NAMES
            .iter()
            .find(|(kind, ..)| kind == self)
            .map_or("EVENT_TYPE_UNSPECIFIED", |(_, name, _)| name);
        serializer.serialize_str(name)
    }
}

impl<'de> Deserialize<'de> for WatchEventType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = NameOrNumber::deserialize(deserializer)?;
        let known = Self::NAMES.iter().find(|(_, name, number)| match &given {
            NameOrNumber::Name(text) => text == name,
            NameOrNumber::Number(value) => value == number,
        });
        Ok(known.map_or(Self::Unspecified, |(kind, ..)| *kind))
    }
}

/// One change in a watched directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchEvent {
    /// Relative to the watched directory.
    #[serde(default, deserialize_with = "json::nullable")]
    pub name: String,
    /// What happened.
    #[serde(default, rename = "type")]
    pub kind: WatchEventType,
    /// The entry as it is now, if asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<EntryInfo>,
}

/// Request of `WatchDir` and `CreateWatcher`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WatchRequest {
    /// The directory.
    #[serde(default, deserialize_with = "json::nullable")]
    pub path: String,
    /// Also what is below it.
    #[serde(
        default,
        deserialize_with = "json::nullable",
        skip_serializing_if = "json::is_default"
    )]
    pub recursive: bool,
    /// Send the entry with its event.
    #[serde(
        default,
        alias = "include_entry",
        deserialize_with = "json::nullable",
        skip_serializing_if = "json::is_default"
    )]
    pub include_entry: bool,
    /// Also on network file systems.
    #[serde(
        default,
        alias = "allow_network_mounts",
        deserialize_with = "json::nullable",
        skip_serializing_if = "json::is_default"
    )]
    pub allow_network_mounts: bool,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::parse;

    #[test]
    fn an_entry_is_written_as_the_clients_expect() {
        let entry = EntryInfo {
            name: "a".into(),
            kind: FileType::File,
            path: "/t/a".into(),
            size: 5,
            mode: 0o644,
            permissions: "-rw-r--r--".into(),
            owner: "user".into(),
            group: "user".into(),
            modified_time: "2026-01-01T00:00:00Z".into(),
            ..EntryInfo::default()
        };
        assert_eq!(
            serde_json::to_string(&EntryResponse { entry }).unwrap(),
            r#"{"entry":{"name":"a","type":"FILE_TYPE_FILE","path":"/t/a","size":"5","mode":420,"permissions":"-rw-r--r--","owner":"user","group":"user","modifiedTime":"2026-01-01T00:00:00Z"}}"#
        );
    }

    #[test]
    fn entries_of_other_servers_are_read() {
        let entry: EntryInfo =
            parse(br#"{"name":"l","type":2,"size":12,"symlink_target":"/x","is_symlink":true,"new":{}}"#).unwrap();
        assert_eq!(entry.kind, FileType::Directory);
        assert_eq!(entry.size, 12);
        assert_eq!(entry.symlink_target.as_deref(), Some("/x"));
        assert!(entry.is_symlink);
        let entry: EntryInfo = parse(br#"{"type":"FILE_TYPE_WORMHOLE"}"#).unwrap();
        assert_eq!(entry.kind, FileType::Unspecified);
    }

    #[test]
    fn a_listing_without_depth_is_one_level() {
        let request: ListDirRequest = parse(br#"{"path":"/"}"#).unwrap();
        assert_eq!(request.depth, 0);
    }

    proptest! {
        #[test]
        fn entries_round_trip(
            texts in proptest::array::uniform6(".*"),
            size in any::<i64>(),
            mode in any::<u32>(),
            link in proptest::option::of(".*"),
            kind in prop_oneof![Just(FileType::File), Just(FileType::Directory), Just(FileType::Unspecified)],
            metadata in proptest::collection::btree_map("[ -~]*", "[ -~]*", 0..3),
        ) {
            let [name, path, permissions, owner, group, modified_time] = texts;
            let entry = EntryInfo {
                name, kind, path, size, mode, permissions, owner, group, modified_time,
                is_symlink: link.is_some(), symlink_target: link, metadata,
            };
            let text = serde_json::to_vec(&entry).unwrap();
            prop_assert_eq!(parse::<EntryInfo>(&text).unwrap(), entry);
        }
    }
}
