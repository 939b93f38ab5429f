import { render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { HoverCard, HoverCardContent, HoverCardTrigger, useRowCard } from "./hover-card";

function Row({ name }: { name: string }) {
  const { card, row } = useRowCard();
  return (
    <li {...row}>
      <HoverCard {...card}>
        <HoverCardTrigger asChild>
          <span>{name}</span>
        </HoverCardTrigger>
        <HoverCardContent>About {name}</HoverCardContent>
      </HoverCard>
      <button type="button">Role of {name}</button>
      <button type="button">Actions of {name}</button>
    </li>
  );
}

test("a card opens where the keyboard rests on its row, which stays where it is", async () => {
  const user = userEvent.setup();
  render(
    <ul>
      <Row name="Ada" />
      <Row name="Bob" />
    </ul>,
  );
  const focused = () => document.activeElement?.textContent;
  await user.tab();
  await screen.findByText("About Ada");
  expect(focused()).toBe("Role of Ada");
  // The next stop is in the same row: the card stays, and is none itself.
  await user.tab();
  expect(focused()).toBe("Actions of Ada");
  expect(screen.getByText("About Ada")).toBeDefined();
  await user.tab();
  await screen.findByText("About Bob");
  expect(screen.queryByText("About Ada")).toBeNull();
  await user.keyboard("{Escape}");
  await waitFor(() => expect(screen.queryByText("About Bob")).toBeNull());
  expect(focused()).toBe("Role of Bob");
});
