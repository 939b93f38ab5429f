import { expect, test } from "vitest";
import { ansi } from "./ansi";

const shown = (text: string) =>
  ansi(text)
    .map((span) => span.text)
    .join("");

test("colours become styles", () => {
  const spans = ansi("a \u001b[1;31mred\u001b[0m b");
  expect(spans.map((span) => span.text)).toEqual(["a ", "red", " b"]);
  expect(spans[1]?.className).toContain("font-semibold");
  expect(spans[1]?.className).toContain("text-red");
  expect(spans[2]?.className).toBe("");
});

test("a colour beyond the usual ones is not taken for something else", () => {
  expect(ansi("\u001b[38;5;1mx").map((span) => span.className)).toEqual([""]);
  expect(ansi("\u001b[38;2;1;2;31;1mx")[0]?.className).toBe("font-semibold");
});

test.each([
  ["\u001b]0;a title\u0007x", "x"],
  ["\u001b]8;;https://evil.example\u001b\\link\u001b]8;;\u001b\\", "link"],
  ["\u001b[2J\u001b[Hx", "x"],
  ["a\u0000\u0008b", "ab"],
  ["10 %\r50 %\r100 %\nnext", "100 %\nnext"],
  ["windows\r\nline", "windows\nline"],
  ["\u001b[38;5;12mx\u001b[m", "x"],
  ["\u001b[", "["],
])("of %j only the text stays", (input, text) => {
  expect(shown(input)).toBe(text);
});
