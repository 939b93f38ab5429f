import { expect, test } from "vitest";
import type { Comment } from "./review-rows";
import { ReviewStore } from "./review-store";

function storage(kept: Record<string, string> = {}) {
  return {
    kept,
    getItem: (key: string) => kept[key] ?? null,
    setItem: (key: string, text: string) => {
      kept[key] = text;
    },
    removeItem: (key: string) => {
      delete kept[key];
    },
  };
}

const comment: Comment = {
  id: "1",
  scope: "",
  path: "a",
  side: "after",
  from: 1,
  to: 1,
  quote: "x",
  text: "",
  editing: "half a sen",
};

test("what was begun is there after a reload, also in the middle of a sentence", () => {
  const place = storage();
  const store = new ReviewStore("key", place);
  store.put(comment);
  store.mark("a", "1-x");
  const later = new ReviewStore("key", place).getNotes();
  expect(later).toEqual({ comments: [comment], viewed: { a: "1-x" } });
});

test("a comment is replaced by its later self, and nothing is kept of an empty review", () => {
  const place = storage();
  const store = new ReviewStore("key", place);
  store.put(comment);
  store.put({ ...comment, text: "Whole.", editing: undefined });
  expect(store.getNotes().comments).toMatchObject([{ id: "1", text: "Whole." }]);
  store.mark("a", "1-x");
  store.mark("a", undefined);
  store.remove("1");
  expect(place.kept).toEqual({});
});

test("what another program left in its place breaks nothing", () => {
  for (const text of ["{", "null", "[]", '{"comments":7}']) {
    expect(new ReviewStore("key", storage({ key: text })).getNotes()).toEqual({ comments: [], viewed: {} });
  }
});

test("whoever listens is told, and a forbidden storage loses nothing of this page", () => {
  const broken = {
    ...storage(),
    setItem: () => {
      throw new Error("full");
    },
  };
  const store = new ReviewStore("key", broken);
  let told = 0;
  store.onNotes(() => told++);
  store.put(comment);
  expect(told).toBe(1);
  expect(store.getNotes().comments).toHaveLength(1);
});
