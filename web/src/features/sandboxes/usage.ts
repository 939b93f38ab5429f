// What a sandbox uses, as the server tells it while somebody looks.
import { useEffect, useState } from "react";
import type { Schemas } from "@/api/client";
import { useLive } from "@/live/context";

type Usage = Schemas["SandboxUsage"];

export type Sample = { at: number; usage: Usage };

/** How many samples a trend is made of: about two minutes. */
const KEPT = 60;

/** The samples with another one, the oldest first. What is no newer than the last is not taken twice. */
export function withSample(samples: readonly Sample[], sample: Sample): readonly Sample[] {
  const last = samples.at(-1);
  return last && sample.at <= last.at ? samples : [...samples, sample].slice(-KEPT);
}

/** Processors in use between each two samples: 1 is one of them all the time. */
export function processors(samples: readonly Sample[]): number[] {
  return samples.slice(1).flatMap(({ at, usage }, index) => {
    const before = samples[index];
    const [now, then] = [usage.cpuMicroseconds, before?.usage.cpuMicroseconds];
    return before && now != null && then != null && at > before.at
      ? [Math.max(0, (now - then) / 1000 / (at - before.at))]
      : [];
  });
}

/** The newest samples; empty until the first came. */
export function useUsage(slug: string, sandbox: string): readonly Sample[] {
  const live = useLive();
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  useEffect(() => {
    setSamples([]);
    return live.subscribe(
      "sandbox.usage",
      { project: slug, sandbox },
      {
        delta: () => {},
        transient: (told) => {
          if (told.what === "usage") {
            const { at, usage } = told;
            setSamples((samples) => (usage ? withSample(samples, { at: Date.parse(at), usage }) : samples));
          }
        },
      },
    );
  }, [live, slug, sandbox]);
  return samples;
}
