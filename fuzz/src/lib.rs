//! Fuzz targets: everything that reads bytes written by an agent, a sandbox or a model server, and what strangers send
//! to be let in.
//!
//! `cargo xtask fuzz` runs them under the coverage-guided fuzzer of `main.rs`; this crate's own test runs each on its
//! corpus and on a fixed number of mutated inputs, so that every test run fuzzes a little.
//!
//! To add a target: a line in [`TARGETS`], and the inputs it should know in `fuzz/corpus/<name>/`. An input that once
//! broke something belongs there too, named after what it broke.

use codecourier_domain::agent::AgentKind;

/// One thing to feed input to.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, which is also the name of its directory in `fuzz/corpus`.
    pub name: &'static str,
    /// Reads an input. It panics when something that must always hold does not.
    pub run: fn(&[u8]),
    /// Directories of recorded inputs beside its corpus, relative to the repository, with all that is below them.
    pub recorded: &'static [&'static str],
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target {
        name: "agent_acp",
        run: |input| check_agent(AgentKind::Acp, input),
        recorded: &["crates/agents/testdata/opencode"],
    },
    Target {
        name: "agent_claude",
        run: |input| check_agent(AgentKind::Claude, input),
        recorded: &["crates/agents/testdata/claude"],
    },
    Target {
        name: "agent_codex",
        run: |input| check_agent(AgentKind::Codex, input),
        recorded: &["crates/agents/testdata/codex"],
    },
    Target {
        name: "agent_opencode",
        run: |input| check_agent(AgentKind::Opencode, input),
        recorded: &["crates/agents/testdata/opencode"],
    },
    Target {
        name: "agent_pi",
        run: |input| check_agent(AgentKind::Pi, input),
        recorded: &["crates/agents/testdata/pi"],
    },
    Target {
        name: "api_cursor",
        run: |input| {
            if let Err(broken) = codecourier_api::fuzz::check_cursor(input) {
                panic!("{broken}");
            }
        },
        recorded: &[],
    },
    Target {
        name: "api_if_match",
        run: |input| {
            if let Err(broken) = codecourier_api::fuzz::check_if_match(input) {
                panic!("{broken}");
            }
        },
        recorded: &[],
    },
    Target {
        name: "api_live_message",
        run: |input| {
            if let Err(broken) = codecourier_api::fuzz::check_live_message(input) {
                panic!("{broken}");
            }
        },
        recorded: &[],
    },
    Target {
        name: "envd_protocol",
        run: |input| {
            let _ = codecourier_e2b::fuzz::decode_anything(input);
        },
        recorded: &[],
    },
    Target {
        name: "gateway_cassette",
        run: |input| {
            if let Err(broken) = codecourier_gateway::fuzz::check_cassette(input) {
                panic!("{broken}");
            }
        },
        recorded: &[],
    },
    Target {
        name: "gateway_failure",
        run: |input| {
            if let Err(broken) = codecourier_gateway::fuzz::check_failure(input) {
                panic!("{broken}");
            }
        },
        recorded: &[],
    },
    Target {
        name: "gateway_hello",
        run: |input| {
            if let Err(broken) = codecourier_gateway::fuzz::check_hello(input) {
                panic!("{broken}");
            }
        },
        recorded: &[],
    },
    Target {
        name: "gateway_meter",
        run: |input| {
            if let Err(broken) = codecourier_gateway::fuzz::check_meter(input) {
                panic!("{broken}");
            }
        },
        recorded: &[],
    },
    Target {
        name: "gateway_request",
        run: |input| {
            let checked = codecourier_gateway::fuzz::check_request(input);
            if let Err(broken) = checked.and_then(|()| codecourier_gateway::fuzz::check_asking_for_usage(input)) {
                panic!("{broken}");
            }
        },
        recorded: &[],
    },
    Target {
        name: "git_bundle",
        run: codecourier_forge::fuzz_entry,
        recorded: &[],
    },
    Target {
        name: "identity_key_set",
        run: |input| {
            if let Err(broken) = codecourier_identity::fuzz::check_key_set(input) {
                panic!("{broken}");
            }
        },
        recorded: &[],
    },
    Target {
        name: "identity_signed_token",
        run: |input| {
            if let Err(broken) = codecourier_identity::fuzz::check_signed_token(input) {
                panic!("{broken}");
            }
        },
        recorded: &[],
    },
    Target {
        name: "identity_token",
        run: |input| {
            if let Err(broken) = codecourier_identity::fuzz::check_token(input) {
                panic!("{broken}");
            }
        },
        recorded: &[],
    },
    Target {
        name: "identity_webhook",
        run: |input| {
            if let Err(broken) = codecourier_identity::fuzz::check_webhook(input) {
                panic!("{broken}");
            }
        },
        recorded: &[],
    },
    Target {
        name: "master_keys",
        run: |input| {
            let text = String::from_utf8_lossy(input);
            if let Err(error) = codecourier_engine::vault::KeyRing::read(&text, "a file") {
                let said = format!("{error:?} {error}");
                for word in text.split_whitespace().filter(|word| word.len() > 40) {
                    assert!(!said.contains(word), "a key is shown");
                }
            }
        },
        recorded: &[],
    },
    Target {
        name: "store_cursor",
        run: |input| {
            use codecourier_domain::id::RunId;
            use codecourier_store::page::PageCursor;
            let text = String::from_utf8_lossy(input);
            if let Ok(cursor) = text.parse::<PageCursor<RunId>>() {
                let again = cursor.to_string().parse::<PageCursor<RunId>>();
                assert_eq!(again.ok().map(|again| again.to_string()), Some(cursor.to_string()));
            }
        },
        recorded: &[],
    },
    Target {
        name: "verdict",
        run: |input| {
            let _ = codecourier_domain::verdict::Verdict::parse(input);
            let _ = codecourier_domain::verdict::Verdict::find_last(&String::from_utf8_lossy(input));
        },
        recorded: &[],
    },
];

