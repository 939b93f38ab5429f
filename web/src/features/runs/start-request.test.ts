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
    branch: "codecourier/1-mend-it",
    images: [{ image: "aa", mediaType: "image/png", size: 1 }],
  } as Schemas["RunDetail"];
  const form = formLike(like, "again");
  expect(changesOf(form, ["aa"], like)).toEqual({});
  const other = {
    ...form,
    prompt: "Mend all",
    budget: "7",
    designer: { ...form.designer, effort: "high" },
  } as const;
  expect(changesOf(other, [], like)).toEqual({
    prompt: "Mend all",
    budgetMicroUsd: 7_000_000,
    effort: "high",
    images: [],
  });
  const elsewhere = { ...form, designer: { agent: "codex", model: null, effort: null } } as const;
  expect(changesOf(elsewhere, ["aa"], like)).toEqual({ agent: "codex" });
});

test("a fork goes on from the branch of the other run", () => {
  const like = {
    prompt: "Mend it",
    baseBranch: "main",
    branch: "codecourier/1-mend-it",
    agent: "claude",
    model: "opus",
    effort: null,
    budgetMicroUsd: 1,
    images: [],
  } as unknown as Schemas["RunDetail"];
  expect(changesOf(formLike(like, "fork"), [], like)).toEqual({ baseBranch: "codecourier/1-mend-it" });
});
