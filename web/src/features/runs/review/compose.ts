// The one message that comments become. Pure. In English whatever the language of the page: it is for an agent, whose
// other instructions are English too.
import type { Comment } from "./review-rows";

/** The longest prompt that the server takes. */
export const LONGEST_PROMPT = 51_200;

/** How many lines of code are quoted for one comment. */
const QUOTED = 30;

/** How much of the task that came before is told again. */
const TASK = 4_000;

/** `task` is what the work was begun with, for an agent that was not there. */
export function compose(comments: readonly Comment[], remark: string, task?: string): string {
  const parts = [];
  if (task) {
    // The first line names the run in lists, and its branch.
    const count = comments.length === 1 ? "1 comment" : `${comments.length} comments`;
    parts.push(comments.length > 0 ? `Review of "${titleOf(task)}": ${count}` : `More on "${titleOf(task)}"`);
  }
  if (remark.trim()) {
    parts.push(remark.trim());
  }
  if (comments.length > 0) {
    parts.push(
      comments.length === 1
        ? "There is a review comment on your change. Work through it:"
        : `There are ${comments.length} review comments on your change. Work through all of them:`,
    );
  }
  for (const [index, comment] of inOrder(comments).entries()) {
    parts.push(`${index + 1}. ${place(comment)}\n\n${quoted(comment.quote)}\n\n${comment.text.trim()}`);
  }
  if (task) {
    const told = task.length > TASK ? `${task.slice(0, TASK)}…` : task;
    parts.push(
      `The work is on this branch already; go on from there. Its task was:\n\n${told.replace(/^/gm, "> ")}`,
    );
  }
  return parts.join("\n\n");
}

/** What a task is called: its first line, without what a review of it put around that. */
function titleOf(task: string): string {
  const line = task.trim().split("\n", 1)[0] ?? "";
  const title = /^(?:Review of|More on) "(.+)"/.exec(line)?.[1] ?? line;
  return title.length > 60 ? `${title.slice(0, 60).trimEnd()}…` : title;
}

export function inOrder(comments: readonly Comment[]): Comment[] {
  return comments.toSorted((one, other) =>
    one.path === other.path ? one.to - other.to : one.path < other.path ? -1 : 1,
  );
}

function place({ path, side, from, to }: Comment): string {
  const lines = from === to ? `line ${to}` : `lines ${from}-${to}`;
  return `\`${path}\`, ${lines}${side === "before" ? " before the change (removed)" : ""}:`;
}

/** In a fence that nothing in the code ends. */
function quoted(code: string): string {
  const lines = code.split("\n");
  const shown = lines.length > QUOTED ? [...lines.slice(0, QUOTED), "…"] : lines;
  const longest = Math.max(2, ...[...code.matchAll(/`+/g)].map((ticks) => ticks[0].length));
  const fence = "`".repeat(longest + 1);
  return `${fence}\n${shown.join("\n")}\n${fence}`;
}
