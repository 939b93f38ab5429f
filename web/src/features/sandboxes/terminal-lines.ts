// What a terminal in the sandbox would show: the commands that ran there with what they wrote, made of what was recorded.
import type { RunEvent } from "@/live/run-events";

export type Line = { key: string; seq: number; at: string } & (
  | { kind: "command"; text: string; call: string }
  | { kind: "output"; text: string; cut: boolean }
  | { kind: "error"; text: string }
  | { kind: "check"; name: string; code: number | undefined; durationMs: number | undefined }
  | { kind: "phase"; phase: string; state: string; durationMs: number | undefined }
);

export type Screen = {
  lines: readonly Line[];
  /** The last command has not answered yet. */
  working: boolean;
};

/** How much of one output is shown: the end of it, as a terminal would. */
const LONGEST_OUTPUT = 64_000;

const made = new WeakMap<RunEvent, readonly Line[]>();

/** The lines of a step. The same objects for the same events, however many come after them. */
export function screenOf(events: readonly RunEvent[], step: string): Screen {
  const lines: Line[] = [];
  const running = new Set<string>();
  const commands = new Set<string>();
  for (const event of events) {
    if (event.stepId !== step) {
      continue;
    }
    const { event: body } = event;
    if (body.kind === "tool_result") {
      // The result of what was no command is not the terminal's.
      if (commands.delete(String(body.call))) {
        running.delete(String(body.call));
        lines.push(...linesFor(event));
      }
      continue;
    }
    if (body.kind === "turn_ended" || body.kind === "interrupted") {
      running.clear();
    }
    for (const line of linesFor(event)) {
      if (line.kind === "command") {
        commands.add(line.call);
        running.add(line.call);
      }
      lines.push(line);
    }
  }
  return { lines, working: running.size > 0 };
}

function linesFor(event: RunEvent): readonly Line[] {
  const known = made.get(event);
  if (known) {
    return known;
  }
  const lines = linesOf(event);
  made.set(event, lines);
  return lines;
}

function linesOf({ seq, at, event }: RunEvent): Line[] {
  const common = { key: String(seq), seq, at };
  switch (event.kind) {
    case "tool_call": {
      const command = commandOf(event.input);
      return command ? [{ ...common, kind: "command", text: command, call: String(event.call) }] : [];
    }
    case "tool_result":
      return output(common, event.output, event.truncated === true);
    case "agent_stderr":
      return [{ ...common, kind: "error", text: text(event.line) }];
    case "unknown":
      return output(common, event.raw, false);
    case "check": {
      const result = record(event.result);
      const code = record(result.outcome).code;
      return [
        {
          ...common,
          kind: "check",
          name: text(result.name),
          code: typeof code === "number" ? code : undefined,
          durationMs: number(result.durationMs),
        },
        ...output({ ...common, key: `${common.key}-output` }, result.outputTail, false),
      ];
    }
    case "phase":
      return [
        {
          ...common,
          kind: "phase",
          phase: text(event.phase),
          state: text(event.state),
          durationMs: number(event.durationMs),
        },
      ];
    case "failed":
      return [{ ...common, kind: "error", text: text(record(event.failure).message) }];
    default:
      return [];
  }
}

type Common = Pick<Line, "key" | "seq" | "at">;

function output(common: Common, said: unknown, truncated: boolean): Line[] {
  const whole = text(said).replace(/\n$/, "");
  const cut = truncated || whole.length > LONGEST_OUTPUT;
  return whole ? [{ ...common, kind: "output", text: whole.slice(-LONGEST_OUTPUT), cut }] : [];
}

/** The command of a call, whatever tool of whichever agent it is. */
function commandOf(input: unknown): string {
  const { command, cmd } = record(input);
  const given = command ?? cmd;
  if (Array.isArray(given)) {
    return given.filter((part) => typeof part === "string").join(" ");
  }
  return text(given);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function number(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
