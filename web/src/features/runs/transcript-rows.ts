// What a transcript shows, made of what happened. Pure.
//
// A tool's call and its result are one row; usage and model requests are counted elsewhere and have none.
import type { RunEvent } from "@/live/run-events";

type Common = { key: string; seq: number; at: string; stepId: string | null };

export type Row = Common &
  (
    | { kind: "text"; text: string; partial: boolean }
    | { kind: "thinking"; text: string; partial: boolean }
    | { kind: "prompt"; text: string }
    | {
        kind: "tool";
        name: string;
        input: unknown;
        /** The one thing of the input that tells what it is about: a file, a command. */
        subject: string;
        result: { succeeded: boolean; output: string; truncated: boolean } | undefined;
      }
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
    | { kind: "notice"; tone: "info" | "warning" | "error"; text: string }
  );

export type Finding = {
  message: string;
  file: string | undefined;
  line: number | undefined;
  severity: string | undefined;
};

/** The rows of events in their order; `pieces` are what is being written now, by step. */
export function rowsOf(
  events: readonly RunEvent[],
  pieces: ReadonlyMap<string, { kind: string; text: string }>,
  step?: string,
): Row[] {
  const rows: Row[] = [];
  const calls = new Map<string, Extract<Row, { kind: "tool" }>>();
  for (const event of events) {
    if (step && event.stepId !== step) {
      continue;
    }
    if (event.event.kind === "tool_result") {
      const call = calls.get(`${event.stepId} ${text(event.event.call)}`);
      if (call) {
        call.result = {
          succeeded: event.event.succeeded === true,
          output: text(event.event.output),
          truncated: event.event.truncated === true,
        };
        continue;
      }
    }
    const row = rowOf(event);
    if (row) {
      rows.push(row);
      if (row.kind === "tool") {
        calls.set(`${event.stepId} ${text(event.event.call)}`, row);
      }
    }
  }
  for (const [stepId, piece] of pieces) {
    if ((!step || step === stepId) && piece.text && (piece.kind === "text" || piece.kind === "thinking")) {
      const common = { key: `piece-${stepId}`, seq: Number.MAX_SAFE_INTEGER, at: "", stepId };
      rows.push({ ...common, kind: piece.kind, text: piece.text, partial: true });
    }
  }
  return rows;
}

function rowOf({ seq, stepId, at, event }: RunEvent): Row | undefined {
  const common = { key: String(seq), seq, at, stepId };
  switch (event.kind) {
    case "text":
    case "thinking":
      return text(event.text)
        ? { ...common, kind: event.kind, text: text(event.text), partial: false }
        : undefined;
    case "prompt":
      return { ...common, kind: "prompt", text: text(event.text) };
    case "tool_call":
      return {
        ...common,
        kind: "tool",
        name: text(event.name),
        input: event.input,
        subject: subjectOf(event.input),
        result: undefined,
      };
    case "tool_result":
      return {
        ...common,
        kind: "tool",
        name: text(event.call),
        input: undefined,
        subject: "",
        result: {
          succeeded: event.succeeded === true,
          output: text(event.output),
          truncated: event.truncated === true,
        },
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
        findings: list(verdict.findings).map((finding) => ({
          message: text(finding.message),
          file: optional(finding.file),
          line: number(finding.line),
          severity: optional(finding.severity),
        })),
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
      return {
        ...common,
        kind: "failure",
        code: text(failure.class),
        message: text(failure.message),
      };
    }
    case "retry":
      return { ...common, kind: "notice", tone: "warning", text: text(event.message) };
    case "permission_denied":
      return { ...common, kind: "notice", tone: "warning", text: text(event.tool) };
    case "notice":
      return { ...common, kind: "notice", tone: "info", text: text(event.message) };
    case "agent_stderr":
      return { ...common, kind: "notice", tone: "warning", text: text(event.line) };
    case "asked_again":
      return { ...common, kind: "notice", tone: "warning", text: text(event.problem) };
    case "unknown":
      return { ...common, kind: "notice", tone: "warning", text: text(event.raw) };
    case "turn_ended":
      return event.error ? { ...common, kind: "notice", tone: "error", text: text(event.error) } : undefined;
    default:
      return undefined;
  }
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
