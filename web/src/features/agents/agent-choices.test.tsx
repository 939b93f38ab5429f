import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { IntlProvider } from "use-intl";
import { expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import { agentsQuery } from "@/api/queries";
import type { Messages } from "@/i18n";
import en from "@/i18n/en.json";
import { AgentChoices } from "./agent-choices";
import type { AgentChoice } from "./capabilities";

const claude = {
  id: "claude",
  name: "Claude Code",
  defaultModel: "opus",
  models: [{ name: "opus" }, { name: "haiku" }],
  efforts: ["low", "max"],
  available: true,
  problem: null,
};
const codex = {
  id: "codex",
  name: "Codex",
  defaultModel: "gpt",
  models: [{ name: "gpt" }],
  efforts: [],
  available: false,
  problem: "There is no key for OpenAI.",
};

function Choices({ first }: { first: AgentChoice }) {
  const [value, setValue] = useState(first);
  return (
    <AgentChoices
      slug="shop"
      value={value}
      inherited="As the project"
      onChange={(change) => setValue({ ...value, ...change })}
    />
  );
}

function choosing(first: AgentChoice) {
  const client = new QueryClient();
  client.setQueryData(agentsQuery("shop").queryKey, [claude, codex] as unknown as Schemas["Agent"][]);
  render(
    <QueryClientProvider client={client}>
      <IntlProvider locale="en" messages={en as Messages} timeZone="UTC">
        <Choices first={first} />
      </IntlProvider>
    </QueryClientProvider>,
  );
  return userEvent.setup();
}

const model = () => screen.getByRole("combobox", { name: "Model" }) as HTMLInputElement;

test("the models of the chosen agent are offered, and another may be written", async () => {
  const user = choosing({ agent: "claude", model: null, effort: null });
  expect(model().placeholder).toBe("As the project");
  await user.type(model(), "hai");
  expect(screen.getAllByRole("option").map((option) => option.textContent)).toEqual(["haiku"]);
  await user.type(model(), "ku-tuned");
  expect(model().value).toBe("haiku-tuned");
});

test("an agent that cannot work says why, and one that cannot be told how hard to think is not asked", () => {
  choosing({ agent: "codex", model: null, effort: null });
  expect(screen.getByText("There is no key for OpenAI.")).toBeDefined();
  expect(screen.queryByRole("combobox", { name: "Effort" })).toBeNull();
});

test("where no agent is chosen, what holds says so and every model is offered", async () => {
  const user = choosing({ agent: null, model: null, effort: null });
  expect(screen.getByRole("combobox", { name: "Agent" }).textContent).toBe("As the project");
  await user.click(model());
  expect(screen.getAllByRole("option").map((option) => option.textContent)).toEqual(["opus", "haiku", "gpt"]);
});
