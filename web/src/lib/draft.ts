// Editing what others may be editing too: nothing that anybody wrote is lost, and nothing is overwritten unseen.
//
// A draft knows what it began from. When somebody else saves meanwhile, what only they changed is taken over, what only
// this person changed stays, and what both changed differently is a conflict, with both values kept until a choice.

export type Fields = Record<string, unknown>;

export type Draft<T extends Fields> = {
  /** Which version on the server it began from. */
  readonly tag: string;
  readonly base: T;
  readonly mine: T;
  /** What somebody else saved in fields that were changed here too. */
  readonly theirs: Partial<T>;
};

export function begin<T extends Fields>(value: T, tag: string): Draft<T> {
  return { tag, base: value, mine: value, theirs: {} };
}

/** The draft with other values in some fields. A field with a conflict keeps it until it is settled. */
export function edited<T extends Fields>(draft: Draft<T>, change: Partial<T>): Draft<T> {
  return { ...draft, mine: { ...draft.mine, ...change } };
}

/** The draft on top of what somebody else saved. */
export function rebased<T extends Fields>(draft: Draft<T>, value: T, tag: string): Draft<T> {
  const mine: Fields = {};
  const theirs: Fields = {};
  for (const key of Object.keys(value)) {
    const here = draft.mine[key];
    const there = value[key];
    const changedHere = !same(here, draft.base[key]);
    const changedThere = !same(there, draft.base[key]) || key in draft.theirs;
    mine[key] = changedHere ? here : there;
    if (changedHere && changedThere && !same(here, there)) {
      theirs[key] = there;
    }
  }
  return { tag, base: value, mine: mine as T, theirs: theirs as Partial<T> };
}

/** A conflict is settled: by what was written here, or by what somebody else saved. */
export function settled<T extends Fields>(draft: Draft<T>, key: keyof T, take: "mine" | "theirs"): Draft<T> {
  const { [key]: there, ...others } = draft.theirs;
  const theirs = others as unknown as Partial<T>;
  return take === "mine" ? { ...draft, theirs } : { ...draft, theirs, mine: { ...draft.mine, [key]: there } };
}

/** The fields that are different from what is on the server. */
export function changes<T extends Fields>(draft: Draft<T>): Partial<T> {
  return Object.fromEntries(
    Object.entries(draft.mine).filter(([key, value]) => !same(value, draft.base[key])),
  ) as Partial<T>;
}

export function isDirty<T extends Fields>(draft: Draft<T>): boolean {
  return Object.keys(changes(draft)).length > 0;
}

export function hasConflict<T extends Fields>(draft: Draft<T>): boolean {
  return Object.keys(draft.theirs).length > 0;
}

/** Whether two values are the same data. What is absent and what is `null` say the same: servers leave the latter out. */
export function same(one: unknown, other: unknown): boolean {
  if (Object.is(one ?? null, other ?? null)) {
    return true;
  }
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) {
    return false;
  }
  if (Array.isArray(one) !== Array.isArray(other)) {
    return false;
  }
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...keys].every((key) => same((one as Fields)[key], (other as Fields)[key]));
}
