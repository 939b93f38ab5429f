import { expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import { hearingStep, listeningStep } from "./listening";

const nothing = { messages: false, interrupt: false, modelSwitch: false, finish: false };
const step = (id: string, accepts: Partial<typeof nothing>) =>
  ({ id, accepts: { ...nothing, ...accepts } }) as Schemas["StepView"];

test("the newest that takes anything is spoken to, messages only by the newest that takes them", () => {
  const steps = [step("a", { messages: true }), step("b", { interrupt: true }), step("c", {})];
  expect(listeningStep(steps)?.id).toBe("b");
  expect(hearingStep(steps)?.id).toBe("a");
  expect(listeningStep([step("c", {})])).toBeUndefined();
});
