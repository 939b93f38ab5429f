// What is expected of the server, shown before it has answered.
//
// An expectation lies on top of what the server said last and never in its place: taking it back leaves everything else
// that arrived meanwhile, several of them lie on each other, and an answer that is older than they are hides none.
import {
  hashKey,
  type InferDataFromTag,
  type QueryCacheNotifyEvent,
  type QueryClient,
  type QueryKey,
} from "@tanstack/react-query";

type Data = object | null;

/** How something that is kept here will be once the server has done what it was asked for. */
export type Expectation = {
  readonly queryKey: QueryKey;
  readonly hash: string;
  readonly change: (data: Data) => Data;
};

export function expected<K extends QueryKey>(
  { queryKey }: { queryKey: K },
  change: (data: InferDataFromTag<unknown, K>) => InferDataFromTag<unknown, K>,
): Expectation {
  // The key says what is kept under it; a list of several cannot say that for each.
  return { queryKey, hash: hashKey(queryKey), change: change as unknown as Expectation["change"] };
}

/** Ends what is expected: the server has done it, or it has not. */
export type Settle = (how: "done" | "refused") => void;

const kept = new WeakMap<QueryClient, Expectations>();

/** Shows what is expected wherever it is on the screen. */
export function anticipate(client: QueryClient, what: readonly Expectation[]): Settle {
  let expectations = kept.get(client);
  if (!expectations) {
    expectations = new Expectations(client);
    kept.set(client, expectations);
  }
  return expectations.add(what);
}

/** Shows what is expected of a request until that is answered. */
export async function meanwhile<T>(
  client: QueryClient,
  what: readonly Expectation[],
  request: () => Promise<T>,
): Promise<T> {
  const settle = anticipate(client, what);
  try {
    const answer = await request();
    settle("done");
    return answer;
  } catch (error) {
    settle("refused");
    throw error;
  }
}

class Expectations {
  /** The first that was asked for first. */
  private pending: readonly Expectation[] = [];
  /** What the server said last of all that something is expected of. */
  private readonly said = new Map<string, Data | undefined>();
  private drawing = false;

  constructor(private readonly client: QueryClient) {
    client.getQueryCache().subscribe(this.onEvent);
  }

  add(what: readonly Expectation[]): Settle {
    for (const { queryKey, hash } of what) {
      if (!this.concerns(hash)) {
        this.said.set(hash, this.client.getQueryData<Data>(queryKey));
      }
    }
    this.pending = [...this.pending, ...what];
    this.draw(what);
    return (how) => {
      this.pending = this.pending.filter((each) => !what.includes(each));
      for (const { hash, change } of what) {
        const said = this.said.get(hash);
        if (how === "done" && said !== undefined) {
          this.said.set(hash, change(said));
        }
      }
      this.draw(what);
      for (const { queryKey, hash } of what) {
        if (!this.concerns(hash)) {
          this.said.delete(hash);
        }
        void this.client.invalidateQueries({ queryKey });
      }
    };
  }

  private concerns(hash: string): boolean {
    return this.pending.some((each) => each.hash === hash);
  }

  private readonly onEvent = (event: QueryCacheNotifyEvent) => {
    const { query } = event;
    if (this.drawing || !this.concerns(query.queryHash)) {
      return;
    }
    if (event.type === "removed") {
      this.said.delete(query.queryHash);
    } else if (event.type === "updated" && event.action.type === "success") {
      this.said.set(query.queryHash, query.state.data);
      // In the same turn, so that nobody sees what was said without what is expected.
      this.draw([{ queryKey: query.queryKey, hash: query.queryHash }]);
    }
  };

  private draw(what: readonly Pick<Expectation, "queryKey" | "hash">[]): void {
    this.drawing = true;
    for (const { queryKey, hash } of what) {
      const said = this.said.get(hash);
      const updatedAt = this.client.getQueryState(queryKey)?.dataUpdatedAt;
      if (said !== undefined && updatedAt !== undefined) {
        const ofThis = this.pending.filter((each) => each.hash === hash);
        const data = ofThis.reduce((before, { change }) => change(before), said);
        this.client.setQueryData<Data>(queryKey, data, { updatedAt });
      }
    }
    this.drawing = false;
  }
}
