import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { ReactNode } from "react";
import { IntlProvider } from "use-intl";
import { afterEach, expect, test, vi } from "vitest";
import { api } from "@/api/client";
import { TooltipProvider } from "@/components/ui/tooltip";
import type { Messages } from "@/i18n";
import common from "@/i18n/en.json";
import { Notifications } from "./notifications";

vi.mock("@tanstack/react-router", () => ({
  Link: ({ params, children }: { params: { invitation: string }; children: ReactNode }) => (
    <a href={`/invitations/${params.invitation}`}>{children}</a>
  ),
}));

afterEach(() => vi.restoreAllMocks());

function shown(invitations: object[]) {
  vi.spyOn(api, "GET").mockImplementation((async () => ({
    data: { data: invitations, hasMore: false, nextCursor: null },
    response: new Response(),
  })) as unknown as typeof api.GET);
  render(
    <IntlProvider locale="en" messages={common as unknown as Messages} timeZone="UTC">
      <QueryClientProvider client={new QueryClient()}>
        <TooltipProvider>
          <Notifications />
        </TooltipProvider>
      </QueryClientProvider>
    </IntlProvider>,
  );
  return userEvent.setup();
}

test("says how many invitations wait, and leads to each", async () => {
  const user = shown([
    { id: "inv_a", inviterName: "Grace", projectName: "Shop", createdAt: "2026-11-23T08:00:00.000Z" },
    { id: "inv_b", inviterName: null, projectName: "Bakery", createdAt: "2026-11-23T08:00:00.000Z" },
  ]);
  await user.click(await screen.findByRole("button", { name: "Notifications: 2" }));
  const links = await screen.findAllByRole("link");
  expect(links.map((link) => link.getAttribute("href"))).toEqual([
    "/invitations/inv_a",
    "/invitations/inv_b",
  ]);
  expect(links[0]?.textContent).toContain("Grace");
  expect(links[0]?.textContent).toContain("Shop");
});

test("says so when nothing waits", async () => {
  const user = shown([]);
  await user.click(screen.getByRole("button", { name: "Notifications: 0" }));
  expect(await screen.findByText("Nothing waits for you.")).toBeTruthy();
});
