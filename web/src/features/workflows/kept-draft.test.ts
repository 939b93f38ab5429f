import { describe, expect, test } from "vitest";
import { begin, edited } from "@/lib/draft";
import { keepDraft, keptDraft } from "./kept-draft";
import { step } from "./pipeline";

const base = { description: "", pipeline: [step("designer")] };

describe("a draft on this device", () => {
  test("comes back as it was, for its own workflow only", () => {
    const draft = edited(begin(base, '"3"'), { description: "Two designers" });
    keepDraft("prj_1", "mine", draft);
    expect(keptDraft("prj_1", "mine")).toEqual(draft);
    expect(keptDraft("prj_2", "mine")).toBeUndefined();
    expect(keptDraft("prj_1", "other")).toBeUndefined();
  });

  test("is gone once nothing in it is different", () => {
    keepDraft("prj_1", "mine", edited(begin(base, '"3"'), { description: "Two designers" }));
    keepDraft("prj_1", "mine", begin(base, '"4"'));
    expect(keptDraft("prj_1", "mine")).toBeUndefined();
    expect(localStorage).toHaveLength(0);
  });

  test("is ignored when it cannot be read", () => {
    localStorage.setItem("codecourier.draft.workflow.prj_1.mine", '{"tag":');
    expect(keptDraft("prj_1", "mine")).toBeUndefined();
    localStorage.setItem(
      "codecourier.draft.workflow.prj_1.mine",
      '{"tag":"1","mine":{},"base":{},"theirs":{}}',
    );
    expect(keptDraft("prj_1", "mine")).toBeUndefined();
  });
});
