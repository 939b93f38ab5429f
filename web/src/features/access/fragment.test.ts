import { beforeEach, expect, test } from "vitest";
import { fromFragment, keepFragment, keptFragment, takeFragment } from "./fragment";

beforeEach(() => sessionStorage.clear());

test("a code goes with the place that it belongs to, once", () => {
  keepFragment("/invitations/inv_1", "code=of-hers");
  expect(fromFragment("code", keptFragment("/invitations/inv_1"))).toBe("of-hers");
  expect(keptFragment("/invitations/inv_2")).toBe("");
  expect(takeFragment("/invitations/inv_1")).toBe("code=of-hers");
  expect(takeFragment("/invitations/inv_1")).toBe("");
});

test("a place without one forgets that of the place before, and what others wrote there is none", () => {
  keepFragment("/invitations/inv_1", "code=of-hers");
  keepFragment("/p/shop/runs", "");
  expect(keptFragment("/invitations/inv_1")).toBe("");
  sessionStorage.setItem("codecourier.fragment", "{");
  expect(keptFragment("/invitations/inv_1")).toBe("");
});
