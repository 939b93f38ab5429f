// Every text is there in every language, is used, and takes the same values.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createTranslator } from "use-intl";
import { describe, expect, test } from "vitest";
import type { Locale } from ".";
import configureDe from "./configure/de.json";
import configureEn from "./configure/en.json";
import configureEs from "./configure/es.json";
import configureFr from "./configure/fr.json";
import configureJa from "./configure/ja.json";
import de from "./de.json";
import en from "./en.json";
import es from "./es.json";
import fr from "./fr.json";
import ja from "./ja.json";
import runsDe from "./runs/de.json";
import runsEn from "./runs/en.json";
import runsEs from "./runs/es.json";
import runsFr from "./runs/fr.json";
import runsJa from "./runs/ja.json";

type Tree = { [key: string]: string | Tree };
const languages: Record<string, Tree> = {
  de: { ...de, ...configureDe, ...runsDe },
  es: { ...es, ...configureEs, ...runsEs },
  fr: { ...fr, ...configureFr, ...runsFr },
  ja: { ...ja, ...configureJa, ...runsJa },
};

function flat(tree: Tree, path = ""): Map<string, string> {
  return new Map(
    Object.entries(tree).flatMap(([key, value]) =>
      typeof value === "string" ? [[path + key, value] as const] : [...flat(value, `${path}${key}.`)],
    ),
  );
}

const placeholders = (text: string) =>
  [...text.matchAll(/\{(\w+)(?=[,}])/g)].map((match) => match[1]).toSorted();
/** The marks around a part of a text that the screen puts something in. */
const tags = (text: string) => [...text.matchAll(/<(\w+)>/g)].map((match) => match[1] ?? "").toSorted();
const english = flat({ ...en, ...configureEn, ...runsEn });

describe.each(Object.keys(languages))("%s", (language) => {
  const translated = flat(languages[language] as Tree);

  test("has the texts of English and no others", () => {
    expect([...translated.keys()].toSorted()).toEqual([...english.keys()].toSorted());
  });

  test("takes the same values, and can be read", () => {
    for (const [key, text] of translated) {
      expect(new Set(placeholders(text)), key).toEqual(new Set(placeholders(english.get(key) ?? "")));
      expect(tags(text), key).toEqual(tags(english.get(key) ?? ""));
      const t = createTranslator({
        locale: language as Locale,
        messages: { key: text },
        onError: (error) => {
          throw error;
        },
      });
      const values = Object.fromEntries(placeholders(text).map((name) => [name, 2]));
      const parts = Object.fromEntries(tags(text).map((name) => [name, () => "…"]));
      expect(t.markup("key", { ...values, ...parts }), key).not.toBe("");
    }
  });
});

test("no text is left unused", () => {
  const sources = sourceFiles(join(import.meta.dirname, ".."))
    .map((path) => readFileSync(path, "utf8"))
    .join("\n");
  // A key whose end is computed, such as `status.${status}`, is used by its beginning.
  const unused = [...english.keys()].filter((key) => {
    const [group = "", ...rest] = key.split(".");
    const name = rest.join(".");
    const stem = rest.slice(0, -1).join(".");
    return !(
      sources.includes(`"${name}"`) ||
      sources.includes(`"${group}.${name}"`) ||
      (stem && sources.includes(`\`${stem}.\${`)) ||
      ["status", "roles", "connection"].includes(group)
    );
  });
  expect(unused).toEqual([]);
});

test("no screen says anything but through a text", () => {
  const spoken = sourceFiles(join(import.meta.dirname, "../features"))
    .filter((path) => path.endsWith(".tsx"))
    .flatMap((path) =>
      [...readFileSync(path, "utf8").matchAll(/>\s*([A-Z][a-z]+(?: [a-z]+)+)[.!?]?\s*</g)].map(
        (match) => `${path}: ${match[1]}`,
      ),
    );
  expect(spoken).toEqual([]);
});

function sourceFiles(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name) && !name.includes(".test."))
    .map((name) => join(directory, name));
}
