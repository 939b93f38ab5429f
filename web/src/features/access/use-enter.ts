import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useCallback } from "react";
import { takeFragment } from "./fragment";

/** Goes on once somebody is signed in: to where they wanted to go, if that is a place of this server. */
export function useEnter(next?: string) {
  const client = useQueryClient();
  const navigate = useNavigate();
  return useCallback(async () => {
    client.clear();
    if (next?.startsWith("/") && !next.startsWith("//") && !next.includes("\\")) {
      const fragment = takeFragment(next);
      await navigate({ href: fragment ? `${next}#${fragment}` : next });
    } else {
      await navigate({ to: "/" });
    }
  }, [client, navigate, next]);
}
