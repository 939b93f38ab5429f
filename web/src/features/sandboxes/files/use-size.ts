import { useFormatter } from "use-intl";

const units = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;

/** Sizes as people read them: in the largest unit of which there is one. */
export function useSize(): (bytes: number) => string {
  const format = useFormatter();
  return (bytes) => {
    const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
    const unit = units[power] ?? "byte";
    const value = bytes / 1000 ** power;
    const options = { style: "unit", unit, maximumFractionDigits: value < 10 && power > 0 ? 1 : 0 } as const;
    return power > 0
      ? format.number(value, { ...options, unitDisplay: "short" })
      : // The short name of a byte is the word itself in most languages, its narrow one is a letter without a space.
        format.number(value, { ...options, unitDisplay: "narrow" }).replace(/(\d)(\D)$/u, "$1\u00a0$2");
  };
}
