import { describe, expect, test } from "vitest";
import { matches, shown, startsSequence } from "./keys";

const pressed = (key: string, held: Partial<KeyboardEvent> = {}) => ({
  key,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  ...held,
});

describe("shortcuts", () => {
  test("a key alone, and not with a modifier", () => {
    expect(matches("n", pressed("n"), undefined, false)).toBe(true);
    expect(matches("n", pressed("n", { ctrlKey: true }), undefined, false)).toBe(false);
    expect(matches("n", pressed("N", { shiftKey: true }), undefined, false)).toBe(false);
    expect(matches("shift+g", pressed("G", { shiftKey: true }), undefined, false)).toBe(true);
  });

  test("a sign is a sign, whatever keys it takes", () => {
    expect(matches("?", pressed("?", { shiftKey: true }), undefined, false)).toBe(true);
    expect(matches("/", pressed("/"), undefined, false)).toBe(true);
  });

  test("one key after the other", () => {
    expect(startsSequence("g r", pressed("g"))).toBe(true);
    expect(matches("g r", pressed("r"), "g", false)).toBe(true);
    expect(matches("g r", pressed("r"), undefined, false)).toBe(false);
    // The second key of a sequence is not a shortcut of its own.
    expect(matches("r", pressed("r"), "g", false)).toBe(false);
  });

  test("nothing is taken from somebody who writes, but what has a modifier", () => {
    expect(matches("n", pressed("n"), undefined, true)).toBe(false);
    expect(matches("g r", pressed("r"), "g", true)).toBe(false);
    expect(matches("mod+k", pressed("k", { ctrlKey: true }), undefined, true)).toBe(true);
  });

  test("keys are shown as they are printed", () => {
    expect(shown("mod+k")).toBe("Ctrl K");
    expect(shown("g r")).toBe("G R");
  });
});
