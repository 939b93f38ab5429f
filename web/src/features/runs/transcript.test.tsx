import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import { IntlProvider } from "use-intl";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { api, type Schemas } from "@/api/client";
import { CommandProvider } from "@/commands/registry";
import { TooltipProvider } from "@/components/ui/tooltip";
import type { Messages } from "@/i18n";
import common from "@/i18n/en.json";
import texts from "@/i18n/runs/en.json";
import type { LiveConnection } from "@/live/connection";
import { RunEventStore } from "@/live/run-events";
import { Transcript } from "./transcript";

vi.mock("@tanstack/react-router", () => ({
  useNavigate: () => () => {},
  useParams: () => ({ slug: "shop" }),
}));

type Asked = { params: { query: { limit: number; before: number } } };

/** The first step says three things, and the second one all others. */
const OF_THE_FIRST = 3;
const RECORDED = 4_000;

function recorded(seq: number) {
  const stepId = seq <= OF_THE_FIRST ? "stp_first" : "stp_second";
  const event = { kind: "text", text: `said ${seq}` };
  return { seq, stepId, at: "2026-11-23T08:00:00.000Z", event };
}

/** The pages that are asked for, as they are answered. */
function answers() {
  return vi.spyOn(api, "GET").mockImplementation((async (_path: unknown, { params }: Asked) => {
    const before = Math.min(params.query.before, RECORDED + 1);
    const first = Math.max(1, before - params.query.limit);
    const data = Array.from({ length: before - first }, (_, index) => recorded(before - 1 - index));
    return { data: { data, hasMore: first > 1 }, response: new Response() };
  }) as unknown as typeof api.GET);
}

function shown(step: string | undefined) {
  const live = { subscribe: () => () => {} } as unknown as LiveConnection;
  const store = new RunEventStore(live, "shop", "run_a");
  store.open();
  const steps = ["stp_first", "stp_second"].map((id) => ({ id, role: "designer", iteration: 1 }));
  const run = { steps, images: [], status: "completed" } as unknown as Schemas["RunDetail"];
  render(
    <IntlProvider locale="en" messages={{ ...common, ...texts } as unknown as Messages} timeZone="UTC">
      <QueryClientProvider client={new QueryClient()}>
        <TooltipProvider>
          <CommandProvider>
            <Transcript run={run} events={store} step={step} event={undefined} />
          </CommandProvider>
        </TooltipProvider>
      </QueryClientProvider>
    </IntlProvider>,
  );
}

beforeEach(() => {
  // Nothing has a size in here: a list that is 700 pixels high, with rows of 36.
  const heightOf = (element: HTMLElement) => (element.tagName === "SECTION" ? 700 : 36);
  vi.spyOn(HTMLElement.prototype, "offsetHeight", "get").mockImplementation(function (this: HTMLElement) {
    return heightOf(this);
  });
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockImplementation(function (this: HTMLElement) {
    return heightOf(this);
  });
  vi.spyOn(HTMLElement.prototype, "scrollHeight", "get").mockImplementation(function (this: HTMLElement) {
    return Number.parseFloat((this.firstElementChild as HTMLElement | null)?.style.height ?? "0");
  });
});

afterEach(() => vi.restoreAllMocks());

test("begins with the end, and draws what is on the screen only", async () => {
  const asked = answers();
  shown(undefined);
  expect(await screen.findByText(`said ${RECORDED}`)).toBeTruthy();
  expect(document.querySelectorAll("[data-index]").length).toBeLessThan(60);
  expect(asked).toHaveBeenCalledTimes(1);
});

test("a step of long ago is read back to, and no further", async () => {
  const asked = answers();
  shown("stp_first");
  expect(await screen.findByText("said 1")).toBeTruthy();
  expect(screen.queryByText(/Nothing was said yet/)).toBeNull();
  // The end, and then four pages of a thousand.
  expect(asked).toHaveBeenCalledTimes(5);
});
