// Which runs belong to a list. Pure.
import type { RunFilter } from "./queries";

/** Whether a run belongs to a list. */
export function fits(
  run: { status: string; workflow: string; promptPreview: string },
  { status, workflow, text }: RunFilter,
): boolean {
  return (
    (!status || run.status === status) &&
    (!workflow || run.workflow === workflow) &&
    (!text || run.promptPreview.toLowerCase().includes(text.toLowerCase()))
  );
}
