import { useMemo } from "react";
import { ansi } from "@/lib/ansi";

/** Output of a program, with its colours and without its other tricks. */
export function Terminal({ text }: { text: string }) {
  const spans = useMemo(() => ansi(text), [text]);
  return (
    <pre
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be reached by keyboard
      tabIndex={0}
      className="max-h-96 overflow-auto whitespace-pre-wrap in-data-[wrap=off]:whitespace-pre rounded-md bg-muted px-2 py-1.5 font-mono text-xs leading-4.5"
    >
      {spans.map((span, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: spans are made anew with the text
        <span key={index} className={span.className}>
          {span.text}
        </span>
      ))}
    </pre>
  );
}
