import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, renderHook, waitFor } from "@testing-library/react";
import type { ReactNode } from "react";
import { IntlProvider } from "use-intl";
import { beforeEach, expect, test, vi } from "vitest";
import { ApiError } from "@/api/client";
import type { Messages } from "@/i18n";
import configure from "@/i18n/configure/en.json";
import type { Draft } from "@/lib/draft";
import { type Seen, useForm } from "./use-form";

type Fields = { name: string; script: string };

/** A server with one document, which refuses to be overwritten unseen. */
class Server {
  value: Fields = { name: "Shop", script: "npm ci" };
  version = 1;
  sent: Partial<Fields>[] = [];

  seen = (): Seen<Fields> => ({ value: this.value, tag: String(this.version) });

  send = async (change: Partial<Fields>, draft: Draft<Fields>) => {
    if (draft.tag !== String(this.version)) {
      throw new ApiError({ code: "PRECONDITION_FAILED", message: "It was changed.", status: 412 });
    }
    this.sent.push(change);
    this.somebodySaves(change);
  };

  somebodySaves(change: Partial<Fields>) {
    this.value = { ...this.value, ...change };
    this.version += 1;
  }
}

let server: Server;
beforeEach(() => {
  server = new Server();
});

function shown(send = server.send) {
  const client = new QueryClient();
  const seen = server.seen();
  return renderHook(() => useForm<Fields>({ seen, send, reread: () => Promise.resolve(server.seen()) }), {
    wrapper: ({ children }: { children: ReactNode }) => (
      <IntlProvider locale="en" messages={configure as unknown as Messages}>
        <QueryClientProvider client={client}>{children}</QueryClientProvider>
      </IntlProvider>
    ),
  }).result;
}

test("sends what was changed and nothing else", async () => {
  const form = shown();
  act(() => form.current.set({ name: "Store" }));
  expect(form.current.dirty).toBe(true);
  act(() => form.current.save());
  await waitFor(() => expect(server.sent).toEqual([{ name: "Store" }]));
});

test("what somebody else saved in another field stays, and this is saved on top of it", async () => {
  const form = shown();
  act(() => form.current.set({ name: "Store" }));
  server.somebodySaves({ script: "pnpm i" });
  act(() => form.current.save());
  await waitFor(() => expect(server.value).toEqual({ name: "Store", script: "pnpm i" }));
});

test("where both changed the same, nothing is sent until one is chosen, and nothing is lost", async () => {
  const form = shown();
  act(() => form.current.set({ name: "Store" }));
  server.somebodySaves({ name: "Mall" });
  act(() => form.current.save());
  await waitFor(() => expect(form.current.undecided).toBe(true));
  expect(form.current.value.name).toBe("Store");
  expect(form.current.theirs).toEqual({ name: "Mall" });
  expect(server.sent).toEqual([]);
  expect(form.current.error).toBeUndefined();
});

test("a refusal is said at its field, and one of no field for the whole form", async () => {
  const refuse = vi.fn<typeof server.send>();
  const form = shown(refuse);
  refuse.mockRejectedValueOnce(
    new ApiError({ code: "VALIDATION", message: "Too long.", status: 400, field: "name" }),
  );
  act(() => form.current.set({ name: "Store" }));
  act(() => form.current.save());
  await waitFor(() => expect(form.current.errorOf("name")).toBe("Too long."));
  expect(form.current.error).toBeUndefined();
  act(() => form.current.set({ name: "S" }));
  expect(form.current.errorOf("name")).toBeUndefined();
  refuse.mockRejectedValueOnce(new ApiError({ code: "INTERNAL", message: "Broken.", status: 500 }));
  act(() => form.current.save());
  await waitFor(() => expect(form.current.error).toMatchObject({ message: "Broken." }));
});
