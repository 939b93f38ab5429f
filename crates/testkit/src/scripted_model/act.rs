//! What a script wants done, and the tool call that the asking agent offers for it. Pure.
//!
//! Each agent names its tools in its own way and offers others to other models, so the call is made from the tools in
//! the request: the same script works with every agent.

use serde_json::{Map, Value, json};

/// What a script wants the agent to do.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Act {
    /// Write a file whole.
    Write { path: String, content: String },
    /// Run a command in a shell.
    Run(String),
    /// Read a file.
    Read(String),
    /// Open a skill.
    Skill(String),
    /// Say what the plan is; the first entry is under way.
    Plan(Vec<String>),
    /// Call a tool of an MCP server.
    Mcp { server: String, tool: String, input: Value },
    /// Call a tool by its own name.
    Tool { name: String, input: Value },
}

/// A call as it stands in an answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ToolCall {
    pub(super) name: String,
    /// The namespace of the tool, where the protocol has such.
    pub(super) namespace: Option<String>,
    pub(super) input: ToolInput,
}

/// The arguments of a call.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ToolInput {
    Json(Value),
    /// Text without a form, for tools that take such.
    Text(String),
}

/// A tool in a request.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct OfferedTool {
    pub(super) name: String,
    /// Takes text instead of JSON.
    pub(super) is_freeform: bool,
    /// The names of its arguments.
    pub(super) arguments: Vec<String>,
}

impl OfferedTool {
    /// A tool with a JSON schema of its arguments.
    pub(super) fn function(name: &Value, schema: &Value) -> Self {
        Self {
            name: name.as_str().unwrap_or_default().to_owned(),
            is_freeform: false,
            arguments: schema["properties"]
                .as_object()
                .map(|properties| properties.keys().cloned().collect())
                .unwrap_or_default(),
        }
    }

    /// A tool that takes text.
    pub(super) fn freeform(name: &Value) -> Self {
        Self {
            name: name.as_str().unwrap_or_default().to_owned(),
            is_freeform: true,
            arguments: Vec::new(),
        }
    }

    fn takes(&self, argument: &str) -> bool {
        self.arguments.iter().any(|known| known == argument)
    }
}

/// The request that acts are turned into calls for.
pub(super) struct Workshop<'request> {
    pub(super) tools: &'request [OfferedTool],
    /// Where relative paths start.
    pub(super) directory: &'request str,
    /// Everything the request says, to look for the places of skills.
    pub(super) everything: &'request str,
}

