import { render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { Toaster, toast } from "sonner";
import { IntlProvider } from "use-intl";
import { afterEach, expect, test, vi } from "vitest";
import { ApiError } from "@/api/client";
import { CommandProvider } from "@/commands/registry";
import type { Messages } from "@/i18n";
import texts from "@/i18n/en.json";
import { useUndoable } from "./use-undoable";

afterEach(() => {
  toast.dismiss();
});

function Remove({ name, undo }: { name: string; undo: () => Promise<unknown> }) {
  const undoable = useUndoable();
  return (
    <button type="button" onClick={() => undoable(`${name} is removed.`, undo)}>
      Remove {name}
    </button>
  );
}

function shown(...removes: { name: string; undo: () => Promise<unknown> }[]) {
  render(
    <IntlProvider locale="en" messages={texts as unknown as Messages} timeZone="UTC">
      <CommandProvider>
        {removes.map((remove) => (
          <Remove key={remove.name} {...remove} />
        ))}
        <Toaster />
      </CommandProvider>
    </IntlProvider>,
  );
  return userEvent.setup();
}

const gone = (text: string) => waitFor(() => expect(screen.queryByText(text)).toBeNull());

test("a key takes back what was done last, then what was done before it, and each once", async () => {
  const first = vi.fn(() => Promise.resolve());
  const second = vi.fn(() => Promise.resolve());
  const user = shown({ name: "A", undo: first }, { name: "B", undo: second });
  await user.click(screen.getByRole("button", { name: "Remove A" }));
  await screen.findByText("A is removed.");
  await user.click(screen.getByRole("button", { name: "Remove B" }));
  await screen.findByText("B is removed.");
  await user.keyboard("z");
  expect(second).toHaveBeenCalledOnce();
  expect(first).not.toHaveBeenCalled();
  await gone("B is removed.");
  await user.keyboard("z");
  expect(first).toHaveBeenCalledOnce();
  await gone("A is removed.");
  await user.keyboard("z");
  expect([first, second].map((each) => each.mock.calls.length)).toEqual([1, 1]);
});

test("what cannot be taken back any more is said", async () => {
  const refusal = new ApiError({ code: "CONFLICT", message: "There is another one by now.", status: 409 });
  const user = shown({ name: "A", undo: () => Promise.reject(refusal) });
  await user.click(screen.getByRole("button", { name: "Remove A" }));
  await user.click(await screen.findByRole("button", { name: /Undo/ }));
  await screen.findByText("There is another one by now.");
});
