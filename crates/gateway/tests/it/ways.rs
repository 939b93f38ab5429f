//! Every provider in every language it speaks, and how to ask in it.

use codecourier_gateway::{Dialect, Mode, Provider};
use serde_json::{Value, json};

use crate::harness::{House, Wishes};

/// A provider, and a language that it speaks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    pub(crate) provider: Provider,
    pub(crate) dialect: Dialect,
    pub(crate) path: &'static str,
    /// A model whose price is in the list.
    pub(crate) model: &'static str,
}

const fn way(provider: Provider, dialect: Dialect, path: &'static str, model: &'static str) -> Way {
    Way {
        provider,
        dialect,
        path,
        model,
    }
}

/// All of them.
pub(crate) const WAYS: [Way; 6] = [
    way(
        Provider::Anthropic,
        Dialect::Messages,
        "/v1/messages",
        "claude-opus-5-5",
    ),
    way(Provider::Openai, Dialect::Responses, "/v1/responses", "gpt-6.2-sol"),
    way(Provider::Openai, Dialect::Chat, "/v1/chat/completions", "gpt-6.2-sol"),
    way(
        Provider::Openrouter,
        Dialect::Chat,
        "/api/v1/chat/completions",
        "openai/gpt-6.2-sol",
    ),
    way(
        Provider::Openrouter,
        Dialect::Responses,
        "/api/v1/responses",
        "openai/gpt-6.2-sol",
    ),
    way(
        Provider::Openrouter,
        Dialect::Messages,
        "/api/v1/messages",
        "anthropic/claude-opus-5.5",
    ),
];

impl Way {
    /// A house with the provider.
    pub(crate) async fn house(self, scenario: &'static str) -> House {
        self.house_with(Wishes {
            scenario,
            ..Wishes::default()
        })
        .await
    }

    pub(crate) async fn house_with(self, wishes: Wishes) -> House {
        House::with(Wishes {
            provider: self.provider,
            ..wishes
        })
        .await
    }

    pub(crate) async fn house_in(self, mode: Mode) -> House {
        self.house_with(Wishes {
            mode,
            ..Wishes::default()
        })
        .await
    }

    /// A request with this prompt, with a shell among the tools.
    pub(crate) fn prompt(self, text: &str, as_stream: bool) -> Value {
        let schema = json!({"type": "object", "properties": {"command": {}}});
        match self.dialect {
            Dialect::Messages => json!({
                "model": self.model, "max_tokens": 1000, "stream": as_stream,
                "tools": [{"name": "bash", "input_schema": schema}], "messages": [{"role": "user", "content": text}],
            }),
            Dialect::Responses => json!({
                "model": self.model, "max_output_tokens": 1000, "stream": as_stream,
                "tools": [{"type": "function", "name": "bash", "parameters": schema}],
                "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}],
            }),
            Dialect::Chat => json!({
                "model": self.model, "max_completion_tokens": 1000, "stream": as_stream,
                "tools": [{"type": "function", "function": {"name": "bash", "parameters": schema}}],
                "messages": [{"role": "user", "content": text}],
            }),
        }
    }

    /// Goes on with a conversation after a call of the shell.
    pub(crate) fn go_on(self, request: &mut Value, result: &str) {
        let (list, more) = match self.dialect {
            Dialect::Messages => (
                "messages",
                vec![
                    json!({"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "bash", "input": {"command": "ls"}}]}),
                    json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": result}]}),
                ],
            ),
            Dialect::Responses => (
                "input",
                vec![
                    json!({"type": "function_call", "call_id": "t", "name": "bash", "arguments": "{\"command\":\"ls\"}"}),
                    json!({"type": "function_call_output", "call_id": "t", "output": result}),
                ],
            ),
            Dialect::Chat => (
                "messages",
                vec![
                    json!({"role": "assistant", "content": null, "tool_calls": [
                        {"id": "t", "type": "function", "function": {"name": "bash", "arguments": "{\"command\":\"ls\"}"}}]}),
                    json!({"role": "tool", "tool_call_id": "t", "content": result}),
                ],
            ),
        };
        request[list].as_array_mut().unwrap().extend(more);
    }

    pub(crate) async fn ask(self, house: &House, request: &Value) -> reqwest::Response {
        house.post(self.path, house.token.expose(), request).await
    }
}
