import { expect, test, vi } from "vitest";
import { MOST_VIEWS, Views } from "./views";

function place(text?: string) {
  const kept = new Map(text === undefined ? [] : [["key", text]]);
  return {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  };
}

test("a filter that has a name is there again, and one with the same name takes its place", () => {
  const storage = place();
  const views = new Views("key", storage);
  const told = vi.fn();
  views.onChange(told);
  views.save("  What failed ", "status:failed");
  views.save("Mine", "workflow:single");
  views.save("What failed", "status:failed sort:oldest");
  expect(told).toHaveBeenCalledTimes(3);
  expect(new Views("key", storage).list()).toEqual([
    { name: "Mine", filter: "workflow:single" },
    { name: "What failed", filter: "status:failed sort:oldest" },
  ]);
  views.remove("Mine");
  expect(views.list().map(({ name }) => name)).toEqual(["What failed"]);
  expect(views.list()).toBe(views.list());
});

test("what is kept and is no view is none, and there are only so many", () => {
  expect(new Views("key", place("{")).list()).toEqual([]);
  expect(new Views("key", place('{"name":1}')).list()).toEqual([]);
  expect(new Views("key", place('[null, {"name":"a"}, {"name":"b","filter":"x","more":1}]')).list()).toEqual([
    { name: "b", filter: "x" },
  ]);
  const views = new Views("key", place());
  for (let at = 0; at <= MOST_VIEWS; at++) {
    views.save(`view ${at}`, "x");
  }
  views.save("  ", "x");
  expect(views.list()).toHaveLength(MOST_VIEWS);
});
