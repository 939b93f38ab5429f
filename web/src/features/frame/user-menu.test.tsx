import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { ComponentProps } from "react";
import { IntlProvider } from "use-intl";
import { expect, test, vi } from "vitest";
import { accountQuery, serverQuery } from "@/api/queries";
import { type Messages, useLocaleChoice } from "@/i18n";
import common from "@/i18n/en.json";
import { UserMenu } from "./user-menu";

vi.mock("@tanstack/react-router", () => ({
  Link: ({ to, ...rest }: ComponentProps<"a"> & { to: string }) => <a href={to} {...rest} />,
  useNavigate: () => () => {},
}));
vi.mock("@/i18n", async (original) => ({ ...(await original<object>()), useLocaleChoice: vi.fn() }));

test("the menu of the person leads to the account, and chooses theme and language", async () => {
  const choose = vi.fn();
  vi.mocked(useLocaleChoice).mockReturnValue({ locale: "en", choose });
  const client = new QueryClient();
  client.setQueryData(accountQuery.queryKey, { name: "Ada" } as never);
  client.setQueryData(serverQuery.queryKey, { version: "1.0.0" } as never);
  render(
    <IntlProvider locale="en" messages={common as unknown as Messages} timeZone="UTC">
      <QueryClientProvider client={client}>
        <UserMenu />
      </QueryClientProvider>
    </IntlProvider>,
  );
  const user = userEvent.setup();
  await user.click(screen.getByRole("button", { name: "Ada" }));
  const account = await screen.findByRole("menuitem", { name: "Account" });
  expect(account.getAttribute("href")).toBe("/account");
  expect(screen.getByRole("menuitemradio", { name: "Dark" })).toBeTruthy();
  await user.click(screen.getByRole("menuitemradio", { name: "Deutsch" }));
  expect(choose).toHaveBeenCalledWith("de");
});
