import { useFormatter, useLocale } from "use-intl";
import { Tooltip } from "@/components/ui/tooltip";
import { duration } from "@/lib/format";
import { useNow } from "@/lib/use-now";

/** When something was: how long ago, and the moment itself on request. */
export function Ago({ at }: { at: string }) {
  const format = useFormatter();
  const now = useNow(false);
  const date = new Date(at);
  return (
    <Tooltip label={format.dateTime(date, { dateStyle: "medium", timeStyle: "medium" })}>
      <time dateTime={at} className="whitespace-nowrap">
        {format.relativeTime(date, { now: new Date(date.getTime() + whole(now - date.getTime())) })}
      </time>
    </Tooltip>
  );
}

/** As many whole seconds, minutes, hours or days as have gone by: it is never 60 seconds ago. */
function whole(milliseconds: number): number {
  const unit = [86_400_000, 3_600_000, 60_000, 1000].find((unit) => milliseconds >= unit);
  return unit ? milliseconds - (milliseconds % unit) : 0;
}

/** How long something took, or takes so far. */
export function Elapsed({ from, to }: { from: string | null; to: string | null }) {
  const now = useNow(from !== null && to === null);
  if (!from) {
    return <span className="text-muted-foreground">–</span>;
  }
  const end = to ? Date.parse(to) : now;
  return <span className="tabular whitespace-nowrap">{duration(end - Date.parse(from))}</span>;
}

export function useMoney() {
  const locale = useLocale();
  return (microUsd: number) => {
    const digits = microUsd !== 0 && Math.abs(microUsd) < 10_000 ? 4 : 2;
    return new Intl.NumberFormat(locale, {
      style: "currency",
      currency: "USD",
      currencyDisplay: "narrowSymbol",
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    }).format(microUsd / 1_000_000);
  };
}

export function useCompact() {
  const locale = useLocale();
  const format = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });
  return (count: number) => format.format(count);
}
