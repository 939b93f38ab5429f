import { expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import { sorted } from "./sort";

const member = (name: string, role: Schemas["MemberRole"], joinedAt: string): Schemas["Member"] => ({
  user: `usr_${name}`,
  name,
  email: null,
  role,
  joinedAt,
});

const members = [
  member("Zoë", "owner", "2026-01-01T00:00:00Z"),
  member("ada", "member", "2026-03-01T00:00:00Z"),
  member("Émile", "admin", "2026-02-01T00:00:00Z"),
  member("Bob", "member", "2026-04-01T00:00:00Z"),
];
const names = (order: Parameters<typeof sorted>[1]) => sorted(members, order, "en").map((each) => each.name);

test("names stand as people look for them, whatever their case and accents", () => {
  expect(names({ column: "name", descending: false })).toEqual(["ada", "Bob", "Émile", "Zoë"]);
  expect(names({ column: "name", descending: true })).toEqual(["Zoë", "Émile", "Bob", "ada"]);
});

test("roles stand by what they may, and equals by name either way", () => {
  expect(names({ column: "role", descending: false })).toEqual(["Zoë", "Émile", "ada", "Bob"]);
  expect(names({ column: "role", descending: true })).toEqual(["ada", "Bob", "Émile", "Zoë"]);
});

test("moments stand by time, not as text", () => {
  expect(names({ column: "joinedAt", descending: true })).toEqual(["Bob", "ada", "Émile", "Zoë"]);
});
