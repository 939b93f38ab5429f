// What a transcript shows, made of what happened.
//
// A tool's call and its result are one row, lines that a program wrote one after the other are one, too; usage and model
// requests are counted elsewhere and have none. Rows are made once and stay the same objects until what they show is
// another: events come hundreds in a second, and only what changed is drawn again.
import type { RunEvent } from "@/live/run-events";
import { isName, named } from "./pictures/named";

type Common = {
  key: string;
  seq: number;
  at: string;
  stepId: string | null;
  /** The call that started the sub-agent whose row this is. */
  parent?: string | undefined;
};

/** What a tool gave back. */
export type Result = {
  succeeded: boolean;
  output: string;
  truncated: boolean;
  /** The pictures among it, by their names. */
  images: string[];
};

export type PlanEntry = { text: string; status: string };

export type Row = Common &
  (
    | { kind: "step" }
    | { kind: "text"; text: string; partial: boolean }
    | { kind: "thinking"; text: string; partial: boolean }
    /** With the pictures of the run that come with it, by number. */
    | { kind: "prompt"; text: string; pictures: number[] }
    /** What a person said to the agent. */
    | { kind: "message"; text: string; by: string }
    /** What a person did to it. */
    | { kind: "deed"; deed: Deed; by: string; model: string }
    | {
        kind: "tool";
        name: string;
        input: unknown;
        /** The one thing of the input that tells what it is about: a file, a command. */
        subject: string;
        /** The pictures of the run that it looks at, by number. */
        pictures: number[];
        result: Result | undefined;
      }
    | { kind: "file"; path: string; change: string; diff: string }
    | { kind: "plan"; entries: PlanEntry[] }
    | {
        kind: "permission";
        tool: string;
        input: unknown;
        subject: string;
        answer: string | undefined;
      }
    | { kind: "collected"; commits: number; files: number; insertions: number; deletions: number }
    | {
        kind: "phase";
        phase: string;
        state: string;
        durationMs: number | undefined;
        detail: string | undefined;
      }
    | { kind: "verdict"; verdict: string; feedback: string; findings: Finding[] }
    | {
        kind: "check";
        name: string;
        passed: boolean;
        required: boolean;
        output: string;
        durationMs: number | undefined;
      }
    | { kind: "failure"; code: string; message: string }
    | { kind: "session"; model: string; version: string }
    | { kind: "model"; model: string }
    | { kind: "connection"; to: string; outcome: ConnectionOutcome }
    | { kind: "notice"; tone: "info" | "warning" | "error"; text: string; lines: number }
  );

export type Deed = "interrupted" | "switched" | "ended";

/** What became of a connection that something in the sandbox asked for. */
const connectionOutcomes = [
  "allowed",
  "unreachable",
  "not_listed",
  "malformed",
  "private_address",
  "wrong_token",
  "not_a_tunnel",
  "not_for_host",
] as const;
export type ConnectionOutcome = (typeof connectionOutcomes)[number];

export type Finding = {
  message: string;
  file: string | undefined;
  line: number | undefined;
  severity: string | undefined;
};

export type Pieces = ReadonlyMap<string, { kind: string; text: string }>;

/** What was made of an event, so that it is the same object also when all rows are put together anew. */
const made = new WeakMap<RunEvent, Row | undefined>();

function rowFor(event: RunEvent): Row | undefined {
  if (!made.has(event)) {
    made.set(event, rowOf(event));
  }
  return made.get(event);
}

/** A call with its result: as one row, made when the result is there. */
function answered(call: Extract<Row, { kind: "tool" }>, event: RunEvent): Row {
  const before = made.get(event);
  if (before?.kind === "tool" && before.key === call.key) {
    return before;
  }
  const row = { ...call, result: resultOf(event.event) };
  made.set(event, row);
  return row;
}

/** Makes rows of events as they come. */
export class TranscriptRows {
  private rows: Row[] = [];
  private calls = new Map<string, number>();
  private asked = new Map<string, number>();
  private first: number | undefined;
  private last = 0;
  private stepId: string | null | undefined;
  private lastPieces: Pieces | undefined;
  private shown: readonly Row[] = [];

  constructor(private readonly step: string | undefined) {}

