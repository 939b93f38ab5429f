import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { expect, test } from "vitest";
import { Combobox } from "./combobox";

const branches = ["main", "release/1.0", "release/2.0"];

function Branches({ onEscape }: { onEscape?: () => void }) {
  const [value, setValue] = useState("");
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: stands for the dialog around it
    <div onKeyDown={(event) => event.key === "Escape" && onEscape?.()}>
      <Combobox
        listLabel="Branches"
        aria-label="Branch"
        value={value}
        onValueChange={setValue}
        options={branches.filter((branch) => branch.includes(value))}
      />
    </div>
  );
}

const field = () => screen.getByRole("combobox", { name: "Branch" }) as HTMLInputElement;

test("what is written narrows the list, and the arrow keys choose in it", async () => {
  render(<Branches />);
  const user = userEvent.setup();
  await user.type(field(), "rel");
  expect(screen.getAllByRole("option").map((option) => option.textContent)).toEqual(branches.slice(1));
  await user.keyboard("{ArrowDown}{ArrowDown}");
  expect(screen.getByRole("option", { name: "release/2.0" }).getAttribute("aria-selected")).toBe("true");
  await user.keyboard("{Enter}");
  expect(field().value).toBe("release/2.0");
  expect(screen.queryByRole("listbox")).toBeNull();
});

test("from the end upwards, and around", async () => {
  render(<Branches />);
  const user = userEvent.setup();
  await user.click(field());
  await user.keyboard("{ArrowUp}{Enter}");
  expect(field().value).toBe("release/2.0");
});

test("Escape closes the list alone, then what is around it", async () => {
  let closed = 0;
  render(<Branches onEscape={() => closed++} />);
  const user = userEvent.setup();
  await user.type(field(), "m{Escape}");
  expect(screen.queryByRole("listbox")).toBeNull();
  expect([field().value, closed]).toEqual(["m", 0]);
  await user.keyboard("{Escape}");
  expect(closed).toBe(1);
});

test("something that is in no list may be written", async () => {
  render(<Branches />);
  const user = userEvent.setup();
  await user.type(field(), "feature/x{Enter}");
  expect(field().value).toBe("feature/x");
});
