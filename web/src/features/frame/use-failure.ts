import { createElement, useCallback } from "react";
import { toast } from "sonner";
import { useTranslations } from "use-intl";
import { isApiError } from "@/api/client";
import { Quoted } from "@/components/ui/quoted";

/** Says that something could not be done: what happened, and what finds it in the log. */
export function useFailure(): (error: unknown) => void {
  const t = useTranslations("errors");
  return useCallback(
    (error: unknown) => {
      if (!isApiError(error)) {
        toast.error(t("unknown"));
        return;
      }
      toast.error(
        error.code === "UNREACHABLE" ? t("unreachable") : createElement(Quoted, { text: error.message }),
        {
          description: [error.code, error.requestId].filter(Boolean).join(" · "),
          duration: 8000,
        },
      );
    },
    [t],
  );
}
