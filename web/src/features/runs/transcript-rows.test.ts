import { expect, test } from "vitest";
import type { RunEvent } from "@/live/run-events";
import { rowsOf } from "./transcript-rows";

const events = (...bodies: RunEvent["event"][]): RunEvent[] =>
  bodies.map((event, index) => ({ seq: index + 1, stepId: "stp_a", at: "2026-11-23T08:00:00.000Z", event }));

const none = new Map();

test("a call and its result are one row, also with others in between", () => {
  const rows = rowsOf(
    events(
      { kind: "tool_call", call: "1", name: "Bash", input: { command: "ls\nsecond line" } },
      { kind: "tool_call", call: "2", name: "Read", input: { file_path: "/a" } },
      { kind: "tool_result", call: "1", succeeded: false, output: "no" },
    ),
    none,
  );
  expect(rows).toMatchObject([
    { kind: "tool", name: "Bash", subject: "ls", result: { succeeded: false, output: "no" } },
    { kind: "tool", name: "Read", subject: "/a", result: undefined },
  ]);
});

test("a result whose call was not read is not lost", () => {
  const rows = rowsOf(events({ kind: "tool_result", call: "9", succeeded: true, output: "fine" }), none);
  expect(rows).toMatchObject([{ kind: "tool", result: { output: "fine" } }]);
});

test("a call of another step with the same name is another call", () => {
  const [call, result] = events(
    { kind: "tool_call", call: "1", name: "Bash", input: {} },
    { kind: "tool_result", call: "1", succeeded: true, output: "x" },
  ) as [RunEvent, RunEvent];
  expect(rowsOf([call, { ...result, stepId: "stp_b" }], none)).toHaveLength(2);
});

test("a check says whether it passed and what it printed", () => {
  const check = (outcome: object) => ({
    kind: "check",
    result: { name: "tests", requirement: "advisory", outcome, outputTail: "OK" },
  });
  expect(
    rowsOf(events(check({ kind: "exited", code: 0 }), check({ kind: "timed_out" })), none),
  ).toMatchObject([
    { kind: "check", passed: true, required: false, output: "OK" },
    { kind: "check", passed: false },
  ]);
});

test("what is being written comes last, and only of the step that is shown", () => {
  const pieces = new Map([
    ["stp_a", { kind: "text", text: "I am wri" }],
    ["stp_b", { kind: "thinking", text: "hm" }],
  ]);
  const rows = rowsOf(events({ kind: "text", text: "Before." }), pieces, "stp_a");
  expect(rows.map((row) => row.kind === "text" && row.text)).toEqual(["Before.", "I am wri"]);
});

test("events of any shape are shown or left out, and break nothing", () => {
  const odd = [
    { kind: "text", text: 7 },
    { kind: "verdict" },
    { kind: "check", result: null },
    { kind: "failed", failure: [] },
    { kind: "tool_call", input: null },
    { kind: "of another version", anything: {} },
    { kind: "phase", state: "finished" },
  ];
  expect(() => rowsOf(events(...odd), none)).not.toThrow();
});
