import { expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import { askedFor, changesOf, emptyForm, formLike } from "./start-request";

test("what is left empty is left to the project", () => {
  expect(askedFor({ ...emptyForm, prompt: " Mend it " }, [])).toEqual({ prompt: " Mend it " });
  const form = {
    ...emptyForm,
    prompt: "Mend it",
    budget: "1.5",
    baseBranch: " main ",
    designer: { agent: "claude", model: "opus", effort: "max" },
    checker: { agent: "codex", model: null, effort: null },
  } as const;
  expect(askedFor(form, ["aa"])).toEqual({
    prompt: "Mend it",
    budgetMicroUsd: 1_500_000,
    baseBranch: "main",
    agent: "claude",
    model: "opus",
    effort: "max",
    checkerAgent: "codex",
    images: ["aa"],
  });
});

test("a run like another one is asked for by what is different", () => {
  const like = {
    prompt: "Mend it",
    workflow: "single",
    baseBranch: "main",
    agent: "claude",
    model: "opus",
    effort: null,
    budgetMicroUsd: 5_000_000,
  } as Schemas["RunDetail"];
  const form = formLike(like);
  expect(changesOf(form, like)).toEqual({});
  const other = {
    ...form,
    prompt: "Mend all",
    budget: "7",
    designer: { ...form.designer, effort: "high" },
  } as const;
  expect(changesOf(other, like)).toEqual({ prompt: "Mend all", budgetMicroUsd: 7_000_000, effort: "high" });
});
