import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import highlighter from "highlight.js/lib/common";
import { Tooltip } from "radix-ui";
import { useState } from "react";
import { IntlProvider } from "use-intl";
import { afterEach, expect, test, vi } from "vitest";
import type { Schemas } from "@/api/client";
import { CommandProvider } from "@/commands/registry";
import { linesOf, packed } from "@/features/runs/review/highlight-kinds";
import type { Asked } from "@/features/runs/review/highlight-worker";
import type { Messages } from "@/i18n";
import common from "@/i18n/en.json";
import texts from "@/i18n/runs/en.json";
import type { RunEventStore } from "@/live/run-events";
import { Files, type Place } from "./files";

const entry = (name: string, rest: Partial<Schemas["SandboxFile"]> = {}): Schemas["SandboxFile"] => ({
  name,
  type: "file",
  size: 12,
  modifiedAt: "2026-11-23T12:00:00.000Z",
  link: null,
  ...rest,
});

const folders: Record<string, Schemas["SandboxFile"][]> = {
  "": [
    entry("src", { type: "directory" }),
    entry("README.md", { size: 2300 }),
    entry("evil\u202egpj.exe"),
    entry("out", { type: "link", link: { target: "/etc/passwd", leadsTo: null } }),
    entry("in", { type: "link", link: { target: "README.md", leadsTo: "file" } }),
    entry("pipe", { type: "other" }),
  ],
  src: [entry("main.rs")],
};

const answers: Record<string, () => Response> = {
  "README.md": () =>
    new Response("# Hello\nsecond line\n", {
      headers: {
        "content-type": "text/plain; charset=utf-8",
        "codecourier-file-size": "2300",
        "codecourier-file-extent": "beginning",
        "codecourier-file-modified": "2026-11-23T12:00:00.000Z",
      },
    }),
  "src/main.rs": () =>
    new Response("// begins\nfn main() {}\n", {
      headers: {
        "content-type": "text/plain; charset=utf-8",
        "codecourier-file-size": "23",
        "codecourier-file-extent": "whole",
      },
    }),
  in: () =>
    new Response(new Uint8Array([0, 1]), {
      headers: { "content-type": "application/octet-stream", "codecourier-file-size": "2" },
    }),
};

function problem(status: number, code: string, message: string): Response {
  const error = { code, message, field: null, requestId: "req_1", retryable: false };
  return Response.json({ error }, { status });
}

/** The worker that finds the parts of code, beside the page in a browser and at once here. */
class FakeWorker extends EventTarget {
  postMessage({ id, language, text }: Asked) {
    const lines = packed(linesOf(highlighter.highlight(text, { language }).value));
    this.dispatchEvent(new MessageEvent("message", { data: { id, lines } }));
  }
  terminate() {}
}
vi.stubGlobal("Worker", FakeWorker);

/** In place before the client of the API is made, which keeps the `fetch` it finds. */
const asked = vi.hoisted(() => {
  const asked = vi.fn<(request: Request) => Promise<Response>>();
  vi.stubGlobal("fetch", asked);
  return asked;
});
asked.mockImplementation(async (request) => {
  const url = new URL(request.url);
  const path = url.searchParams.get("path") ?? "";
  if (url.pathname.endsWith("/content")) {
    return answers[path]?.() ?? problem(404, "NOT_FOUND", "There is no such file.");
  }
  const data = folders[path];
  return data
    ? Response.json({ data, hasMore: false, nextCursor: null })
    : problem(404, "NOT_FOUND", `There is no \`${path}\` in the sandbox.`);
});
afterEach(() => asked.mockClear());

const events = {
  getState: () => ({ events: [] }),
  onState: () => () => {},
} as unknown as RunEventStore;

function Page({ sandbox, ended, at }: { sandbox: Schemas["Sandbox"]; ended: boolean; at: Place }) {
  const [place, setPlace] = useState(at);
  return <Files slug="shop" sandbox={sandbox} ended={ended} events={events} place={place} onGo={setPlace} />;
}

function shown(status: Schemas["SandboxStatus"] = "running", ended = false, at: Place = {}) {
  const sandbox = { id: "sbx_1", status } as Schemas["Sandbox"];
  render(
    <IntlProvider locale="en" messages={{ ...common, ...texts } as unknown as Messages} timeZone="UTC">
      <QueryClientProvider client={new QueryClient()}>
        <Tooltip.Provider>
          <CommandProvider>
            <Page sandbox={sandbox} ended={ended} at={at} />
          </CommandProvider>
        </Tooltip.Provider>
      </QueryClientProvider>
    </IntlProvider>,
  );
  return userEvent.setup();
}

test("one goes into folders and back, and reads a file", async () => {
  const user = shown();
  await user.click(await screen.findByRole("button", { name: "src" }));
  expect(await screen.findByRole("button", { name: /main\.rs/ })).toBeTruthy();
  await user.click(screen.getByRole("button", { name: "Repository" }));
  await user.click(await screen.findByRole("button", { name: /^README/ }));
  expect(await screen.findByText(/second line/)).toBeTruthy();
  expect(screen.getByText(/This is the beginning of 2.3/)).toBeTruthy();
  const download = screen.getByRole("link", { name: "Download" });
  expect(download.getAttribute("href")).toContain("/files/content?path=README.md");
  expect(download.getAttribute("download")).toBe("README.md");
});

test("code has its colours once a worker has found them, and is the same text", async () => {
  shown("running", false, { folder: "src", file: "src/main.rs" });
  const file = await screen.findByRole("region", { name: "Contents of main.rs" });
  const keyword = await within(file).findByText("fn");
  expect(keyword.className).toContain("text-code-keyword");
  expect(keyword.closest("pre")?.textContent).toBe("// begins\nfn main() {}");
});

test("a hostile name hides nothing, and what leads out cannot be opened", async () => {
  const user = shown();
  expect(await screen.findByRole("button", { name: /evil\\u202egpj\.exe/ })).toBeTruthy();
  expect(screen.queryByRole("button", { name: /passwd/ })).toBeNull();
  expect(screen.getByText("not followed")).toBeTruthy();
  expect(screen.queryByRole("button", { name: /pipe/ })).toBeNull();
  await user.click(screen.getByRole("button", { name: /^in/ }));
  expect(await screen.findByText("This is not text")).toBeTruthy();
});

test("arrow keys go through the folder", async () => {
  const user = shown();
  const first = await screen.findByRole("button", { name: "src" });
  first.focus();
  await user.keyboard("{ArrowDown}");
  expect(document.activeElement?.textContent).toContain("README.md");
  await user.keyboard("{ArrowUp}{Enter}");
  expect(await screen.findByRole("button", { name: /main\.rs/ })).toBeTruthy();
});

test("where nothing can answer nothing is asked, and the page says why", () => {
  for (const [status, ended, why] of [
    ["paused", false, "The sandbox is paused"],
    ["creating", false, "There are no files yet"],
    ["running", true, "The files went with the sandbox"],
  ] as const) {
    shown(status, ended);
    expect(screen.getByText(why)).toBeTruthy();
  }
  expect(asked).not.toHaveBeenCalled();
});

test("a folder and a file that are gone say so, and there is a way back", async () => {
  const user = shown("running", false, { folder: "gone", file: "gone/file" });
  expect((await screen.findByRole("alert")).textContent).toContain("There is no gone in the sandbox.");
  expect(await screen.findByText("This file is not there any more.")).toBeTruthy();
  await user.click(screen.getByRole("button", { name: "To the repository" }));
  expect(await screen.findByRole("button", { name: "src" })).toBeTruthy();
});
