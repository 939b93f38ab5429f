import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useRef, useState } from "react";
import { IntlProvider } from "use-intl";
import { expect, test } from "vitest";
import type { Messages } from "@/i18n";
import texts from "@/i18n/en.json";
import { useEditKey, useListKeys } from "./list-keys";
import { CommandProvider } from "./registry";

function List() {
  const list = useRef<HTMLUListElement>(null);
  const [edited, setEdited] = useState("");
  useListKeys(list);
  useEditKey(list);
  return (
    <>
      <ul ref={list}>
        <li>
          {/* As the boxes of our lists are made. */}
          {/* biome-ignore lint/a11y/useSemanticElements: it stands for one of Radix */}
          <button type="button" role="checkbox" aria-checked={false}>
            Choose first
          </button>
          <button type="button">Open first</button>
          <button type="button" data-edits onClick={() => setEdited("first")}>
            Change first
          </button>
        </li>
        <li>nothing to press</li>
        <li>
          <button
            type="button"
            role="combobox"
            aria-controls="none"
            aria-expanded={false}
            data-edits
            onClick={() => setEdited("third")}
          >
            Role
          </button>
          <button type="button">Open third</button>
        </li>
        <li tabIndex={-1}>The fourth itself</li>
      </ul>
      <output>{edited}</output>
    </>
  );
}

function shown() {
  render(
    <IntlProvider locale="en" messages={texts as unknown as Messages} timeZone="UTC">
      <CommandProvider>
        <List />
      </CommandProvider>
    </IntlProvider>,
  );
  return userEvent.setup();
}

const focused = () => document.activeElement?.textContent;

test("j and k go through the rows that take the focus, and e edits the one that has it", async () => {
  const user = shown();
  await user.keyboard("e");
  expect(screen.getByRole("status").textContent).toBe("");
  await user.keyboard("j");
  expect(focused()).toBe("Open first");
  await user.keyboard("e");
  expect(screen.getByRole("status").textContent).toBe("first");
  await user.keyboard("j");
  // Not the choice: letters that are typed at it choose.
  expect(focused()).toBe("Open third");
  await user.keyboard("e");
  expect(screen.getByRole("status").textContent).toBe("third");
  await user.keyboard("j");
  expect(focused()).toBe("The fourth itself");
  await user.keyboard("k");
  await user.keyboard("k");
  expect(focused()).toBe("Open first");
});

function Shrinking() {
  const list = useRef<HTMLUListElement>(null);
  const [names, setNames] = useState(["first", "second", "third"]);
  useListKeys(list);
  return (
    <ul ref={list}>
      {names.map((name) => (
        <li key={name}>
          <button type="button" onClick={() => setNames(names.filter((each) => each !== name))}>
            Remove {name}
          </button>
        </li>
      ))}
    </ul>
  );
}

test("where a row goes away with the focus in it, the one in its place has it", async () => {
  render(
    <IntlProvider locale="en" messages={texts as unknown as Messages} timeZone="UTC">
      <CommandProvider>
        <Shrinking />
      </CommandProvider>
    </IntlProvider>,
  );
  const user = userEvent.setup();
  await user.keyboard("jj{Enter}");
  expect(focused()).toBe("Remove third");
  await user.keyboard("{Enter}");
  expect(focused()).toBe("Remove first");
});
