import { readFileSync } from "node:fs";
import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { readEndAhead, takeEnd } from "@/live/run-page";
import { api } from "./client";
import { accountQuery, projectQuery, projectsQuery, runQuery, serverQuery } from "./queries";

const script = readFileSync("public/ahead.js", "utf8");
/** What was asked, in order. */
let asked: string[];
let links: string[];

beforeEach(() => {
  asked = [];
  links = [];
  vi.stubGlobal(
    "fetch",
    vi.fn(async (request: Request | string) => {
      asked.push(typeof request === "string" ? request : new URL(request.url).pathname);
      return Response.json({ data: [], hasMore: false, nextCursor: null });
    }),
  );
});

afterEach(() => {
  delete window.codecourierAhead;
  vi.unstubAllGlobals();
});

/** Opens an address, as far as the script goes. */
function opens(pathname: string): void {
  const page = {
    currentScript: { dataset: { run: "assets/run.js assets/frame.js" } },
    createElement: () => ({}),
    head: { append: (link: { href: string }) => links.push(link.href) },
  };
  new Function("document", "location", script)(page, { pathname });
}

/** Reads what the page of a run reads before it is shown. */
async function readsRun(): Promise<void> {
  const client = new QueryClient();
  await Promise.all([
    client.fetchQuery(accountQuery),
    client.fetchQuery(serverQuery),
    client.fetchQuery(projectsQuery),
    client.fetchQuery(projectQuery("shop")),
    client.fetchQuery(runQuery("shop", "run_a")),
    readEndAhead("shop", "run_a"),
  ]);
}

test("all that the page of a run reads first is asked ahead, and nothing else", async () => {
  localStorage.setItem("codecourier.signed-in", "yes");
  opens("/p/shop/runs/run_a");
  expect(links).toEqual(["/assets/run.js", "/assets/frame.js"]);
  expect(asked).toHaveLength(6);
  await readsRun();
  expect(asked).toHaveLength(6);
  expect(takeEnd("shop", "run_a")).toEqual({ data: [], hasMore: false });
  expect(window.codecourierAhead?.size).toBe(0);
  // An answer is given once: whoever asks again wants to know what is so now.
  await readsRun();
  expect(asked).toHaveLength(12);
});

test("other pages of a project ask for what is around them", () => {
  localStorage.setItem("codecourier.signed-in", "yes");
  opens("/p/shop/members");
  expect(links).toEqual([]);
  expect(asked).toEqual([
    "/api/v1/account",
    "/api/v1/server",
    "/api/v1/projects?limit=100",
    "/api/v1/projects/shop",
  ]);
  asked = [];
  opens("/projects");
  expect(asked).toEqual([]);
});

test("strangers are asked for nothing ahead, nor is anybody for what they did not wait for", async () => {
  opens("/p/shop/runs/run_a");
  expect(asked).toEqual([]);
  localStorage.setItem("codecourier.signed-in", "yes");
  opens("/p/shop/runs/run_a");
  vi.spyOn(performance, "now").mockReturnValue(31_000);
  await readsRun();
  expect(asked).toHaveLength(12);
});

test("what failed ahead fails once, and is asked for again", async () => {
  localStorage.setItem("codecourier.signed-in", "yes");
  vi.mocked(fetch).mockRejectedValueOnce(new TypeError("fetch failed"));
  opens("/p/shop/members");
  const client = new QueryClient();
  await expect(client.fetchQuery(accountQuery)).rejects.toMatchObject({ code: "UNREACHABLE" });
  await expect(client.fetchQuery(accountQuery)).resolves.toEqual([]);
});

test("who had to sign in first is not given what was said to nobody", async () => {
  localStorage.setItem("codecourier.signed-in", "yes");
  vi.mocked(fetch).mockImplementation(async () => new Response(null, { status: 401 }));
  opens("/p/shop/members");
  vi.mocked(fetch).mockImplementation(async () => Response.json({ data: "of Ada" }));
  await api.POST("/api/v1/auth/sign-in", {
    body: { email: "ada@example.org", password: "a sentence of hers" },
  });
  expect(await new QueryClient().fetchQuery(projectQuery("shop"))).toBe("of Ada");
});

test("it is remembered whether somebody is signed in", async () => {
  const client = new QueryClient();
  await client.fetchQuery(accountQuery);
  expect(localStorage.getItem("codecourier.signed-in")).toBe("yes");
  vi.mocked(fetch).mockResolvedValueOnce(
    Response.json({ error: { code: "AUTH_MISSING", message: "Nobody is signed in." } }, { status: 401 }),
  );
  expect(await client.fetchQuery({ ...accountQuery, staleTime: 0 })).toBeNull();
  expect(localStorage.getItem("codecourier.signed-in")).toBeNull();
});
