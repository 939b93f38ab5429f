// Asking the server for something of which it is sure enough what will come of it, and which a refusal takes back.
import { hashKey, type QueryKey, useMutation, useQueryClient } from "@tanstack/react-query";
import { anticipate, type Expectation } from "@/api/optimistic";
import { useFailure } from "./use-failure";

type OptimisticOptions<V> = {
  /** What it changes. What changes the same is sent one after another, in the order in which people asked for it. */
  of: { queryKey: QueryKey };
  send: (variables: V) => Promise<unknown>;
  /** What is shown until the server has answered, and what is read again then. */
  expects: (variables: V) => readonly Expectation[];
  onDone?: (variables: V) => void;
  /** Says why it was taken back, where there is a better place for it than a toast. */
  onRefused?: (error: unknown, variables: V) => void;
};

/** A mutation that shows at once. Whoever asks may be gone when it is answered: a refusal is said all the same. */
export function useOptimistic<V = void>({ of, send, expects, onDone, onRefused }: OptimisticOptions<V>) {
  const client = useQueryClient();
  const fail = useFailure();
  return useMutation({
    scope: { id: hashKey(of.queryKey) },
    // Without a connection it is refused and taken back, and does not wait unseen for better days.
    networkMode: "always",
    mutationFn: send,
    onMutate: (variables) => ({ settle: anticipate(client, expects(variables)) }),
    onSuccess: (_answer, variables, { settle }) => {
      settle("done");
      onDone?.(variables);
    },
    onError: (error, variables, shown) => {
      shown?.settle("refused");
      (onRefused ?? fail)(error, variables);
    },
  });
}
