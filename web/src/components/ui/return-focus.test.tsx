import { render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { expect, test } from "vitest";
import { Dialog, DialogContent } from "./dialog";
import { Menu, MenuContent, MenuItem, MenuTrigger } from "./menu";

/** A row of a list, a dialog that a key opens, another one that is opened from in there, and a menu that opens it, too. */
function Page() {
  const [first, setFirst] = useState(false);
  const [second, setSecond] = useState(false);
  return (
    <>
      <a href="#row" onKeyDown={(event) => event.key === "n" && setFirst(true)}>
        Row
      </a>
      <Menu>
        <MenuTrigger>More</MenuTrigger>
        <MenuContent>
          <MenuItem onSelect={() => setSecond(true)}>Ask</MenuItem>
        </MenuContent>
      </Menu>
      <Dialog open={first} onOpenChange={setFirst}>
        <DialogContent title="First" closeLabel="Close">
          <input
            aria-label="Words"
            autoFocus
            onKeyDown={(event) => {
              if (event.key === "Enter") {
                event.preventDefault();
                setFirst(false);
                setSecond(true);
              }
            }}
          />
        </DialogContent>
      </Dialog>
      <Dialog open={second} onOpenChange={setSecond}>
        <DialogContent title="Second" closeLabel="Close">
          {null}
        </DialogContent>
      </Dialog>
    </>
  );
}

const hasFocus = (name: string) => waitFor(() => expect(document.activeElement?.textContent).toBe(name));

test("a dialog that a key opened gives the focus back to where the key was pressed", async () => {
  const user = userEvent.setup();
  render(<Page />);
  screen.getByRole("link", { name: "Row" }).focus();
  await user.keyboard("n");
  await waitFor(() => expect(document.activeElement).toBe(screen.getByRole("textbox", { name: "Words" })));
  await user.keyboard("{Escape}");
  await hasFocus("Row");
});

test("one that was opened from another one gives it back to where that was opened", async () => {
  const user = userEvent.setup();
  render(<Page />);
  screen.getByRole("link", { name: "Row" }).focus();
  await user.keyboard("n");
  await waitFor(() => expect(document.activeElement).toBe(screen.getByRole("textbox", { name: "Words" })));
  await user.keyboard("{Enter}");
  await screen.findByRole("dialog", { name: "Second" });
  await user.keyboard("{Escape}");
  await hasFocus("Row");
});

test("one that was opened from a menu gives it back to the menu's button", async () => {
  const user = userEvent.setup();
  render(<Page />);
  await user.click(screen.getByRole("button", { name: "More" }));
  await user.click(await screen.findByRole("menuitem", { name: "Ask" }));
  await screen.findByRole("dialog", { name: "Second" });
  await user.keyboard("{Escape}");
  await hasFocus("More");
});