fn check_agent(agent: AgentKind, input: &[u8]) {
    if let Err(broken) = codecourier_agents::fuzz::check_parser(agent, input) {
        panic!("{agent}: {broken}");
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    /// How many mutated inputs each target gets, the same ones every time.
    const MUTATIONS: usize = 600;

    /// Recorded transcripts are long; a mutated one need not be.
    const LONGEST: usize = 8 * 1024;

    fn files(directory: PathBuf) -> Vec<Vec<u8>> {
        let entries = std::fs::read_dir(directory).into_iter().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let inputs = paths.into_iter().flat_map(|path| {
            if path.is_dir() {
                files(path)
            } else {
                vec![std::fs::read(&path).unwrap()]
            }
        });
        inputs.collect()
    }

    fn inputs(target: &Target) -> Vec<Vec<u8>> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut inputs = files(root.join("fuzz/corpus").join(target.name));
        inputs.extend(target.recorded.iter().flat_map(|directory| files(root.join(directory))));
        inputs
    }

    /// Small and always the same (an xorshift generator), so that a failure here is there again the next time.
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, bound: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            usize::try_from(self.0 >> 16).unwrap() % bound.max(1)
        }

        fn byte(&mut self) -> u8 {
            const TELLING: &[u8] = b"{}[]\",:\\\n\r\0-#@/. \x7f\x80\xff\xe2\xed";
            if self.below(2) == 0 {
                TELLING[self.below(TELLING.len())]
            } else {
                u8::try_from(self.below(256)).unwrap()
            }
        }

        fn mutate(&mut self, input: &mut Vec<u8>) {
            for _ in 0..=self.below(8) {
                let at = self.below(input.len() + 1);
                match self.below(5) {
                    0 => input.insert(at, self.byte()),
                    1 if at < input.len() => {
                        input.remove(at);
                    }
                    2 if at < input.len() => input[at] = self.byte(),
                    3 => input.truncate(at),
                    _ => {
                        let from = self.below(input.len() + 1);
                        let piece: Vec<u8> = input[from..].iter().copied().take(self.below(64)).collect();
                        let _ = input.splice(at..at, piece).count();
                    }
                }
            }
        }
    }

    fn run_on_known_and_mutated(name: &str) {
        let target = TARGETS.iter().find(|target| target.name == name).unwrap();
        let known = inputs(target);
        assert!(!known.is_empty(), "fuzz/corpus/{name} is empty");
        for input in &known {
            (target.run)(input);
        }
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        for _ in 0..MUTATIONS {
            let mut input = known[dice.below(known.len())].clone();
            let start = dice.below(input.len().saturating_sub(LONGEST));
            input = input[start..].iter().copied().take(LONGEST).collect();
            dice.mutate(&mut input);
            (target.run)(&input);
        }
    }

    #[test]
    fn agent_acp() {
        run_on_known_and_mutated("agent_acp");
    }

    #[test]
    fn agent_claude() {
        run_on_known_and_mutated("agent_claude");
    }

    #[test]
    fn agent_codex() {
        run_on_known_and_mutated("agent_codex");
    }

    #[test]
    fn agent_opencode() {
        run_on_known_and_mutated("agent_opencode");
    }

    #[test]
    fn agent_pi() {
        run_on_known_and_mutated("agent_pi");
    }

    #[test]
    fn api_cursor() {
        run_on_known_and_mutated("api_cursor");
    }

    #[test]
    fn api_if_match() {
        run_on_known_and_mutated("api_if_match");
    }

    #[test]
    fn api_live_message() {
        run_on_known_and_mutated("api_live_message");
    }

    #[test]
    fn identity_key_set() {
        run_on_known_and_mutated("identity_key_set");
    }

    #[test]
    fn identity_signed_token() {
        run_on_known_and_mutated("identity_signed_token");
    }

    #[test]
    fn identity_token() {
        run_on_known_and_mutated("identity_token");
    }

    #[test]
    fn identity_webhook() {
        run_on_known_and_mutated("identity_webhook");
    }

    #[test]
    fn master_keys() {
        run_on_known_and_mutated("master_keys");
    }

    #[test]
    fn store_cursor() {
        run_on_known_and_mutated("store_cursor");
    }

    #[test]
    fn envd_protocol() {
        run_on_known_and_mutated("envd_protocol");
    }

    #[test]
    fn gateway_cassette() {
        run_on_known_and_mutated("gateway_cassette");
    }

    #[test]
    fn gateway_failure() {
        run_on_known_and_mutated("gateway_failure");
    }

    #[test]
    fn gateway_hello() {
        run_on_known_and_mutated("gateway_hello");
    }

    #[test]
    fn gateway_meter() {
        run_on_known_and_mutated("gateway_meter");
    }

    #[test]
    fn gateway_request() {
        run_on_known_and_mutated("gateway_request");
    }

    #[test]
    fn git_bundle() {
        run_on_known_and_mutated("git_bundle");
    }

    #[test]
    fn verdict() {
        run_on_known_and_mutated("verdict");
    }

    #[test]
    fn every_target_has_a_test_here() {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        let tested = [
            "agent_acp",
            "agent_claude",
            "agent_codex",
            "agent_opencode",
            "agent_pi",
            "api_cursor",
            "api_if_match",
            "api_live_message",
            "envd_protocol",
            "gateway_cassette",
            "gateway_failure",
            "gateway_hello",
            "gateway_meter",
            "gateway_request",
            "git_bundle",
            "identity_key_set",
            "identity_signed_token",
            "identity_token",
            "identity_webhook",
            "master_keys",
            "store_cursor",
            "verdict",
        ];
        assert_eq!(names, tested);
    }
}
