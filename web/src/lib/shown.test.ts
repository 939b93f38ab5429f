import { expect, test } from "vitest";
import { shownName, shownText } from "./shown";

test("a name hides nothing and stays in its line", () => {
  expect(shownName("photo\u202egpj.exe")).toBe("photo\\u202egpj.exe");
  expect(shownName("a\nb\tc\u001b[31m\u007f")).toBe("a␊b␉c␛[31m␡");
  expect(shownName("zero\u200bwidth\ufeff")).toBe("zero\\u200bwidth\\ufeff");
  expect(shownName("grün 日本語 🙂.md")).toBe("grün 日本語 🙂.md");
});

test("a text keeps its lines", () => {
  expect(shownText("one\r\n\ttwo\n\u202ethree")).toBe("one\n\ttwo\n\\u202ethree");
});
