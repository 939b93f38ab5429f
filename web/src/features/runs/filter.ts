// The filter of a list of runs as people write it: `status:failed workflow:single words of the prompt`. Pure.
import type { RunFilter } from "@/api/queries";
import { statuses } from "./status";

/** What was written, as a filter. What is no filter is searched for. */
export function readFilter(text: string): RunFilter {
  const filter: RunFilter = {};
  const words: string[] = [];
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const [, name, value] = /^(\w+):(.+)$/.exec(word) ?? [];
    const status = statuses.find((each) => each === value);
    if (name === "status" && status) {
      filter.status = status;
    } else if (name === "workflow" && value) {
      filter.workflow = value;
    } else if (name === "sort" && value === "oldest") {
      filter.sort = value;
    } else {
      words.push(word);
    }
  }
  return words.length > 0 ? { ...filter, text: words.join(" ") } : filter;
}

/** A filter as it is written. */
export function writeFilter({ status, workflow, sort, text }: RunFilter): string {
  return [status && `status:${status}`, workflow && `workflow:${workflow}`, sort && `sort:${sort}`, text]
    .filter(Boolean)
    .join(" ");
}
