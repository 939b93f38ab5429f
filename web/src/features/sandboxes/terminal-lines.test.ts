import { expect, test } from "vitest";
import type { RunEvent } from "@/live/run-events";
import { screenOf } from "./terminal-lines";

let seq = 0;
const event = (kind: string, rest: Record<string, unknown> = {}, stepId = "stp_1"): RunEvent => ({
  seq: ++seq,
  stepId,
  at: "2026-11-23T12:00:00.000Z",
  event: { kind, ...rest },
});
const call = (id: string, input: unknown) => event("tool_call", { call: id, name: "Bash", input });
const result = (id: string, output: string, rest = {}) =>
  event("tool_result", { call: id, succeeded: true, output, ...rest });

test("commands and what they wrote are shown, and what is no command is not", () => {
  const events = [
    event("text", { text: "I look around." }),
    call("1", { command: "ls --color" }),
    call("2", { file_path: "a.py" }),
    result("2", "print(1)"),
    result("1", "\u001b[34msrc\u001b[0m\n"),
    call("3", { command: ["cargo", "test"] }),
    call("4", { cmd: "make" }),
    event("agent_stderr", { line: "warning: x" }),
    event("tool_call", { call: "5", name: "Bash", input: { command: "elsewhere" } }, "stp_2"),
  ];
  const { lines, working } = screenOf(events, "stp_1");
  expect(lines.map((line) => [line.kind, "text" in line ? line.text : ""])).toEqual([
    ["command", "ls --color"],
    ["output", "\u001b[34msrc\u001b[0m"],
    ["command", "cargo test"],
    ["command", "make"],
    ["error", "warning: x"],
  ]);
  expect(working).toBe(true);
  expect(screenOf([...events, result("3", "ok"), result("4", "")], "stp_1").working).toBe(false);
  expect(screenOf([...events, event("turn_ended")], "stp_1").working).toBe(false);
});

test("checks and phases are told apart from what the agent ran", () => {
  const { lines } = screenOf(
    [
      event("phase", { phase: "checks", state: "started" }),
      event("check", {
        result: { name: "tests", outcome: { code: 1 }, durationMs: 1200, outputTail: "1 failed\n" },
      }),
      event("failed", { failure: { message: "The setup script failed." } }),
    ],
    "stp_1",
  );
  expect(lines).toMatchObject([
    { kind: "phase", phase: "checks", state: "started" },
    { kind: "check", name: "tests", code: 1, durationMs: 1200 },
    { kind: "output", text: "1 failed" },
    { kind: "error", text: "The setup script failed." },
  ]);
});

test("of a long output the end is kept, and lines stay the same objects", () => {
  const events = [call("9", { command: "yes" }), result("9", `${"y\n".repeat(100_000)}end`)];
  const { lines } = screenOf(events, "stp_1");
  const output = lines[1];
  expect(output?.kind === "output" && output.cut && output.text.endsWith("end")).toBe(true);
  expect(output?.kind === "output" ? output.text.length : 0).toBeLessThanOrEqual(64_000);
  expect(screenOf([...events, event("text")], "stp_1").lines[1]).toBe(output);
});