impl Workshop<'_> {
    /// The call for an act. When no tool fits, the words in which the model says so.
    pub(super) fn call(&self, act: &Act) -> Result<ToolCall, String> {
        let found = match act {
            Act::Run(command) => self.run(command),
            Act::Write { path, content } => self.write(path, content),
            Act::Read(path) => self.read(path),
            Act::Skill(name) => self.skill(name),
            Act::Plan(entries) => self.plan(entries),
            Act::Mcp { server, tool, input } => self.mcp(server, tool, input),
            Act::Tool { name, input } => Some(self.named(name, input)),
        };
        found.ok_or_else(|| {
            let names: Vec<_> = self.tools.iter().map(|tool| tool.name.as_str()).collect();
            format!("No tool fits {act:?}; I have {}.", names.join(", "))
        })
    }

    fn tool(&self, name: &str) -> Option<&OfferedTool> {
        self.tools.iter().find(|tool| tool.name == name)
    }

    /// The tool with which Codex's newer models do everything: it takes a program in JavaScript.
    fn is_code_mode(&self) -> bool {
        self.tool("exec").is_some_and(|tool| tool.is_freeform)
    }

    fn run(&self, command: &str) -> Option<ToolCall> {
        if self.is_code_mode() {
            let options = json!({"cmd": command, "yield_time_ms": 30_000});
            return Some(script(&format!(
                "const r = await tools.exec_command({options}); text(JSON.stringify(r));"
            )));
        }
        if let Some(tool) = self.tool("Bash").or_else(|| self.tool("bash")) {
            let mut input = Map::new();
            input.insert("command".to_owned(), json!(command));
            // Claude Code and opencode want to know what for; Pi has no such argument.
            if tool.takes("description") {
                input.insert("description".to_owned(), json!("Run a scripted command"));
            }
            return Some(function(&tool.name, Value::Object(input)));
        }
        if self.tool("exec_command").is_some() {
            let input = json!({"cmd": command, "yield_time_ms": 30_000});
            return Some(function("exec_command", input));
        }
        if self.tool("shell_command").is_some() {
            return Some(function("shell_command", json!({"command": command})));
        }
        self.tool("shell")
            .map(|_| function("shell", json!({"command": ["bash", "-lc", command]})))
    }

    fn write(&self, path: &str, content: &str) -> Option<ToolCall> {
        let absolute = self.absolute(path);
        if self.tool("Write").is_some() {
            let input = json!({"file_path": absolute, "content": content});
            return Some(function("Write", input));
        }
        if let Some(tool) = self.tool("write") {
            let name = if tool.takes("filePath") { "filePath" } else { "path" };
            return Some(function("write", json!({name: absolute, "content": content})));
        }
        // A patch ends every line, so a text that does not end with one cannot be written by it.
        if let Some(tool) = self.tool("apply_patch")
            && content.ends_with('\n')
        {
            let patch = patch_that_adds(path, content);
            return Some(if tool.is_freeform {
                freeform("apply_patch", patch)
            } else {
                let name = if tool.takes("patchText") { "patchText" } else { "input" };
                function("apply_patch", json!({name: patch}))
            });
        }
        let quoted = quoted_for_shell(path);
        self.run(&format!(
            "mkdir -p \"$(dirname {quoted})\" && printf '%s' {} > {quoted}",
            quoted_for_shell(content)
        ))
    }

    fn read(&self, path: &str) -> Option<ToolCall> {
        let absolute = self.absolute(path);
        if self.tool("Read").is_some() {
            return Some(function("Read", json!({"file_path": absolute})));
        }
        if let Some(tool) = self.tool("read") {
            let name = if tool.takes("filePath") { "filePath" } else { "path" };
            return Some(function("read", json!({name: absolute})));
        }
        self.run(&format!("cat {}", quoted_for_shell(path)))
    }

    fn skill(&self, name: &str) -> Option<ToolCall> {
        if self.tool("Skill").is_some() {
            return Some(function("Skill", json!({"skill": name})));
        }
        if self.tool("skill").is_some() {
            return Some(function("skill", json!({"name": name})));
        }
        // The others list their skills with the files that hold them, and expect the model to read those.
        let ending = format!("/{name}/SKILL.md");
        let end = self.everything.find(&ending)? + ending.len();
        let is_outside = |character: char| character.is_whitespace() || "\"'`()<>".contains(character);
        let start = self.everything[..end].rfind(is_outside).map_or(0, |before| before + 1);
        let path = &self.everything[start..end];
        // Codex shortens: `r0/review/SKILL.md`, and before it "`r0` = `/home/user/.codex/skills`".
        let (root, rest) = path.split_once('/')?;
        let (_, after) = self.everything.split_once(&format!("`{root}` = `")).unwrap_or_default();
        match after.split_once('`') {
            Some((directory, _)) => self.read(&format!("{directory}/{rest}")),
            None => self.read(path),
        }
    }

    fn plan(&self, entries: &[String]) -> Option<ToolCall> {
        let status = |number: usize| if number == 0 { "in_progress" } else { "pending" };
        let listed = |describe: &dyn Fn(usize, &String) -> Value| -> Vec<Value> {
            let described = entries.iter().enumerate();
            described.map(|(number, entry)| describe(number, entry)).collect()
        };
        // Claude Code takes it though it has not listed it: it keeps rare tools behind a search.
        if self.tool("TodoWrite").is_some() || self.tool("ToolSearch").is_some() {
            let todos =
                listed(&|number, entry| json!({"content": entry, "status": status(number), "activeForm": entry}));
            return Some(function("TodoWrite", json!({"todos": todos})));
        }
        if self.tool("todowrite").is_some() {
            let todos = listed(
                &|number, entry| json!({"id": number.to_string(), "content": entry, "status": status(number), "priority": "medium"}),
            );
            return Some(function("todowrite", json!({"todos": todos})));
        }
        let plan = listed(&|number, entry| json!({"step": entry, "status": status(number)}));
        if self.is_code_mode() {
            return Some(script(&format!(
                "await tools.update_plan({}); text(\"planned\");",
                json!({"plan": plan})
            )));
        }
        self.tool("update_plan")
            .map(|_| function("update_plan", json!({"plan": plan})))
    }

    fn mcp(&self, server: &str, tool: &str, input: &Value) -> Option<ToolCall> {
        let long = format!("mcp__{server}__{tool}");
        if self.is_code_mode() {
            return Some(script(&format!(
                "const r = await tools.{long}({input}); text(JSON.stringify(r));"
            )));
        }
        let short = format!("{server}_{tool}");
        for name in [&long, &short] {
            if self.tool(name).is_some() {
                return Some(function(name, input.clone()));
            }
        }
        // Claude Code takes the long name though it has not listed the tool yet; Codex wants the two parts.
        if self.tool("Bash").is_some() {
            return Some(function(&long, input.clone()));
        }
        self.tool("exec_command").map(|_| ToolCall {
            namespace: Some(format!("mcp__{server}")),
            ..function(tool, input.clone())
        })
    }

    fn named(&self, name: &str, input: &Value) -> ToolCall {
        match (self.tool(name), &input["input"]) {
            (Some(tool), Value::String(text)) if tool.is_freeform => freeform(name, text.clone()),
            (Some(tool), _) if tool.is_freeform => freeform(name, input.to_string()),
            _ => function(name, input.clone()),
        }
    }

    fn absolute(&self, path: &str) -> String {
        if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("{}/{path}", self.directory)
        }
    }
}

