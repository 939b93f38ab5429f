//! What `codecourier run` asks a server for.

use codecourier_domain::agent::Effort;
use codecourier_domain::check::{CheckSpec, Requirement};
use codecourier_domain::limits::SandboxLimits;
use codecourier_wire::runs::{RunCheck, RunLimits, StartRun};

use super::run::{Arguments, parse_budget, parse_check, parse_time, read_prompt};
use crate::problem::Problem;

/// The request that the arguments make. What they leave out is the project's.
pub(super) fn request(arguments: Arguments) -> Result<StartRun, Problem> {
    let Arguments {
        prompt,
        repo,
        workflow,
        check,
        advisory_check,
        base,
        agent,
        model,
        checker_agent,
        checker_model,
        image: _,
        effort,
        max_iterations,
        checker_instructions,
        budget,
        memory_mb,
        cpus,
        disk_mb,
        timeout,
        allow_degraded,
        author,
        record,
        replay,
        no_pacing: _,
        place: _,
    } = arguments;
    for (flag, is_given) in [
        ("--max-iterations", max_iterations.is_some()),
        ("--allow-degraded", allow_degraded),
        ("--author", author.is_some()),
        ("--record", record.is_some()),
        ("--replay", replay.is_some()),
    ] {
        if is_given {
            return Err(Problem::usage(format!("{flag} is not for runs at a server."))
                .with_remedy("Set it in the project, or run here with --local."));
        }
    }
    if let Some(repo) = repo.as_deref().filter(|repo| !repo.contains(':')) {
        return Err(
            Problem::usage(format!("The server cannot see `{repo}` on this machine."))
                .with_remedy("Leave --repo out for the project's repository, name a URL, or run here with --local."),
        );
    }
    let required = check.iter().map(|text| parse_check(text, Requirement::Required));
    let advisory = advisory_check
        .iter()
        .map(|text| parse_check(text, Requirement::Advisory));
    let checks: Vec<RunCheck> = required.chain(advisory).map(check_of).collect();
    let default = SandboxLimits::DEFAULT;
    let timeout_seconds = parse_time(&timeout)?;
    let given = (memory_mb, cpus, disk_mb, timeout_seconds);
    let is_default = given
        == (
            default.memory_mb(),
            default.cpus(),
            default.disk_mb(),
            default.timeout_seconds(),
        );
    let limits = RunLimits {
        memory_mb,
        cpus,
        processes: default.processes(),
        disk_mb,
        timeout_seconds,
    };
    Ok(StartRun {
        prompt: read_prompt(prompt)?,
        workflow: workflow.name().to_owned(),
        repository: repo,
        base_branch: base,
        agent: agent.map(|agent| agent.as_str().to_owned()),
        model,
        checker_agent: checker_agent.map(|agent| agent.as_str().to_owned()),
        checker_model,
        effort: effort.map(|effort| Effort::from(effort).as_str().to_owned()),
        checks: (!checks.is_empty()).then_some(checks),
        checker_instructions,
        limits: (!is_default).then_some(limits),
        budget_micro_usd: budget.as_deref().map(parse_budget).transpose()?.map(|amount| amount.0),
        // Uploaded first.
        images: Vec::new(),
    })
}

fn check_of(check: CheckSpec) -> RunCheck {
    RunCheck {
        name: check.name,
        command: check.command,
        required: check.requirement.is_required(),
        timeout_seconds: check.timeout_seconds,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Verb};

    fn asked(arguments: &[&str]) -> Result<StartRun, Problem> {
        let all = ["codecourier", "run", "--project", "shop"].iter().chain(arguments);
        match Cli::try_parse_from(all).unwrap().verb {
            Verb::Run(arguments) => request(*arguments),
            verb => panic!("{verb:?}"),
        }
    }

    #[test]
    fn what_is_left_out_is_left_to_the_project() {
        let request = serde_json::to_value(asked(&["do it"]).unwrap()).unwrap();
        assert_eq!(
            request,
            serde_json::json!({ "prompt": "do it", "workflow": "designer-checker" })
        );
    }

    #[test]
    fn what_is_said_is_asked_for() {
        let request = asked(&[
            "--workflow",
            "single",
            "--check",
            "t=make",
            "--advisory-check",
            "lint",
            "--budget",
            "1.5",
            "--cpus",
            "4",
            "--effort",
            "high",
            "--repo",
            "https://host/a.git",
            "--agent",
            "codex",
            "--checker-agent",
            "claude_code",
            "--checker-model",
            "claude-haiku-4-5",
            "do it",
        ])
        .unwrap();
        let checker = (request.checker_agent.as_deref(), request.checker_model.as_deref());
        assert_eq!(
            (request.agent.as_deref(), checker),
            (Some("codex"), (Some("claude"), Some("claude-haiku-4-5")))
        );
        let checks = request.checks.unwrap();
        assert_eq!((checks[0].name.as_str(), checks[0].required), ("t", true));
        assert_eq!((checks[1].command.as_str(), checks[1].required), ("lint", false));
        assert_eq!(request.budget_micro_usd, Some(1_500_000));
        assert_eq!(request.limits.unwrap().cpus, 4);
        assert_eq!(request.effort.as_deref(), Some("high"));
        assert_eq!(request.repository.as_deref(), Some("https://host/a.git"));
    }

    #[test]
    fn what_only_this_machine_can_do_is_refused() {
        for (arguments, words) in [
            (["--repo", ".", "do it"].as_slice(), "cannot see `.`"),
            (&["--replay", "c.json", "do it"], "--replay is not for runs at a server"),
            (&["--allow-degraded", "do it"], "--allow-degraded"),
        ] {
            let problem = asked(arguments).unwrap_err();
            assert!(problem.message.contains(words), "{}", problem.message);
        }
    }
}
