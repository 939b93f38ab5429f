import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useCallback } from "react";
import { rememberSignedIn } from "@/api/ahead";
import { accountQuery } from "@/api/queries";

/** Leaves once somebody is signed in no more: to where one signs in. */
export function useLeave() {
  const client = useQueryClient();
  const navigate = useNavigate();
  return useCallback(async () => {
    rememberSignedIn(false);
    // The page goes before what it shows does: it would ask for that again, of a server that does not know it any more.
    client.setQueryData(accountQuery.queryKey, null);
    await navigate({ to: "/sign-in", search: {} });
    // Nothing of this person stays in the memory of the tab.
    client.clear();
  }, [client, navigate]);
}
