// Which pictures a run can have: what the server takes, said before anything is sent. Pure.

const MEGABYTE = 1024 * 1024;
/** The most bytes of one picture. */
export const MOST_BYTES = 5 * MEGABYTE;
/** The most bytes of all pictures of a run. */
const MOST_TOGETHER = 16 * MEGABYTE;
/** The most pictures of a run. */
export const MOST_PICTURES = 8;
/** What a picture can be; the server looks at its bytes. */
export const pictureTypes = ["image/png", "image/jpeg", "image/gif", "image/webp"];

export const limits = {
  each: MOST_BYTES / MEGABYTE,
  together: MOST_TOGETHER / MEGABYTE,
  count: MOST_PICTURES,
};

/** Why a file cannot be a picture of a run. */
export type Refusal = "type" | "size" | "count" | "together";

type Sized = { size: number };

/** Why a file cannot be added to what a run has already, if it cannot. */
export function refusalOf(file: Sized & { type: string }, before: readonly Sized[]): Refusal | undefined {
  if (!pictureTypes.includes(file.type)) {
    return "type";
  }
  if (file.size > MOST_BYTES) {
    return "size";
  }
  if (before.length >= MOST_PICTURES) {
    return "count";
  }
  const together = before.reduce((sum, { size }) => sum + size, file.size);
  return together > MOST_TOGETHER ? "together" : undefined;
}

/** The files of what was pasted; none when it is words, which programs like to give a picture of, too. */
export function pasted(clipboard: Pick<DataTransfer, "files" | "types">): File[] {
  return clipboard.types.includes("text/plain") ? [] : [...clipboard.files];
}
