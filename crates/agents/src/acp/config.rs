//! The options that an agent offers for a session: which of them are to be set, and to what.

use serde_json::Value;

use crate::parse::field::text;

/// An option to set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) option: String,
    pub(super) value: String,
}

/// What stands in the way of a setting, if it is not as wished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    /// It is so, or the agent has no such option: nothing to do.
    Granted,
    /// It can be set.
    Set(Setting),
    /// The agent has the option, but not the value. It goes on with another.
    Impossible { instead: String },
}

/// Whether a wish can be fulfilled by the option of a category.
pub(super) fn wish(result: &Value, category: &str, is_it: impl Fn(&str) -> bool) -> Wish {
    let options = result.get("configOptions").and_then(Value::as_array).map(Vec::as_slice);
    let option = options
        .unwrap_or_default()
        .iter()
        .find(|option| text(option, "category") == category);
    let Some(option) = option else { return Wish::Granted };
    let current = text(option, "currentValue");
    if is_it(current) {
        return Wish::Granted;
    }
    match values(option).into_iter().find(|value| is_it(value)) {
        Some(value) => Wish::Set(Setting {
            option: text(option, "id").to_owned(),
            value: value.to_owned(),
        }),
        None => Wish::Impossible {
            instead: current.to_owned(),
        },
    }
}

/// The values of an option, which may stand in groups.
fn values(option: &Value) -> Vec<&str> {
    let Some(options) = option.get("options").and_then(Value::as_array) else {
        return Vec::new();
    };
    options
        .iter()
        .flat_map(|option| match option.get("options").and_then(Value::as_array) {
            Some(group) => group.as_slice(),
            None => std::slice::from_ref(option),
        })
        .filter_map(|option| option.get("value").and_then(Value::as_str))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_option_is_set_when_it_is_offered_and_another() {
        let result = json!({"configOptions": [
            {"id": "m", "category": "model", "currentValue": "a/x", "options": [{"value": "a/x"}, {"value": "a/y"}]},
            {"id": "e", "category": "thought_level", "currentValue": "low",
             "options": [{"name": "g", "options": [{"value": "high"}]}]},
        ]});
        let model = |name: &'static str| wish(&result, "model", |value| value == name);
        assert_eq!(model("a/x"), Wish::Granted);
        let set = |option: &str, value: &str| {
            Wish::Set(Setting {
                option: option.to_owned(),
                value: value.to_owned(),
            })
        };
        assert_eq!(model("a/y"), set("m", "a/y"));
        assert_eq!(
            model("b"),
            Wish::Impossible {
                instead: "a/x".to_owned()
            }
        );
        assert_eq!(
            wish(&result, "thought_level", |value| value == "high"),
            set("e", "high")
        );
        assert_eq!(wish(&result, "other", |_| false), Wish::Granted);
        assert_eq!(wish(&json!({}), "model", |_| false), Wish::Granted);
    }
}
