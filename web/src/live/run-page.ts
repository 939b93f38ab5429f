// Pages of a run's events, as the server has them; and the one that is read before the run's screen is there.
import { api, body } from "@/api/client";

/** A recorded event. Its `event` is one of the kinds that the manual lists, told apart by `kind`. */
export type RunEvent = {
  seq: number;
  stepId: string | null;
  at: string;
  event: { kind: string } & Record<string, unknown>;
};

export type Page = { data: RunEvent[]; hasMore: boolean };

/** How many events of a run are read at once, unless somebody waits for what is far away. */
export const PAGE = 500;

/** What is before an event, in order. */
export async function pageOf(
  slug: string,
  run: string,
  query: { before: number; limit: number },
): Promise<Page> {
  const page = await body(
    api.GET("/api/v1/projects/{slug}/runs/{run}/events", { params: { path: { slug, run }, query } }),
  );
  // The newest come first when one asks for what is before something.
  return { data: (page.data as RunEvent[]).toReversed(), hasMore: page.hasMore };
}

/** How many events are asked for at once by what reads all of them: as many as the server gives. */
const LARGEST_PAGE = 1000;

/** All that is recorded of a run, from its beginning, page by page. */
export async function* pagesOf(slug: string, run: string, signal: AbortSignal): AsyncGenerator<RunEvent[]> {
  for (let after = 0, hasMore = true; hasMore; ) {
    const query = { after, limit: LARGEST_PAGE };
    const page = await body(
      api.GET("/api/v1/projects/{slug}/runs/{run}/events", {
        params: { path: { slug, run }, query },
        signal,
      }),
    );
    const events = page.data as RunEvent[];
    yield events;
    after = events.at(-1)?.seq ?? after;
    hasMore = page.hasMore && events.length > 0;
  }
}

/** The end of a run. */
export function endOf(slug: string, run: string): Promise<Page> {
  return pageOf(slug, run, { before: Number.MAX_SAFE_INTEGER, limit: PAGE });
}

let ahead: { slug: string; run: string; page: Page } | undefined;

/** Reads the end of a run while its screen is still on the way. When that fails, whoever wants it asks again. */
export async function readEndAhead(slug: string, run: string): Promise<void> {
  try {
    ahead = { slug, run, page: await endOf(slug, run) };
  } catch {
    ahead = undefined;
  }
}

/** The end of the run that is about to be shown, once: what came since is told when the run is followed. */
export function takeEnd(slug: string, run: string): Page | undefined {
  const page = ahead?.slug === slug && ahead.run === run ? ahead.page : undefined;
  ahead = undefined;
  return page;
}
