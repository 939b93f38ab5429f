/** A sentence of the server's, in which names of things stand between backticks: here they stand out without them. */
export function Quoted({ text }: { text: string }) {
  const parts = text.split("`");
  // One that has no other ends nothing: it is a part of the sentence.
  if (parts.length % 2 === 0) {
    return text;
  }
  return parts.map((part, index) =>
    index % 2 === 1 ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a sentence do not change
      <code key={index} className="text-[0.92em]">
        {part}
      </code>
    ) : (
      part
    ),
  );
}