  /** The rows of events in their order, and of what is being written now. The same array while nothing changed. */
  of(events: readonly RunEvent[], pieces: Pieces): readonly Row[] {
    const first = events[0]?.seq;
    let changed = this.lastPieces !== pieces;
    if (first !== this.first) {
      // Older ones came before the others, or left: everything is in another place now, which is seldom.
      this.rows = [];
      this.calls = new Map();
      this.asked = new Map();
      this.stepId = undefined;
      this.first = first;
      this.last = 0;
      changed = true;
    }
    for (let at = firstAfter(events, this.last); at < events.length; at++) {
      const event = events[at];
      if (event) {
        this.last = event.seq;
        changed = this.take(event) || changed;
      }
    }
    if (changed) {
      this.lastPieces = pieces;
      this.shown = [...this.rows, ...this.written(pieces)];
    }
    return this.shown;
  }

  private take(event: RunEvent): boolean {
    if (this.step && event.stepId !== this.step) {
      return false;
    }
    const body = event.event;
    if (body.kind === "tool_result") {
      const index = this.calls.get(nameOf(event, body.call));
      const call = index === undefined ? undefined : this.rows[index];
      if (index !== undefined && call?.kind === "tool") {
        this.rows[index] = answered(call, event);
        return true;
      }
    }
    if (body.kind === "permission_answered") {
      const index = this.asked.get(nameOf(event, body.request));
      const question = index === undefined ? undefined : this.rows[index];
      if (index !== undefined && question?.kind === "permission") {
        this.rows[index] = { ...question, answer: text(body.answer) };
      }
      return true;
    }
    const row = rowFor(event);
    if (!row) {
      return false;
    }
    if (!this.step && event.stepId !== this.stepId && event.stepId) {
      this.stepId = event.stepId;
      this.rows.push({ kind: "step", key: `step-${row.key}`, seq: row.seq, at: "", stepId: event.stepId });
    }
    const before = this.rows.at(-1);
    if (
      body.kind === "agent_stderr" &&
      row.kind === "notice" &&
      isStderr(before) &&
      before.stepId === row.stepId
    ) {
      this.rows[this.rows.length - 1] = {
        ...before,
        text: `${before.text}\n${row.text}`,
        lines: before.lines + 1,
      };
      return true;
    }
    this.rows.push(row);
    if (body.kind === "tool_call") {
      this.calls.set(nameOf(event, body.call), this.rows.length - 1);
    } else if (body.kind === "permission_asked") {
      this.asked.set(nameOf(event, body.request), this.rows.length - 1);
    }
    return true;
  }

  private written(pieces: Pieces): Row[] {
    const rows: Row[] = [];
    for (const [stepId, piece] of pieces) {
      if (
        (!this.step || this.step === stepId) &&
        piece.text &&
        (piece.kind === "text" || piece.kind === "thinking")
      ) {
        const common = { key: `piece-${stepId}`, seq: Number.MAX_SAFE_INTEGER, at: "", stepId };
        rows.push({ ...common, kind: piece.kind, text: piece.text, partial: true });
      }
    }
    return rows;
  }
}

/** All rows at once. */
export function rowsOf(events: readonly RunEvent[], pieces: Pieces, step?: string): readonly Row[] {
  return new TranscriptRows(step).of(events, pieces);
}