fn function(name: &str, input: Value) -> ToolCall {
    ToolCall {
        name: name.to_owned(),
        namespace: None,
        input: ToolInput::Json(input),
    }
}

fn freeform(name: &str, text: String) -> ToolCall {
    ToolCall {
        name: name.to_owned(),
        namespace: None,
        input: ToolInput::Text(text),
    }
}

fn script(text: &str) -> ToolCall {
    freeform("exec", text.to_owned())
}

fn patch_that_adds(path: &str, content: &str) -> String {
    let lines: String = content.lines().map(|line| format!("+{line}\n")).collect();
    format!("*** Begin Patch\n*** Add File: {path}\n{lines}*** End Patch\n")
}

fn quoted_for_shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(call: &ToolCall) -> String {
        match &call.input {
            ToolInput::Json(input) => input.to_string(),
            ToolInput::Text(text) => text.clone(),
        }
    }

    fn tool(name: &str, arguments: &[&str]) -> OfferedTool {
        let properties: Map<String, Value> = arguments
            .iter()
            .map(|argument| ((*argument).to_owned(), json!({})))
            .collect();
        OfferedTool::function(&json!(name), &json!({"properties": properties}))
    }

    fn call(tools: &[OfferedTool], act: &Act) -> ToolCall {
        let workshop = Workshop {
            tools,
            directory: "/w",
            everything: "- planner: plans (file: /w/.agents/skills/planner/SKILL.md)",
        };
        workshop.call(act).unwrap()
    }

    fn claude() -> Vec<OfferedTool> {
        vec![
            tool("Bash", &["command", "description"]),
            tool("Read", &["file_path"]),
            tool("Write", &["file_path", "content"]),
            tool("Skill", &["skill"]),
        ]
    }

    fn codex() -> Vec<OfferedTool> {
        vec![
            tool("exec_command", &["cmd"]),
            tool("update_plan", &["plan"]),
            OfferedTool::freeform(&json!("apply_patch")),
        ]
    }

    fn opencode() -> Vec<OfferedTool> {
        vec![
            tool("bash", &["command", "description"]),
            tool("write", &["filePath", "content"]),
            tool("todowrite", &["todos"]),
            tool("plat_ping", &["text"]),
        ]
    }

    fn pi() -> Vec<OfferedTool> {
        vec![
            tool("bash", &["command"]),
            tool("write", &["path", "content"]),
            tool("read", &["path"]),
        ]
    }

    #[test]
    fn every_agent_is_asked_to_write_in_its_own_way() {
        let write = Act::Write {
            path: "a/b.txt".to_owned(),
            content: "one\ntwo\n".to_owned(),
        };
        let json = |tools: &[OfferedTool]| {
            let call = call(tools, &write);
            (call.name.clone(), text(&call))
        };
        let expected = |name: &str, input: &str| (name.to_owned(), input.to_owned());
        assert_eq!(
            json(&claude()),
            expected("Write", r#"{"file_path":"/w/a/b.txt","content":"one\ntwo\n"}"#)
        );
        assert_eq!(
            json(&opencode()),
            expected("write", r#"{"filePath":"/w/a/b.txt","content":"one\ntwo\n"}"#)
        );
        assert_eq!(
            json(&pi()),
            expected("write", r#"{"path":"/w/a/b.txt","content":"one\ntwo\n"}"#)
        );
        let patch = "*** Begin Patch\n*** Add File: a/b.txt\n+one\n+two\n*** End Patch\n";
        assert_eq!(json(&codex()), expected("apply_patch", patch));
        let unknown_model = [tool("exec_command", &["cmd"])];
        assert!(
            json(&unknown_model)
                .1
                .contains("printf '%s' 'one\\ntwo\\n' > 'a/b.txt'")
        );
        let code_mode = [OfferedTool::freeform(&json!("exec"))];
        assert!(json(&code_mode).1.starts_with("const r = await tools.exec_command({"));
    }

    #[test]
    fn every_agent_is_asked_to_run_in_its_own_way() {
        let run = Act::Run("ls".to_owned());
        let input = |tools: &[OfferedTool]| text(&call(tools, &run));
        assert_eq!(
            input(&claude()),
            r#"{"command":"ls","description":"Run a scripted command"}"#
        );
        assert_eq!(input(&pi()), r#"{"command":"ls"}"#);
        assert_eq!(input(&codex()), r#"{"cmd":"ls","yield_time_ms":30000}"#);
        assert_eq!(
            input(&[tool("shell", &["command"])]),
            r#"{"command":["bash","-lc","ls"]}"#
        );
    }

    #[test]
    fn skills_plans_and_tools_of_servers_go_the_way_the_agent_has() {
        let skill = Act::Skill("planner".to_owned());
        assert_eq!(text(&call(&claude(), &skill)), r#"{"skill":"planner"}"#);
        assert_eq!(
            text(&call(&pi(), &skill)),
            r#"{"path":"/w/.agents/skills/planner/SKILL.md"}"#
        );
        assert!(text(&call(&codex(), &skill)).contains("cat '/w/.agents/skills"));
        let plan = Act::Plan(vec!["look".to_owned(), "mend".to_owned()]);
        assert_eq!(call(&codex(), &plan).name, "update_plan");
        assert_eq!(call(&opencode(), &plan).name, "todowrite");
        let ping = Act::Mcp {
            server: "plat".to_owned(),
            tool: "ping".to_owned(),
            input: json!({}),
        };
        assert_eq!(call(&claude(), &ping).name, "mcp__plat__ping");
        assert_eq!(call(&opencode(), &ping).name, "plat_ping");
        let of_codex = call(&codex(), &ping);
        assert_eq!(
            (of_codex.namespace.as_deref(), of_codex.name.as_str()),
            (Some("mcp__plat"), "ping")
        );
    }

    #[test]
    fn an_act_without_a_tool_is_said_to_have_none() {
        let workshop = Workshop {
            tools: &[tool("look", &[])],
            directory: "/w",
            everything: "",
        };
        let said = workshop.call(&Act::Run("ls".to_owned())).unwrap_err();
        assert!(said.contains("look"), "{said}");
        let unknown = workshop.call(&Act::Tool {
            name: "nope".to_owned(),
            input: json!({}),
        });
        assert!(unknown.is_ok(), "a tool that nobody offers is called all the same");
    }
}
