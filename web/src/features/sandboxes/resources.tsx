// What a sandbox uses of what it may, now and in the last minutes.
import { useFormatter, useTranslations } from "use-intl";
import type { Schemas } from "@/api/client";
import { cn } from "@/lib/cn";
import { duration } from "@/lib/format";
import { processors, useUsage } from "./usage";

const MEBIBYTE = 1_048_576;

export function Resources({ slug, sandbox }: { slug: string; sandbox: Schemas["Sandbox"] }) {
  const t = useTranslations("sandboxes");
  const format = useFormatter();
  const samples = useUsage(slug, sandbox.id);
  const usage = samples.at(-1)?.usage ?? sandbox.usage;
  const { limits } = sandbox;
  const size = (bytes: number) =>
    format.number(bytes / MEBIBYTE, { style: "unit", unit: "megabyte", maximumFractionDigits: 0 });
  if (!usage) {
    return <p className="text-muted-foreground">{t("noUsage")}</p>;
  }
  const share = (part: number) => format.number(part, { style: "percent", maximumFractionDigits: 0 });
  const busy = processors(samples);
  // Two looks tell how busy it is: until then its row says that nothing is known, so that none below it moves.
  const rows = [
    ...(usage.cpuMicroseconds === null
      ? []
      : [
          {
            name: t("processor"),
            used: busy.at(-1) ?? ("unknown" as const),
            most: limits.cpus,
            shown: share,
            trend: busy,
          },
        ]),
    {
      name: t("memoryUsed"),
      used: usage.memoryBytes,
      most: limits.memoryMb * MEBIBYTE,
      shown: size,
      trend: samples.flatMap(({ usage }) => usage.memoryBytes ?? []),
    },
    { name: t("diskUsed"), used: usage.diskBytes, most: limits.diskMb * MEBIBYTE, shown: size },
    {
      name: t("processes"),
      used: usage.processes,
      most: limits.processes,
      shown: (count: number) => format.number(count),
    },
  ];
  return (
    <section aria-label={t("resources")} className="grid gap-2">
      <h2 className="font-medium">{t("resources")}</h2>
      {rows.map(({ name, used, most, shown, trend }) =>
        used === undefined || used === null ? null : (
          <div key={name} className="grid gap-1 text-[0.8125rem]">
            <div className="flex items-center gap-3">
              <span className="text-muted-foreground">{name}</span>
              <span className="ml-auto h-4 min-w-0 max-w-24 flex-1">
                {trend ? <Trend points={trend} most={most} /> : null}
              </span>
              <span className="tabular">
                {used === "unknown" ? "–" : t("usedOf", { used: shown(used), most: shown(most) })}
              </span>
            </div>
            <span className="block h-1.5 overflow-hidden rounded-full bg-muted" aria-hidden>
              <span
                className={cn(
                  "block h-full rounded-full",
                  part(used, most) > 0.9 ? "bg-status-failed" : "bg-primary",
                )}
                style={{ width: `${Math.min(1, part(used, most)) * 100}%` }}
              />
            </span>
          </div>
        ),
      )}
      {usage.cpuMicroseconds === null ? null : (
        <div className="flex justify-between gap-2 text-[0.8125rem]">
          <span className="text-muted-foreground">{t("processorTime", { cpus: limits.cpus })}</span>
          <span className="tabular">{duration(usage.cpuMicroseconds / 1000)}</span>
        </div>
      )}
    </section>
  );
}

function part(used: number | "unknown", most: number): number {
  return used === "unknown" ? 0 : used / Math.max(1, most);
}

/** The course of the last minutes; the number beside it says the same for whoever does not see it. */
function Trend({ points, most }: { points: readonly number[]; most: number }) {
  if (points.length < 2) {
    return null;
  }
  const highest = Math.max(most * 0.05, ...points);
  const line = points.map((point, index) => {
    const x = (index / (points.length - 1)) * 100;
    return `${x.toFixed(1)},${(23 - (point / highest) * 22).toFixed(1)}`;
  });
  return (
    <svg viewBox="0 0 100 24" preserveAspectRatio="none" className="size-full text-primary" aria-hidden>
      <polygon points={`0,24 ${line.join(" ")} 100,24`} className="fill-current opacity-15" />
      <polyline
        points={line.join(" ")}
        className="fill-none stroke-current"
        strokeWidth="1.5"
        vectorEffect="non-scaling-stroke"
      />
    </svg>
  );
}
