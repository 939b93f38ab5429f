import { expect, test } from "vitest";
import { languageOf, regional } from "./regional";

test("dates and numbers are written as in the browser's country, when its language is the page's", () => {
  expect(regional("en", ["de-AT", "en-GB", "en-US"])).toBe("en-GB");
  expect(regional("de", ["de-AT", "en-GB"])).toBe("de-AT");
  expect(regional("ja", ["de-AT", "en-GB"])).toBe("ja");
  expect(languageOf("en-GB")).toBe("en");
});
