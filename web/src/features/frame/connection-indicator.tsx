import { CloudOff, RefreshCw } from "lucide-react";
import { useTranslations } from "use-intl";
import { Button } from "@/components/ui/button";
import { useLive, useLiveState } from "@/live/context";

/** Says when what is shown may be old. Nothing while all is well. */
export function ConnectionIndicator() {
  const t = useTranslations("connection");
  const live = useLive();
  const { status, newVersion } = useLiveState();
  const lost = status === "reconnecting" || status === "offline";
  return (
    <div role="status" className="contents">
      {newVersion ? (
        <Button size="small" variant="secondary" onClick={() => location.reload()}>
          <RefreshCw aria-hidden />
          {t("newVersion")}
        </Button>
      ) : null}
      {lost ? (
        <Button size="small" variant="ghost" className="text-status-cancelled" onClick={live.reconnectNow}>
          <CloudOff aria-hidden />
          {t(status)}
        </Button>
      ) : null}
    </div>
  );
}
