import { expect, test } from "vitest";
import { byWords } from "./filter";

test("every word must be there, in any order and case", () => {
  expect(byWords("Settings Audit log", "LOG audit")).toBeGreaterThan(0);
  expect(byWords("Settings Audit log", "audit trail")).toBe(0);
  expect(byWords("designer-checker A designer writes the change", "audit")).toBe(0);
});

test("what begins with it comes first, then what has a word that does", () => {
  const entries = ["restart", "Go to the start", "Start a run"];
  const best = entries.toSorted((one, other) => byWords(other, "start") - byWords(one, "start"));
  expect(best).toEqual(["Start a run", "Go to the start", "restart"]);
});
