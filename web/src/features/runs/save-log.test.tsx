import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { IntlProvider } from "use-intl";
import { afterEach, expect, test, vi } from "vitest";
import { api } from "@/api/client";
import { CommandProvider } from "@/commands/registry";
import type { Messages } from "@/i18n";
import common from "@/i18n/en.json";
import texts from "@/i18n/runs/en.json";
import { SaveLog } from "./save-log";

type Asked = { params: { query: { after: number; limit: number } }; signal: AbortSignal };

const RECORDED = 2500;

/** What was saved: its name and what is in it. */
function saves() {
  const saved: { name: string; content: Blob }[] = [];
  let last: Blob;
  vi.spyOn(URL, "createObjectURL").mockImplementation((content) => {
    last = content as Blob;
    return "blob:log";
  });
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
    saved.push({ name: this.download, content: last });
  });
  return saved;
}

function shown(step?: string) {
  render(
    <IntlProvider locale="en" messages={{ ...common, ...texts } as unknown as Messages} timeZone="UTC">
      <CommandProvider>
        <SaveLog slug="shop" run="run_01a20a2cd1be7838bd63591420359757" step={step} />
      </CommandProvider>
    </IntlProvider>,
  );
  return userEvent.setup();
}

function answers() {
  return vi.spyOn(api, "GET").mockImplementation((async (_path: unknown, { params }: Asked) => {
    const { after, limit } = params.query;
    const data = Array.from({ length: Math.min(limit, RECORDED - after) }, (_, index) => ({
      seq: after + index + 1,
      stepId: index % 2 ? "stp_a" : "stp_b",
      at: "2026-11-23T08:00:00.000Z",
      event: { kind: "text", text: "a\nb" },
    }));
    return { data: { data, hasMore: after + data.length < RECORDED }, response: new Response() };
  }) as unknown as typeof api.GET);
}

afterEach(() => vi.restoreAllMocks());

test("every event is a line of the file, in order, however many pages there are", async () => {
  const [saved, asked] = [saves(), answers()];
  const user = shown();
  await user.click(screen.getByRole("button", { name: "Save as JSON lines" }));
  await vi.waitFor(() => expect(saved).toHaveLength(1));
  const lines = (await saved[0]?.content.text())?.trimEnd().split("\n") ?? [];
  expect(lines.map((line) => JSON.parse(line).seq)).toEqual(
    Array.from({ length: RECORDED }, (_, at) => at + 1),
  );
  expect(saved[0]?.name).toBe("20359757.jsonl");
  expect(asked).toHaveBeenCalledTimes(3);
});

test("of a step that is chosen only its events are saved", async () => {
  const saved = saves();
  answers();
  const user = shown("stp_a");
  await user.click(screen.getByRole("button", { name: "Save as JSON lines" }));
  await vi.waitFor(() => expect(saved).toHaveLength(1));
  const lines = (await saved[0]?.content.text())?.trimEnd().split("\n") ?? [];
  expect(new Set(lines.map((line) => JSON.parse(line).stepId))).toEqual(new Set(["stp_a"]));
});

test("it can be cancelled, and then nothing is saved", async () => {
  const saved = saves();
  vi.spyOn(api, "GET").mockImplementation(((_path: unknown, { signal }: Asked) => {
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  }) as unknown as typeof api.GET);
  const user = shown();
  await user.click(screen.getByRole("button", { name: "Save as JSON lines" }));
  expect(screen.getByRole("status").textContent).toBe("0 events read");
  await user.click(screen.getByRole("button", { name: "Cancel" }));
  expect(await screen.findByRole("button", { name: "Save as JSON lines" })).toBeTruthy();
  expect(saved).toEqual([]);
});
