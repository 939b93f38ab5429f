// The pictures that somebody gives a run: each is sent up as soon as it is chosen, and kept by name with the draft.
import { useCallback, useEffect, useRef, useState } from "react";
import { isApiError, type Schemas } from "@/api/client";
import { uploadPicture } from "@/api/pictures";
import { unique } from "@/lib/unique";
import { type Refusal, refusalOf } from "./limits";

export type Picture = { key: string; name: string; size: number } & (
  | { state: "sending"; part: number }
  | { state: "there"; image: string }
  | { state: "refused"; refusal: Refusal }
  /** With what the server says of it. */
  | { state: "failed"; error: unknown }
);

export type Pictures = {
  list: readonly Picture[];
  /** The names of what is there, as the API takes them. */
  images: string[];
  /** Whether all that was given can go with the run. */
  ready: boolean;
  sending: boolean;
  add: (files: Iterable<File>) => void;
  remove: (key: string) => void;
  /** Forgets the draft. */
  forget: () => void;
};

/** A picture that a run has had, called as its agents know it. */
function known({ image, mediaType, size }: Schemas["RunImage"], index: number): Picture {
  const name = `${index + 1}.${mediaType.split("/")[1]}`;
  return { key: image, name, size, state: "there", image };
}

type Kept = { name: string; size: number; image: string };

type Beginning = {
  /** What there is at first. */
  first?: readonly Schemas["RunImage"][] | undefined;
  /** The name that what is there is kept by, so that a reload loses nothing; without one nothing is kept. */
  draft?: string | undefined;
};

export function usePictures(slug: string, { first = [], draft }: Beginning): Pictures {
  const [list, setList] = useState<readonly Picture[]>(() => (draft ? read(draft) : first.map(known)));
  const now = useRef(list);
  const stops = useRef(new Map<string, AbortController>());
  const change = useCallback(
    (next: readonly Picture[]) => {
      now.current = next;
      setList(next);
      if (draft) {
        keep(draft, next);
      }
    },
    [draft],
  );
  const update = useCallback(
    (key: string, to: (before: Picture) => Picture) =>
      change(now.current.map((picture) => (picture.key === key ? to(picture) : picture))),
    [change],
  );
  const send = useCallback(
    async (key: string, file: File) => {
      const stop = new AbortController();
      stops.current.set(key, stop);
      const known = { key, name: file.name, size: file.size };
      try {
        const { image } = await uploadPicture(slug, file, {
          signal: stop.signal,
          onProgress: (part) => update(key, () => ({ ...known, state: "sending", part })),
        });
        const again = now.current.some((each) => each.state === "there" && each.image === image);
        // The same picture twice is one picture.
        change(
          again
            ? now.current.filter((each) => each.key !== key)
            : now.current.map((each) => (each.key === key ? { ...known, state: "there", image } : each)),
        );
      } catch (error) {
        if (!stop.signal.aborted) {
          update(key, () => ({ ...known, state: "failed", error }));
        }
      } finally {
        stops.current.delete(key);
      }
    },
    [slug, change, update],
  );
  const add = useCallback(
    (files: Iterable<File>) => {
      for (const file of files) {
        const key = unique();
        const known = { key, name: file.name, size: file.size };
        const refusal = refusalOf(file, now.current.filter(isGood));
        change([
          ...now.current,
          refusal ? { ...known, state: "refused", refusal } : { ...known, state: "sending", part: 0 },
        ]);
        if (!refusal) {
          void send(key, file);
        }
      }
    },
    [change, send],
  );
  const remove = useCallback(
    (key: string) => {
      change(now.current.filter((picture) => picture.key !== key));
      stops.current.get(key)?.abort();
    },
    [change],
  );
  const forget = () => draft && sessionStorage.removeItem(draft);
  useEffect(
    () => () => {
      for (const stop of stops.current.values()) {
        stop.abort();
      }
    },
    [],
  );
  return {
    list,
    images: list.flatMap((picture) => (picture.state === "there" ? [picture.image] : [])),
    ready: list.every((picture) => picture.state === "there"),
    sending: list.some((picture) => picture.state === "sending"),
    add,
    remove,
    forget,
  };
}

/** Whether what the server refuses is a picture of the request, or all of them. */
export function refusedPicture(error: unknown): boolean {
  return isApiError(error) && (error.field === "images" || /^images\.\d+$/.test(error.field ?? ""));
}

const isGood = ({ state }: Picture) => state === "sending" || state === "there";

function keep(draft: string, list: readonly Picture[]) {
  const kept: Kept[] = list.flatMap((picture) =>
    picture.state === "there" ? [{ name: picture.name, size: picture.size, image: picture.image }] : [],
  );
  if (kept.length > 0) {
    sessionStorage.setItem(draft, JSON.stringify(kept));
  } else {
    sessionStorage.removeItem(draft);
  }
}

function read(draft: string): readonly Picture[] {
  try {
    const kept = JSON.parse(sessionStorage.getItem(draft) ?? "[]") as Kept[];
    return kept.map(({ name, size, image }) => ({ key: image, name, size, state: "there", image }));
  } catch {
    return [];
  }
}
