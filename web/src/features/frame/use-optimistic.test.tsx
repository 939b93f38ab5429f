import { QueryClient, QueryClientProvider, queryOptions, useQuery } from "@tanstack/react-query";
import { act, render, screen, waitFor } from "@testing-library/react";
import { type ReactNode, useState } from "react";
import { Toaster } from "sonner";
import { IntlProvider } from "use-intl";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ApiError } from "@/api/client";
import { expected } from "@/api/optimistic";
import type { Messages } from "@/i18n";
import texts from "@/i18n/en.json";
import { useOptimistic } from "./use-optimistic";

type Member = { user: string; role: string };

/** A server that answers when the test says so. */
class Server {
  members: Member[] = [
    { user: "ada", role: "member" },
    { user: "bob", role: "member" },
  ];
  /** What it was asked for and has not answered, the first one first. */
  asked: { change: Member; answer: (error?: Error) => void }[] = [];

  list = () => Promise.resolve(this.members.map((member) => ({ ...member })));

  change = (change: Member) =>
    new Promise<void>((resolve, reject) => {
      this.asked.push({
        change,
        answer: (error) => {
          if (error) {
            reject(error);
          } else {
            this.sets(change);
            resolve();
          }
        },
      });
    });

  sets(change: Member) {
    this.members = this.members.map((member) => (member.user === change.user ? change : member));
  }
}

let server: Server;
let client: QueryClient;
/** Every list that was shown, one after another. */
let seen: string[];

beforeEach(() => {
  server = new Server();
  client = new QueryClient();
  seen = [];
});
afterEach(() => client.clear());

const membersQuery = () => queryOptions({ queryKey: ["members", "shop"], queryFn: () => server.list() });

function Members() {
  const members = useQuery(membersQuery()).data ?? [];
  const shown = members.map(({ user, role }) => `${user} ${role}`).join(", ");
  if (seen.at(-1) !== shown) {
    seen.push(shown);
  }
  return <output>{shown}</output>;
}

function Change({ user, to: role }: { user: string; to: string }) {
  const change = useOptimistic<Member>({
    of: membersQuery(),
    send: server.change,
    expects: (next) => [
      expected(membersQuery(), (members) =>
        members.map((member) => (member.user === next.user ? { ...member, role: next.role } : member)),
      ),
    ],
  });
  return (
    <button type="button" onClick={() => change.mutate({ user, role })}>
      {user} {role}
    </button>
  );
}

/** A row that is gone once it was used, as that of something that is removed. */
function Once({ children }: { children: ReactNode }) {
  const [used, setUsed] = useState(false);
  // biome-ignore lint/a11y/noStaticElementInteractions lint/a11y/useKeyWithClickEvents: the button in it is pressed
  return used ? null : <div onClick={() => setUsed(true)}>{children}</div>;
}

async function shown(...buttons: ReactNode[]) {
  render(
    <IntlProvider locale="en" messages={texts as unknown as Messages}>
      <QueryClientProvider client={client}>
        <Members />
        {...buttons}
        <Toaster />
      </QueryClientProvider>
    </IntlProvider>,
  );
  await says("ada member, bob member");
}

const press = (name: string) => act(async () => screen.getByRole("button", { name }).click());
const says = (list: string) => waitFor(() => expect(screen.getByRole("status").textContent).toBe(list));
const answers = (error?: Error) => act(async () => server.asked.shift()?.answer(error));
/** What somebody else did, as the live connection tells it. */
const refreshed = () => act(() => client.invalidateQueries({ queryKey: ["members", "shop"] }));
const refusal = (message: string) =>
  new ApiError({ code: "FORBIDDEN", message, status: 403, requestId: "req_1" });

test("what was asked for shows before the server has answered, and stays", async () => {
  await shown(<Change key="1" user="ada" to="admin" />);
  await press("ada admin");
  await says("ada admin, bob member");
  await answers();
  await refreshed();
  expect(seen).toEqual(["", "ada member, bob member", "ada admin, bob member"]);
});

test("a refusal takes it back and says why", async () => {
  await shown(<Change key="1" user="ada" to="admin" />);
  await press("ada admin");
  await says("ada admin, bob member");
  await answers(refusal("A project always has an owner."));
  await says("ada member, bob member");
  expect(await screen.findByText("A project always has an owner.")).toBeDefined();
  expect(screen.getByText("FORBIDDEN · req_1")).toBeDefined();
});

test("a refusal is said also when whatever asked is gone by then", async () => {
  await shown(
    <Once key="1">
      <Change user="ada" to="admin" />
    </Once>,
  );
  await press("ada admin");
  await answers(refusal("Only an owner may."));
  await says("ada member, bob member");
  expect(await screen.findByText("Only an owner may.")).toBeDefined();
});

test("what somebody else does meanwhile shows, hides nothing, and is not taken back with the rest", async () => {
  await shown(<Change key="1" user="ada" to="admin" />);
  await press("ada admin");
  await says("ada admin, bob member");
  server.sets({ user: "bob", role: "owner" });
  await refreshed();
  await says("ada admin, bob owner");
  await answers(refusal("No."));
  await says("ada member, bob owner");
  expect(seen.slice(2)).toEqual(["ada admin, bob member", "ada admin, bob owner", "ada member, bob owner"]);
});

test("several in a row are sent in their order and never flicker back", async () => {
  await shown(
    <Change key="1" user="ada" to="admin" />,
    <Change key="2" user="ada" to="owner" />,
    <Change key="3" user="bob" to="admin" />,
  );
  await press("ada admin");
  await says("ada admin, bob member");
  await press("ada owner");
  await says("ada owner, bob member");
  await press("bob admin");
  await says("ada owner, bob admin");
  for (const role of ["admin", "owner", "admin"]) {
    expect(server.asked.map(({ change }) => change.role)).toEqual([role]);
    await answers();
    await refreshed();
  }
  expect(seen.slice(2)).toEqual(["ada admin, bob member", "ada owner, bob member", "ada owner, bob admin"]);
  expect(server.members.map(({ role }) => role)).toEqual(["owner", "admin"]);
});

test("the refusal of one leaves those that came after it", async () => {
  await shown(<Change key="1" user="ada" to="admin" />, <Change key="2" user="bob" to="admin" />);
  await press("ada admin");
  await press("bob admin");
  await says("ada admin, bob admin");
  await answers(refusal("No."));
  await says("ada member, bob admin");
  await answers();
  await refreshed();
  expect(seen.slice(-1)).toEqual(["ada member, bob admin"]);
});
