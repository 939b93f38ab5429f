import { expect, test } from "vitest";
import { duration, laneName, shortId } from "./format";

test.each([
  [0, "0 ms"],
  [820, "820 ms"],
  [1_449, "1.4 s"],
  [14_900, "14 s"],
  [187_000, "3 m 07 s"],
  [7_500_000, "2 h 05 m"],
  [-5, "0 ms"],
])("%d ms is shown as %s", (milliseconds, shown) => {
  expect(duration(milliseconds)).toBe(shown);
});

test("a short identifier is what people read out", () => {
  expect(shortId("run_01a2063bbbb07a9f8bd57f93fa0ef1b5")).toBe("fa0ef1b5");
});

test("an attempt is called what the page of its run calls it", () => {
  expect(["designer#2", "C# expert#11", "merging"].map(laneName)).toEqual([
    "designer #2",
    "C# expert #11",
    "merging",
  ]);
});
