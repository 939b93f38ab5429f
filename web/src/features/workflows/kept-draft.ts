// What somebody changed in a workflow and has not saved stays on this device, through a reload or a closed tab.
import { type Draft, isDirty } from "@/lib/draft";
import type { Pipeline } from "./pipeline";

export type WorkflowFields = { description: string; pipeline: Pipeline };

const place = (project: string, name: string) => `codecourier.draft.workflow.${project}.${name}`;

export function keepDraft(project: string, name: string, draft: Draft<WorkflowFields>): void {
  try {
    if (isDirty(draft)) {
      localStorage.setItem(place(project, name), JSON.stringify(draft));
    } else {
      localStorage.removeItem(place(project, name));
    }
  } catch {
    // A full or forbidden storage takes the safety, not the editor.
  }
}

export function keptDraft(project: string, name: string): Draft<WorkflowFields> | undefined {
  try {
    const draft = JSON.parse(
      localStorage.getItem(place(project, name)) ?? "null",
    ) as Draft<WorkflowFields> | null;
    const sound =
      draft &&
      typeof draft.tag === "string" &&
      [draft.mine, draft.base].every((each) => Array.isArray(each?.pipeline)) &&
      typeof draft.theirs === "object";
    return sound && isDirty(draft) ? draft : undefined;
  } catch {
    return undefined;
  }
}
