import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { IntlProvider } from "use-intl";
import { expect, test } from "vitest";
import type { Messages } from "@/i18n";
import texts from "@/i18n/runs/en.json";
import { CommentBox } from "./comment-box";
import type { Comment } from "./review-rows";
import { ReviewStore, useNotes } from "./review-store";

const comment: Comment = {
  id: "1",
  scope: "",
  path: "src/a.py",
  side: "after",
  from: 4,
  to: 6,
  quote: "x",
  text: "",
  editing: "",
};

function Box({ store, onDone }: { store: ReviewStore; onDone: () => void }) {
  const [first] = useNotes(store).comments;
  return first ? <CommentBox comment={first} store={store} fresh onDone={onDone} /> : <p>none</p>;
}

function shown(given: Partial<Comment> = {}) {
  const place = new Map<string, string>();
  const store = new ReviewStore("key", {
    getItem: (key) => place.get(key) ?? null,
    setItem: (key, text) => void place.set(key, text),
    removeItem: (key) => void place.delete(key),
  });
  store.put({ ...comment, ...given });
  let done = 0;
  render(
    <IntlProvider locale="en" messages={texts as unknown as Messages} timeZone="UTC">
      <Box store={store} onDone={() => done++} />
    </IntlProvider>,
  );
  return { store, done: () => done, user: userEvent.setup() };
}

const field = () => screen.getByRole("textbox", { name: "Comment on src/a.py, 4–6" });

test("a comment is written and kept with the keyboard alone", async () => {
  const { store, done, user } = shown();
  expect(document.activeElement).toBe(field());
  await user.keyboard("Why three?{Control>}{Enter}{/Control}");
  expect(store.getNotes().comments).toMatchObject([{ text: "Why three?", editing: undefined }]);
  expect(done()).toBe(1);
  expect(screen.getByText("Why three?")).toBeTruthy();
});

test("Escape takes back what was begun, and an edit of what was kept", async () => {
  const { store, user } = shown();
  await user.keyboard("Not so{Escape}");
  expect(store.getNotes().comments).toEqual([]);
  store.put({ ...comment, text: "Kept.", editing: undefined });
  await user.click(await screen.findByRole("button", { name: "Edit" }));
  await user.type(field(), " Or not.{Escape}");
  expect(store.getNotes().comments).toMatchObject([{ text: "Kept.", editing: undefined }]);
});

test("nothing is left of a comment without a word", async () => {
  const { store, user } = shown();
  await user.click(screen.getByRole("button", { name: "Save comment" }));
  expect(store.getNotes().comments).toEqual([]);
});
