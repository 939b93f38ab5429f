// Which pictures of its run something is about. Pure.
import type { Schemas } from "@/api/client";

/** Where a step finds them: numbered from 1, as `RunImage::path` of the engine says. */
const places = /\/home\/user\/reference-images\/(\d{1,2})\.[a-z]{3,4}\b/g;

/** The numbers of the pictures that a text names by their files, each once, in their order. */
export function named(text: string): number[] {
  const numbers = new Set([...text.matchAll(places)].map(([, number]) => Number(number)));
  return [...numbers].toSorted((one, other) => one - other);
}

type Image = Schemas["RunImage"];
export type Numbered = { number: number; image: string };

/** Those of them that there are. */
export function picturesAt(images: readonly Image[], numbers: readonly number[]): Numbered[] {
  return numbers.flatMap((number) => {
    const image = images[number - 1]?.image;
    return image ? [{ number, image }] : [];
  });
}

/** Whether something is the name of a picture. */
export function isName(name: unknown): name is string {
  return typeof name === "string" && /^[0-9a-f]{64}$/.test(name);
}

/** The pictures that a tool gave, but for those of the run that are shown with its call: it read one of them. */
export function givenPictures(given: readonly string[], shown: readonly Numbered[]): Numbered[] {
  const known = new Set(shown.map(({ image }) => image));
  const others = [...new Set(given)].filter((image) => !known.has(image));
  return others.map((image, index) => ({ number: index + 1, image }));
}
