import { act, render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { createRef } from "react";
import { IntlProvider } from "use-intl";
import { beforeEach, expect, test, vi } from "vitest";
import type { Messages } from "@/i18n";
import texts from "@/i18n/runs/en.json";
import { ReviewList, type ReviewListHandle } from "./review-list";
import { reviewRows } from "./review-rows";
import { ReviewStore, useNotes } from "./review-store";
import { readUnifiedDiff } from "./unified-diff";

const LINES = 400;

const files = readUnifiedDiff(
  ["first.txt", "last.txt"]
    .flatMap((path) => [
      `diff --git a/${path} b/${path}`,
      `--- a/${path}`,
      `+++ b/${path}`,
      `@@ -0,0 +1,${LINES} @@`,
      ...Array.from({ length: LINES }, (_, index) => `+${path} line ${index + 1}`),
    ])
    .join("\n"),
);

/** A list in a window of 600 pixels, with rows of 20: no test environment lays anything out. */
beforeEach(() => {
  vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(800);
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(600);
  vi.spyOn(Element.prototype, "scrollHeight", "get").mockReturnValue(20 * 2 * LINES);
  vi.spyOn(HTMLElement.prototype, "offsetHeight", "get").mockReturnValue(20);
});
function List({ store, handle }: { store: ReviewStore; handle: React.Ref<ReviewListHandle> }) {
  const notes = useNotes(store);
  const rows = reviewRows({
    files,
    view: "unified",
    isOpen: () => true,
    comments: notes.comments,
    ignoreBlanks: false,
  });
  return (
    <ReviewList
      ref={handle}
      rows={rows}
      diff={{ files: [], additions: 0, deletions: 0, unified: "", truncated: false }}
      scope=""
      store={store}
      notes={notes}
      onOpen={() => {}}
      onLoad={() => {}}
    />
  );
}

function shown() {
  const store = new ReviewStore("key", { getItem: () => null, setItem: () => {}, removeItem: () => {} });
  const handle = createRef<ReviewListHandle>();
  render(
    <IntlProvider locale="en" messages={texts as unknown as Messages} timeZone="UTC">
      <List store={store} handle={handle} />
    </IntlProvider>,
  );
  const list = screen.getByRole("region", { name: "The change" });
  return { store, handle, list, line: (text: string) => within(list).queryByLabelText(text) };
}

test("of hundreds of lines only those on the screen are in the page", () => {
  const { list, line } = shown();
  expect(line("Line 1, added: first.txt line 1")).not.toBeNull();
  expect(line("Line 300, added: first.txt line 300")).toBeNull();
  expect(list.querySelectorAll("button").length).toBeLessThan(100);
});

test("the arrow keys go from line to line, and Enter comments on the one that has the focus", async () => {
  const user = userEvent.setup();
  const { store, line } = shown();
  line("Line 1, added: first.txt line 1")?.focus();
  await user.keyboard("{ArrowDown}{ArrowDown}");
  await waitFor(() => expect(document.activeElement).toBe(line("Line 3, added: first.txt line 3")));
  await user.keyboard("{Enter}");
  const field = await screen.findByLabelText("Comment on first.txt, 3");
  await waitFor(() => expect(document.activeElement).toBe(field));
  await user.keyboard("Why three?");
  expect(store.getNotes().comments).toMatchObject([
    { path: "first.txt", from: 3, to: 3, editing: "Why three?" },
  ]);
});

test("a comment that is given up gives the focus back to its line", async () => {
  const user = userEvent.setup();
  const { line } = shown();
  line("Line 1, added: first.txt line 1")?.focus();
  await user.keyboard("{Enter}");
  const field = await screen.findByLabelText("Comment on first.txt, 1");
  await waitFor(() => expect(document.activeElement).toBe(field));
  await user.keyboard("{Escape}");
  await waitFor(() => expect(document.activeElement).toBe(line("Line 1, added: first.txt line 1")));
});

test("a line whose comment is still empty gets no second one", async () => {
  const user = userEvent.setup();
  const { store, line } = shown();
  for (let time = 0; time < 2; time++) {
    line("Line 1, added: first.txt line 1")?.focus();
    await user.keyboard("{Enter}");
  }
  expect(store.getNotes().comments).toHaveLength(1);
  await waitFor(() => expect(document.activeElement).toBe(screen.getByLabelText("Comment on first.txt, 1")));
});

test("it goes to a file that is far away", async () => {
  const { handle, list, line } = shown();
  expect(handle.current?.currentPath()).toBe("first.txt");
  // What scrolls tells how far it was scrolled.
  list.scrollTo = ((options: ScrollToOptions) => {
    list.scrollTop = options.top ?? 0;
    list.dispatchEvent(new Event("scroll"));
  }) as typeof list.scrollTo;
  act(() => handle.current?.goTo("last.txt"));
  await waitFor(() => expect(line("Line 1, added: last.txt line 1")).not.toBeNull());
});
