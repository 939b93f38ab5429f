//! The schemas of types that belong to the domain, which knows nothing of OpenAPI. Named by hand in
//! `#[schema(value_type = …)]`; never made.

mod pipeline;

use std::borrow::Cow;

use codecourier_domain::{id, text};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

pub use pipeline::{PipelineLoop, PipelineNode, PipelineStep};

macro_rules! identifiers {
    ($($name:ident)*) => {$(
        #[doc = concat!("The text of a [`codecourier_domain::id::", stringify!($name), "`].")]
        #[derive(Debug)]
        pub enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                pattern_text(
                    "An identifier.",
                    &format!("^{}_[0-9a-f]{{32}}$", id::$name::PREFIX),
                    &format!("{}_019300000000700080000000deadbeef", id::$name::PREFIX),
                )
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )*};
}

identifiers! {
    ProjectId
    RunId
    StepId
    InputId
    SandboxId
    UserId
    SessionId
    InvitationId
    ApiKeyId
    VariableId
    AuditEntryId
}

macro_rules! texts {
    ($($name:ident: $description:literal, $pattern:expr, $example:literal;)*) => {$(
        #[doc = $description]
        #[derive(Debug)]
        pub enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                pattern_text($description, $pattern, $example)
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )*};
}

texts! {
    Slug: "A project's name in addresses.", "^(?=.{2,48}$)[a-z0-9]+(-[a-z0-9]+)*$", "shop";
    MemberRole: "The role of a member: each includes the one before.", "^(member|admin|owner)$", "member";
    Permission: "What a key may do.", &permissions(), "runs:read";
    Actor: "Who did it: a person, a key, the machine's operator, or the platform itself.",
        "^(usr_[0-9a-f]{32}|key_[0-9a-f]{32}|operator|system)$", "system";
}

macro_rules! bounded_texts {
    ($($name:ident: $description:literal, $lengths:expr, $pattern:expr, $example:literal;)*) => {$(
        #[doc = $description]
        #[derive(Debug)]
        pub enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let (least, most): (usize, usize) = $lengths;
                ObjectBuilder::new()
                    .schema_type(SchemaType::Type(Type::String))
                    .description(Some($description))
                    .min_length(Some(least))
                    .max_length(Some(most))
                    .pattern(Some($pattern))
                    .examples([$example])
                    .build()
                    .into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )*};
}

bounded_texts! {
    DisplayName: "A name for people, in any script: on one line, with something to see.",
        (1, text::DisplayName::MOST_CHARACTERS), name_pattern(), "Corner shop";
    Description: "Lines of text in any script; or nothing.",
        (0, text::Description::MOST_CHARACTERS), description_pattern(), "Sells things.";
    EmailAddress: "An address for mail.", (3, 254), email_pattern(), "ada@example.org";
}

/// Narrower than what the domain takes, which would be unreadable: what people have.
fn email_pattern() -> String {
    const PART: &str = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,31}";
    const LABEL: &str = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
    format!("^{PART}(\\.{PART})?@{LABEL}(\\.{LABEL})*$")
}

fn name_pattern() -> String {
    let unsafe_ones = class(text::UNSAFE);
    let blank = class(text::BLANK);
    format!("^[^{unsafe_ones}]*[^{unsafe_ones}{blank}][^{unsafe_ones}]*$")
}

fn description_pattern() -> String {
    format!("^([^{}]|[{}])*$", class(text::UNSAFE), class(text::LAYOUT))
}

/// The inside of a class of characters. Escapes with four digits are the only ones that every dialect of regular
/// expressions reads alike; beyond them stands the character itself.
fn class(ranges: &[text::Characters]) -> String {
    let shown = |character: char| match u32::from(character) {
        code @ 0..=0xFFFF => format!("\\u{code:04X}"),
        _ => character.to_string(),
    };
    let range = |(first, last): &text::Characters| {
        if first == last {
            shown(*first)
        } else {
            format!("{}-{}", shown(*first), shown(*last))
        }
    };
    ranges.iter().map(range).collect()
}

fn permissions() -> String {
    let words: Vec<String> = codecourier_domain::permission::Permission::all()
        .map(|permission| permission.to_string())
        .collect();
    format!("^({})$", words.join("|"))
}

fn pattern_text(description: &str, pattern: &str, example: &str) -> RefOr<Schema> {
    let words = pattern.strip_prefix("^(").and_then(|rest| rest.strip_suffix(")$"));
    let plain = words.filter(|words| {
        words
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || "|:".contains(letter))
    });
    let schema = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .description(Some(description))
        .examples([example]);
    // A closed list of words reads better as one, and becomes a union in TypeScript.
    match plain {
        Some(words) => schema.enum_values(Some(words.split('|').map(str::to_owned))),
        None => schema.pattern(Some(pattern)),
    }
    .build()
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schemas_of_the_domain() {
        let shown = |schema: RefOr<Schema>| serde_json::to_value(&schema).unwrap();
        assert_eq!(shown(RunId::schema())["pattern"], "^run_[0-9a-f]{32}$");
        assert_eq!(
            shown(MemberRole::schema())["enum"],
            serde_json::json!(["member", "admin", "owner"])
        );
        let name = shown(DisplayName::schema());
        assert_eq!(name["maxLength"], 80);
        let pattern = name["pattern"].as_str().unwrap();
        assert!(pattern.starts_with("^[^\\u0000-\\u001F\\u007F-\\u009F"), "{pattern}");
        let permissions = shown(Permission::schema());
        assert_eq!(permissions["enum"][0], "project:read");
        assert!(shown(Slug::schema())["enum"].is_null() && shown(Actor::schema())["pattern"].is_string());
    }
}
