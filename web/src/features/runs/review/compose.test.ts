import { expect, test } from "vitest";
import { compose } from "./compose";
import type { Comment } from "./review-rows";

const comment = (change: Partial<Comment>): Comment => ({
  id: "1",
  scope: "",
  path: "src/a.py",
  side: "after",
  from: 4,
  to: 4,
  quote: "x = 1",
  text: " Give it a name. ",
  ...change,
});

test("the comments become one message with places, quotes and words, in the order of the files", () => {
  expect(
    compose(
      [
        comment({ path: "src/b.py", side: "before", from: 1, to: 2, quote: "a\nb", text: "Keep these." }),
        comment({}),
      ],
      "Good so far.",
    ),
  ).toBe(
    [
      "Good so far.",
      "There are 2 review comments on your change. Work through all of them:",
      "1. `src/a.py`, line 4:\n\n```\nx = 1\n```\n\nGive it a name.",
      "2. `src/b.py`, lines 1-2 before the change (removed):\n\n```\na\nb\n```\n\nKeep these.",
    ].join("\n\n"),
  );
});

test("code with fences of its own stays inside of its quote", () => {
  expect(compose([comment({ quote: "```sh\nls\n```" })], "")).toContain("````\n```sh\nls\n```\n````");
});

test("a long quote is cut, and a message without comments is the remark", () => {
  const long = Array.from({ length: 200 }, (_, at) => `line ${at}`).join("\n");
  expect(compose([comment({ quote: long })], "")).toContain("line 29\n…\n```");
  expect(compose([], " Do it again. ")).toBe("Do it again.");
});

test("an agent that was not there is told what the work was begun with, up to a point", () => {
  expect(compose([], "Go on.", "Add a theme.\n\nDark.")).toBe(
    [
      'More on "Add a theme."',
      "Go on.",
      "The work is on this branch already; go on from there. Its task was:",
      "> Add a theme.\n> \n> Dark.",
    ].join("\n\n"),
  );
  expect(compose([], "Go on.", "x".repeat(100_000)).length).toBeLessThan(5_000);
});

test("the first line says what is reviewed, also when a review is", () => {
  const first = (task: string) => compose([comment({})], "", task).split("\n")[0];
  expect(first("Add a theme.\nDark.")).toBe('Review of "Add a theme.": 1 comment');
  expect(first(compose([comment({}), comment({})], "", "Add a theme."))).toBe(
    'Review of "Add a theme.": 1 comment',
  );
  expect(first("word ".repeat(50))?.length).toBeLessThan(90);
});
