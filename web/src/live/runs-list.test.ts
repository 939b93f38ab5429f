import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import type { RunFilter } from "@/api/queries";
import { freshRunsQuery, patchLists } from "./runs-list";

const run = (id: string, change: Partial<Schemas["Run"]> = {}) =>
  ({ id, status: "pending", workflow: "single", promptPreview: "x", ...change }) as Schemas["Run"];

/** A list that is on the screen. */
function shown(filter: RunFilter, ...rows: Schemas["Run"][]) {
  const client = new QueryClient();
  const queryKey = ["runs", "shop", filter];
  const page = { data: rows, hasMore: false };
  client.setQueryData(queryKey, { pages: [page], pageParams: [undefined] });
  new QueryObserver(client, { queryKey, queryFn: () => page, staleTime: Number.POSITIVE_INFINITY }).subscribe(
    () => {},
  );
  return {
    client,
    rows: () =>
      client
        .getQueryData<{ pages: (typeof page)[] }>(queryKey)
        ?.pages[0]?.data.map((row) => `${row.id} ${row.status}`),
    fresh: () => client.getQueryData(freshRunsQuery("shop", filter).queryKey) ?? [],
  };
}

test("a run that is shown changes in its place", () => {
  const list = shown({}, run("run_2"), run("run_1"));
  patchLists(list.client, "shop", run("run_1", { status: "running" }));
  expect(list.rows()).toEqual(["run_2 pending", "run_1 running"]);
  expect(list.fresh()).toEqual([]);
});

test("a new run is announced once and moves nothing", () => {
  const list = shown({}, run("run_2"));
  patchLists(list.client, "shop", run("run_3"));
  patchLists(list.client, "shop", run("run_3", { status: "running" }));
  expect(list.rows()).toEqual(["run_2 pending"]);
  expect(list.fresh()).toEqual(["run_3"]);
});

test("what does not belong to the list, or is on a later page of it, is not announced", () => {
  const list = shown({ status: "failed" }, run("run_2", { status: "failed" }));
  patchLists(list.client, "shop", run("run_3"));
  patchLists(list.client, "shop", run("run_1", { status: "failed" }));
  expect(list.fresh()).toEqual([]);
});
