// What somebody fills in to start a run, and what the API is asked for then. Pure.
import type { Schemas } from "@/api/client";
import type { AgentChoice } from "@/features/agents/capabilities";

export type StartForm = {
  prompt: string;
  workflow: string;
  repository: string;
  baseBranch: string;
  checkerInstructions: string;
  /** In US dollars. */
  budget: string;
  designer: AgentChoice;
  checker: AgentChoice;
};

const project: AgentChoice = { agent: null, model: null, effort: null };

export const emptyForm: StartForm = {
  prompt: "",
  workflow: "",
  repository: "",
  baseBranch: "",
  checkerInstructions: "",
  budget: "",
  designer: project,
  checker: project,
};

/** How a run is like another one: all of it anew, or going on from what the other one has committed. */
export type Likeness = "again" | "fork";

/** The form of a run like another one. */
export function formLike(like: Schemas["RunDetail"], likeness: Likeness): StartForm {
  return {
    ...emptyForm,
    prompt: like.prompt,
    workflow: like.workflow,
    baseBranch: (likeness === "fork" ? like.branch : like.baseBranch) ?? "",
    budget: String(like.budgetMicroUsd / 1_000_000),
    designer: {
      agent: like.agent as Schemas["AgentName"],
      model: like.model,
      effort: like.effort as Schemas["EffortName"] | null,
    },
  };
}

/** What is left empty is left to the project. */
export function askedFor(form: StartForm, images: string[]): Schemas["StartRun"] {
  const { prompt, designer, checker, budget: _, ...texts } = form;
  const given = {
    ...texts,
    ...designer,
    checkerAgent: checker.agent,
    checkerModel: checker.model,
  };
  return {
    ...filled(given),
    ...budgetOf(form),
    ...(images.length > 0 ? { images } : {}),
    prompt,
  } as Schemas["StartRun"];
}

/** What is as it was there is not sent. */
export function changesOf(
  form: StartForm,
  images: string[],
  like: Schemas["RunDetail"],
): Schemas["RerunRun"] {
  const { designer } = form;
  const budget = budgetOf(form).budgetMicroUsd;
  const given = {
    baseBranch: form.baseBranch.trim() === like.baseBranch ? null : form.baseBranch,
    agent: designer.agent === like.agent ? null : designer.agent,
    model: designer.model === like.model ? null : designer.model,
    effort: designer.effort === like.effort ? null : designer.effort,
    checkerInstructions: form.checkerInstructions,
  };
  return {
    ...filled(given),
    ...(form.prompt === like.prompt ? {} : { prompt: form.prompt }),
    ...(images.join() === like.images.map(({ image }) => image).join() ? {} : { images }),
    ...(budget === undefined || budget === like.budgetMicroUsd ? {} : { budgetMicroUsd: budget }),
  } as Schemas["RerunRun"];
}

function filled(given: Record<string, string | null>) {
  return Object.fromEntries(
    Object.entries(given).flatMap(([field, text]) => {
      const said = text?.trim();
      return said ? [[field, said]] : [];
    }),
  );
}

function budgetOf({ budget }: StartForm): { budgetMicroUsd?: number } {
  const dollars = Number.parseFloat(budget);
  return Number.isFinite(dollars) ? { budgetMicroUsd: Math.round(dollars * 1_000_000) } : {};
}
