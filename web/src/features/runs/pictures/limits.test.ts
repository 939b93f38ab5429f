import { expect, test } from "vitest";
import { limits, MOST_BYTES, MOST_PICTURES, pasted, refusalOf } from "./limits";

const file = (type: string, size: number) => ({ type, size });

test("what the server would refuse is refused at once, and says why", () => {
  expect(refusalOf(file("image/png", 10), [])).toBeUndefined();
  expect(refusalOf(file("image/svg+xml", 10), [])).toBe("type");
  expect(refusalOf(file("", 10), [])).toBe("type");
  expect(refusalOf(file("image/webp", MOST_BYTES), [])).toBeUndefined();
  expect(refusalOf(file("image/webp", MOST_BYTES + 1), [])).toBe("size");
  expect(refusalOf(file("image/gif", 1), Array(MOST_PICTURES).fill({ size: 1 }))).toBe("count");
  expect(refusalOf(file("image/jpeg", MOST_BYTES), Array(3).fill({ size: MOST_BYTES }))).toBe("together");
});

test("the limits are said as people read them", () => {
  expect(limits).toEqual({ each: 5, together: 16, count: 8 });
});

test("words stay words, also where a program gives a picture of them with them", () => {
  const picture = new File(["x"], "image.png", { type: "image/png" });
  const clipboard = (types: string[]) => ({ types, files: [picture] }) as unknown as DataTransfer;
  expect(pasted(clipboard(["Files"]))).toEqual([picture]);
  expect(pasted(clipboard(["text/html", "Files"]))).toEqual([picture]);
  expect(pasted(clipboard(["text/plain", "Files"]))).toEqual([]);
});
