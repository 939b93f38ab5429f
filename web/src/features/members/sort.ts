// The order of the members table.
import type { Schemas } from "@/api/client";

type Member = Schemas["Member"];

export const columns = ["name", "role", "joinedAt"] as const;
export type Column = (typeof columns)[number];
export type Order = { column: Column; descending: boolean };

const rank: Record<Schemas["MemberRole"], number> = { owner: 0, admin: 1, member: 2 };

/** The members in an order; who is equal in it stands by name. */
export function sorted(members: readonly Member[], { column, descending }: Order, locale: string): Member[] {
  const compare = new Intl.Collator(locale, { numeric: true }).compare;
  const byName = (one: Member, other: Member) => compare(one.name, other.name);
  const by = {
    name: byName,
    role: (one: Member, other: Member) => rank[one.role] - rank[other.role],
    joinedAt: (one: Member, other: Member) => Date.parse(one.joinedAt) - Date.parse(other.joinedAt),
  }[column];
  const turn = descending ? -1 : 1;
  return members.toSorted((one, other) => turn * by(one, other) || byName(one, other));
}