/** Where the first event after a number is; the numbers only grow. */
function firstAfter(events: readonly RunEvent[], seq: number): number {
  let [low, high] = [0, events.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((events[middle]?.seq ?? 0) > seq) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

function nameOf(event: RunEvent, call: unknown): string {
  return `${event.stepId} ${text(call)}`;
}

function isStderr(row: Row | undefined): row is Extract<Row, { kind: "notice" }> {
  return row?.kind === "notice" && row.key.startsWith("err-");
}

function resultOf(event: RunEvent["event"]): Result {
  return {
    succeeded: event.succeeded === true,
    output: text(event.output),
    truncated: event.truncated === true,
    images: list(event.images).flatMap(({ image }) => (isName(image) ? [image] : [])),
  };
}

function rowOf({ seq, stepId, at, event }: RunEvent): Row | undefined {
  const parent = optional(event.parentCall);
  const common: Common = { key: String(seq), seq, at, stepId, ...(parent ? { parent } : {}) };
  const notice = (tone: "info" | "warning" | "error", said: unknown): Row => ({
    ...common,
    kind: "notice",
    tone,
    text: text(said),
    lines: 1,
  });
  switch (event.kind) {
    case "session_started":
      return { ...common, kind: "session", model: text(event.model), version: text(event.agentVersion) };
    case "model_changed":
      return { ...common, kind: "model", model: text(event.model) };
    case "egress": {
      const outcome = connectionOutcomes.find((known) => known === event.outcome);
      const port = number(event.port);
      const to = port ? `${text(event.host)}:${port}` : text(event.host);
      return outcome && { ...common, kind: "connection", to: to || "…", outcome };
    }
    case "text":
    case "thinking":
      return text(event.text)
        ? { ...common, kind: event.kind, text: text(event.text), partial: false }
        : undefined;
    case "prompt":
      return { ...common, kind: "prompt", text: text(event.text), pictures: named(text(event.text)) };
    case "user_message":
      return { ...common, kind: "message", text: text(event.text), by: text(event.by) };
    case "interrupted":
      return { ...common, kind: "deed", deed: "interrupted", by: text(event.by), model: "" };
    case "model_switched":
      return { ...common, kind: "deed", deed: "switched", by: text(event.by), model: text(event.model) };
    case "conversation_ended":
      return { ...common, kind: "deed", deed: "ended", by: text(event.by), model: "" };
    case "tool_call":
      return {
        ...common,
        kind: "tool",
        name: text(event.name),
        input: event.input,
        subject: subjectOf(event.input),
        pictures: named(subjectOf(event.input)),
        result: undefined,
      };
    case "tool_result":
      return {
        ...common,
        kind: "tool",
        name: text(event.call),
        input: undefined,
        subject: "",
        pictures: [],
        result: resultOf(event),
      };
    case "file_changed":
      return {
        ...common,
        kind: "file",
        path: text(event.path),
        change: text(event.change),
        diff: text(event.diff),
      };
    case "plan":
      return {
        ...common,
        kind: "plan",
        entries: list(event.entries).map((entry) => ({ text: text(entry.text), status: text(entry.status) })),
      };
    case "permission_asked":
      return {
        ...common,
        kind: "permission",
        tool: text(event.tool),
        input: event.input,
        subject: subjectOf(event.input),
        answer: undefined,
      };
    case "permission_denied":
      return {
        ...common,
        kind: "permission",
        tool: text(event.tool),
        input: undefined,
        subject: "",
        answer: "refused",
      };
    case "collected":
      return {
        ...common,
        kind: "collected",
        commits: number(event.commits) ?? 0,
        files: number(event.files) ?? 0,
        insertions: number(event.insertions) ?? 0,
        deletions: number(event.deletions) ?? 0,
      };
    case "phase":
      return event.state === "started"
        ? undefined
        : {
            ...common,
            kind: "phase",
            phase: text(event.phase),
            state: text(event.state),
            durationMs: number(event.durationMs),
            detail: optional(event.detail),
          };
    case "verdict": {
      const verdict = record(event.verdict);
      return {
        ...common,
        kind: "verdict",
        verdict: text(verdict.verdict),
        feedback: text(verdict.feedback),
        findings: findingsOf(verdict.findings),
      };
    }
    case "check": {
      const result = record(event.result);
      return {
        ...common,
        kind: "check",
        name: text(result.name),
        passed: record(result.outcome).code === 0,
        required: result.requirement !== "advisory",
        output: text(result.outputTail),
        durationMs: number(result.durationMs),
      };
    }
    case "failed": {
      const failure = record(event.failure);
      return { ...common, kind: "failure", code: text(failure.class), message: text(failure.message) };
    }
    case "retry":
      return notice("warning", event.message);
    case "notice":
      return notice("info", event.message);
    case "agent_stderr":
      return { ...notice("warning", event.line), key: `err-${seq}` };
    case "asked_again":
      return notice("warning", event.problem);
    case "unknown":
      return notice("warning", event.raw);
    case "turn_ended":
      return event.error ? notice("error", event.error) : undefined;
    default:
      return undefined;
  }
}

/** The single findings of a verdict, whatever shape they came in. */
export function findingsOf(value: unknown): Finding[] {
  return list(value).map((finding) => ({
    message: text(finding.message),
    file: optional(finding.file),
    line: number(finding.line),
    severity: optional(finding.severity),
  }));
}

/** The value of the argument that coding agents name what they work on by. */
export function subjectOf(input: unknown): string {
  const given = record(input);
  for (const name of [
    "command",
    "file_path",
    "path",
    "filePath",
    "pattern",
    "query",
    "url",
    "description",
    "skill",
    "prompt",
  ]) {
    const value = given[name];
    if (typeof value === "string" && value) {
      return value.split("\n", 1)[0] ?? "";
    }
  }
  return "";
}

function text(value: unknown): string {
  return typeof value === "string"
    ? value
    : value === undefined || value === null
      ? ""
      : JSON.stringify(value);
}

function optional(value: unknown): string | undefined {
  return typeof value === "string" && value ? value : undefined;
}

function number(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

function list(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.map(record) : [];
}
