// Which agents can be told something now. Pure.
import type { Schemas } from "@/api/client";

type Step = Schemas["StepView"];

/** The newest step whose agent may be told something. */
export function listeningStep(steps: readonly Step[]): Step | undefined {
  return steps.findLast(
    ({ accepts }) => accepts.messages || accepts.interrupt || accepts.modelSwitch || accepts.finish,
  );
}

/** The newest step whose agent takes messages. */
export function hearingStep(steps: readonly Step[]): Step | undefined {
  return steps.findLast(({ accepts }) => accepts.messages);
}
