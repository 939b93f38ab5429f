import { expect, test } from "vitest";
import type { RunEvent } from "@/live/run-events";
import { givenPictures } from "./pictures/named";
import { rowsOf as allRowsOf, type Pieces, TranscriptRows } from "./transcript-rows";

const events = (...bodies: RunEvent["event"][]): RunEvent[] =>
  bodies.map((event, index) => ({ seq: index + 1, stepId: "stp_a", at: "2026-11-23T08:00:00.000Z", event }));

const none: Pieces = new Map();

/** Without the headings of the steps. */
const rowsOf = (...given: Parameters<typeof allRowsOf>) =>
  allRowsOf(...given).filter((row) => row.kind !== "step");

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

test("a connection that was asked for says where to and what became of it", () => {
  const asked = (outcome: string, host: string, port: number) => ({ kind: "egress", outcome, host, port });
  const rows = rowsOf(
    events(
      asked("allowed", "api.anthropic.com", 443),
      asked("not_listed", "example.com", 443),
      asked("malformed", "", 0),
      asked("something new", "example.com", 443),
    ),
    none,
  );
  expect(rows).toMatchObject([
    { kind: "connection", to: "api.anthropic.com:443", outcome: "allowed" },
    { kind: "connection", to: "example.com:443", outcome: "not_listed" },
    { kind: "connection", to: "…", outcome: "malformed" },
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

test("rows stay the same objects until what they show is another", () => {
  const all = events(
    { kind: "text", text: "Before." },
    { kind: "tool_call", call: "1", name: "Bash", input: {} },
    { kind: "text", text: "Meanwhile." },
    { kind: "tool_result", call: "1", succeeded: true, output: "done" },
    { kind: "usage_reported" },
  );
  const maker = new TranscriptRows("stp_a");
  const before = maker.of(all.slice(0, 3), none);
  const after = maker.of(all.slice(0, 4), none);
  expect([before[0] === after[0], before[1] === after[1], before[2] === after[2]]).toEqual([
    true,
    false,
    true,
  ]);
  expect(maker.of(all, none)).toBe(after);
});

test("older events that are read later come before the others, once", () => {
  const all = events(
    { kind: "text", text: "One." },
    { kind: "text", text: "Two." },
    { kind: "text", text: "Three." },
  );
  const maker = new TranscriptRows("stp_a");
  maker.of(all.slice(1), none);
  expect(maker.of(all, none).map((row) => row.kind === "text" && row.text)).toEqual([
    "One.",
    "Two.",
    "Three.",
  ]);
});

test("where another step begins there is a heading, unless only one step is shown", () => {
  const [one, two] = events({ kind: "text", text: "x" }, { kind: "text", text: "y" }) as [RunEvent, RunEvent];
  const both = [one, { ...two, stepId: "stp_b" }];
  expect(allRowsOf(both, none).map((row) => row.kind)).toEqual(["step", "text", "step", "text"]);
  expect(allRowsOf(both, none, "stp_b").map((row) => row.kind)).toEqual(["text"]);
});

test("lines of errors one after the other are one row", () => {
  const rows = rowsOf(
    events(
      { kind: "agent_stderr", line: "a" },
      { kind: "agent_stderr", line: "b" },
      { kind: "text", text: "x" },
      { kind: "agent_stderr", line: "c" },
    ),
    none,
  );
  expect(rows).toMatchObject([{ text: "a\nb", lines: 2 }, { kind: "text" }, { text: "c", lines: 1 }]);
});

test("a question for permission has its answer, a plan its entries, a changed file its change", () => {
  const rows = rowsOf(
    events(
      { kind: "permission_asked", request: "1", tool: "Bash", input: { command: "rm x" } },
      { kind: "permission_answered", request: "1", answer: "allowed" },
      { kind: "plan", entries: [{ text: "Write it", status: "in_progress" }, null] },
      { kind: "file_changed", path: "a.py", change: "modified", diff: "+x" },
    ),
    none,
  );
  expect(rows).toMatchObject([
    { kind: "permission", subject: "rm x", answer: "allowed" },
    { kind: "plan", entries: [{ text: "Write it", status: "in_progress" }, {}] },
    { kind: "file", path: "a.py", diff: "+x" },
  ]);
});

test("the pictures that a tool gave belong to its call, each by its name and nothing else", () => {
  const [one, two] = ["a".repeat(64), "b".repeat(64)];
  const images = [one, two, one, "../secret", undefined].map((image) => ({
    image,
    mediaType: "image/png",
    size: 1,
  }));
  const [row] = rowsOf(
    events(
      { kind: "tool_call", call: "1", name: "Read", input: { file_path: "a.png" } },
      { kind: "tool_result", call: "1", succeeded: true, output: "", images },
    ),
    none,
  );
  expect(row).toMatchObject({ kind: "tool", result: { images: [one, two, one] } });
  // One of the run's own that the tool read is shown already.
  const own = [{ number: 1, image: two }];
  expect(givenPictures([one, two, one], own)).toEqual([{ number: 1, image: one }]);
});

test("a prompt and a call say which pictures of the run they are about", () => {
  const at = (number: number) => `/home/user/reference-images/${number}.png`;
  expect(
    rowsOf(
      events(
        { kind: "prompt", text: `The task.\n\n- ${at(1)}\n- ${at(2)}\n` },
        { kind: "tool_call", call: "1", name: "Read", input: { file_path: at(2) } },
        { kind: "tool_result", call: "1", succeeded: true, output: "" },
        { kind: "prompt", text: "No pictures, though /tmp/1.png is named." },
      ),
      none,
    ),
  ).toMatchObject([{ pictures: [1, 2] }, { pictures: [2], result: { succeeded: true } }, { pictures: [] }]);
});

test("what people say and do to an agent is told, and by whom", () => {
  expect(
    rowsOf(
      events(
        { kind: "user_message", text: "Add a test.", by: "usr_a" },
        { kind: "interrupted", by: "usr_a" },
        { kind: "model_switched", model: "opus", by: "key_a" },
        { kind: "conversation_ended", by: "operator" },
      ),
      none,
    ),
  ).toMatchObject([
    { kind: "message", text: "Add a test.", by: "usr_a" },
    { kind: "deed", deed: "interrupted" },
    { kind: "deed", deed: "switched", model: "opus", by: "key_a" },
    { kind: "deed", deed: "ended", by: "operator" },
  ]);
});
