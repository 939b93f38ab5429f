// What a change of a run means for the lists of runs that are on the screen. A list does not jump while somebody reads
// it: a run that is in it changes where it is, a new one is announced.
import { type InfiniteData, type QueryClient, queryOptions } from "@tanstack/react-query";
import type { Schemas } from "@/api/client";
import { type RunFilter, runQuery } from "@/api/queries";
import { fits } from "@/api/run-filter";

type Page = { data: Schemas["Run"][]; hasMore: boolean; nextCursor?: string | null };
type List = InfiniteData<Page, string | undefined>;

/** The runs that a list does not show yet. */
export const freshRunsQuery = (slug: string, filter: RunFilter) =>
  queryOptions({
    queryKey: ["runs-fresh", slug, filter],
    queryFn: () => [] as string[],
    initialData: [] as string[],
    staleTime: Number.POSITIVE_INFINITY,
  });

/** How long changes of runs are gathered before they are read. */
const GATHERING = 100;
const waiting = new Map<string, Set<string>>();

/** Takes a change of a run into the lists of its project. */
export function followRun(client: QueryClient, slug: string, run: string): void {
  const lists = client.getQueryCache().findAll({ queryKey: ["runs", slug] });
  if (!lists.some((list) => list.isActive())) {
    // Read again when it is shown again.
    void client.invalidateQueries({ queryKey: ["runs", slug], refetchType: "none" });
    void client.invalidateQueries({ queryKey: ["run-counts", slug] });
    return;
  }
  const known = waiting.get(slug);
  if (known) {
    known.add(run);
    return;
  }
  waiting.set(slug, new Set([run]));
  setTimeout(() => {
    const runs = [...(waiting.get(slug) ?? [])];
    waiting.delete(slug);
    void client.invalidateQueries({ queryKey: ["run-counts", slug] });
    for (const each of runs) {
      client.fetchQuery({ ...runQuery(slug, each), staleTime: 0 }).then(
        (found) => patchLists(client, slug, found),
        // It is gone, or not to be seen: whatever shows it reads again.
        () => client.invalidateQueries({ queryKey: ["runs", slug] }),
      );
    }
  }, GATHERING);
}

/** Puts a run into the lists as it is now; where it is new, it is only noted. */
export function patchLists(client: QueryClient, slug: string, run: Schemas["Run"]): void {
  for (const query of client.getQueryCache().findAll({ queryKey: ["runs", slug] })) {
    const list = query.state.data as List | undefined;
    const filter = (query.queryKey[2] ?? {}) as RunFilter;
    const rows = list?.pages.flatMap((page) => page.data) ?? [];
    if (!query.isActive() || !list) {
      query.invalidate();
    } else if (rows.some((row) => row.id === run.id)) {
      client.setQueryData<List>(query.queryKey, {
        ...list,
        pages: list.pages.map((page) => ({
          ...page,
          data: page.data.map((row) => (row.id === run.id ? { ...row, ...run } : row)),
        })),
      });
    } else if (fits(run, filter) && !filter.sort && run.id > (rows[0]?.id ?? "")) {
      // Identifiers grow with time, so this one is newer than all that is shown.
      if (rows.length === 0) {
        void client.invalidateQueries({ queryKey: query.queryKey });
        continue;
      }
      const { queryKey } = freshRunsQuery(slug, filter);
      const noted = client.getQueryData<string[]>(queryKey) ?? [];
      client.setQueryData(queryKey, noted.includes(run.id) ? noted : [...noted, run.id]);
    }
  }
}
