import { describe, expect, test } from "vitest";
import { begin, changes, edited, hasConflict, isDirty, rebased, same, settled } from "./draft";

const base = { name: "Shop", script: "npm ci", checks: [{ name: "tests", command: "npm test" }] };

describe("a draft", () => {
  test("knows what was changed, and that changing it back is no change", () => {
    const draft = edited(begin(base, "1"), { name: "Store" });
    expect(changes(draft)).toEqual({ name: "Store" });
    expect(isDirty(edited(draft, { name: "Shop" }))).toBe(false);
    expect(isDirty(edited(draft, { name: "Shop", checks: [{ name: "tests", command: "npm test" }] }))).toBe(
      false,
    );
  });

  test("takes over what only somebody else changed, and keeps what was changed here", () => {
    const draft = edited(begin(base, "1"), { name: "Store" });
    const after = rebased(draft, { ...base, script: "pnpm i" }, "2");
    expect(after.mine).toEqual({ ...base, name: "Store", script: "pnpm i" });
    expect(after.tag).toBe("2");
    expect(hasConflict(after)).toBe(false);
    expect(changes(after)).toEqual({ name: "Store" });
  });

  test("keeps both values of what both changed, until one is chosen", () => {
    const draft = rebased(edited(begin(base, "1"), { name: "Store" }), { ...base, name: "Mall" }, "2");
    expect(draft.mine.name).toBe("Store");
    expect(draft.theirs).toEqual({ name: "Mall" });
    expect(changes(settled(draft, "name", "mine"))).toEqual({ name: "Store" });
    const given = settled(draft, "name", "theirs");
    expect(isDirty(given)).toBe(false);
    expect(hasConflict(given)).toBe(false);
  });

  test("has no conflict where both wrote the same", () => {
    const after = rebased(edited(begin(base, "1"), { name: "Mall" }), { ...base, name: "Mall" }, "2");
    expect(hasConflict(after)).toBe(false);
    expect(isDirty(after)).toBe(false);
  });

  test("is clean after it was saved, although the server leaves out what is null", () => {
    const settings: { issue: Record<string, unknown> | null } = { issue: null };
    const draft = edited(begin(settings, "1"), { issue: { agent: null, skills: ["a"] } });
    const saved = rebased(draft, { issue: { skills: ["a"] } }, "2");
    expect(isDirty(saved)).toBe(false);
    expect(hasConflict(saved)).toBe(false);
  });

  test("goes on having its conflict when a third change has nothing to do with it", () => {
    const first = rebased(edited(begin(base, "1"), { name: "Store" }), { ...base, name: "Mall" }, "2");
    const second = rebased(first, { ...base, name: "Mall", script: "pnpm i" }, "3");
    expect(second.theirs).toEqual({ name: "Mall" });
    expect(second.mine.script).toBe("pnpm i");
  });

  test("loses its conflict when somebody else comes to the same", () => {
    const first = rebased(edited(begin(base, "1"), { name: "Store" }), { ...base, name: "Mall" }, "2");
    expect(hasConflict(rebased(first, { ...base, name: "Store" }, "3"))).toBe(false);
  });
});

test("the same data is the same whatever object it is in", () => {
  expect(same({ a: [1, { b: null }] }, { a: [1, { b: null }] })).toBe(true);
  expect(same([], {})).toBe(false);
  expect(same({ a: undefined }, {})).toBe(true);
  expect(same({ a: null }, {})).toBe(true);
  expect(same({ a: "" }, {})).toBe(false);
  expect(same({ a: [] }, {})).toBe(false);
});
