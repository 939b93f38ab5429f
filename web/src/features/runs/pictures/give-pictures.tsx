// Pictures for a run: chosen from files, dropped anywhere on the page, or pasted where the prompt is written.
import { ImageOff, ImagePlus, LoaderCircle, X } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useFormatter, useTranslations } from "use-intl";
import { isApiError } from "@/api/client";
import { Button } from "@/components/ui/button";
import { limits, pictureTypes } from "./limits";
import { Thumbnail } from "./thumbnail";
import type { Picture, Pictures } from "./use-pictures";

type GivePicturesProps = {
  slug: string;
  pictures: Pictures;
  /** Why they cannot go with the run as it is. */
  problem: string | undefined;
};

export function GivePictures({ slug, pictures, problem }: GivePicturesProps) {
  const t = useTranslations("pictures");
  const file = useRef<HTMLInputElement>(null);
  const dragged = useDropped(pictures.add);
  return (
    <section aria-label={t("title")} className="grid gap-2">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <input
          ref={file}
          type="file"
          multiple
          accept={pictureTypes.join()}
          className="sr-only"
          tabIndex={-1}
          aria-label={t("files")}
          onChange={(event) => {
            pictures.add([...(event.target.files ?? [])]);
            event.target.value = "";
          }}
        />
        <Button size="small" onClick={() => file.current?.click()} aria-describedby="pictures-limits">
          <ImagePlus aria-hidden />
          {t("add")}
        </Button>
        <p id="pictures-limits" className="text-[0.8125rem] text-muted-foreground">
          {t("limits", limits)}
        </p>
      </div>
      {pictures.list.length > 0 ? (
        <ul className="grid gap-2 sm:grid-cols-2">
          {pictures.list.map((picture) => (
            <li key={picture.key} className="flex min-w-0 items-center gap-2 rounded-md border p-1.5">
              <Face slug={slug} picture={picture} />
              <div className="grid min-w-0 flex-1 gap-0.5">
                <span className="truncate" title={picture.name}>
                  {picture.name}
                </span>
                <State picture={picture} />
              </div>
              <Button
                size="icon-small"
                variant="ghost"
                aria-label={t("remove", { name: picture.name })}
                onClick={() => pictures.remove(picture.key)}
              >
                <X aria-hidden />
              </Button>
            </li>
          ))}
        </ul>
      ) : null}
      {problem ? (
        <p role="alert" className="text-[0.8125rem] text-destructive">
          {problem}
        </p>
      ) : null}
      {dragged ? (
        <div
          role="status"
          className="pointer-events-none fixed inset-2 z-50 grid place-items-center rounded-lg border-2 border-primary border-dashed bg-background/80 font-medium"
        >
          <span className="flex items-center gap-2">
            <ImagePlus className="size-5" aria-hidden />
            {t("drop")}
          </span>
        </div>
      ) : null}
    </section>
  );
}

function Face({ slug, picture }: { slug: string; picture: Picture }) {
  if (picture.state === "there") {
    return <Thumbnail slug={slug} image={picture.image} label={picture.name} className="size-10" />;
  }
  const Icon = picture.state === "sending" ? LoaderCircle : ImageOff;
  return (
    <span className="grid size-10 shrink-0 place-items-center rounded-md bg-muted text-muted-foreground">
      <Icon className={picture.state === "sending" ? "size-5 animate-spin" : "size-5"} aria-hidden />
    </span>
  );
}

function State({ picture }: { picture: Picture }) {
  const t = useTranslations("pictures");
  const errors = useTranslations("errors");
  const format = useFormatter();
  switch (picture.state) {
    case "sending":
      return (
        <progress
          className="h-1.5 w-full accent-primary"
          max={1}
          value={picture.part}
          aria-label={t("sending", { name: picture.name })}
        />
      );
    case "there":
      return (
        <span className="tabular text-muted-foreground text-xs">
          {format.number(Math.max(1, picture.size / 1024), {
            style: "unit",
            unit: "kilobyte",
            maximumFractionDigits: 0,
          })}
        </span>
      );
    case "refused":
      return (
        <span role="alert" className="text-destructive text-xs">
          {t(`refused.${picture.refusal}`, limits)}
        </span>
      );
    case "failed":
      return (
        <span role="alert" className="text-destructive text-xs">
          {isApiError(picture.error) && picture.error.code !== "UNREACHABLE"
            ? picture.error.message
            : errors("unreachable")}
        </span>
      );
  }
}

/** Takes files that are dropped anywhere on the page, which a browser would else go away to; tells while some are held over it. */
function useDropped(add: (files: Iterable<File>) => void): boolean {
  const [dragged, setDragged] = useState(false);
  useEffect(() => {
    const holdsFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") === true;
    const over = (event: DragEvent) => {
      if (holdsFiles(event)) {
        event.preventDefault();
        setDragged(true);
      }
    };
    const left = (event: DragEvent) => event.relatedTarget === null && setDragged(false);
    const dropped = (event: DragEvent) => {
      if (holdsFiles(event)) {
        event.preventDefault();
        setDragged(false);
        add([...(event.dataTransfer?.files ?? [])]);
      }
    };
    window.addEventListener("dragover", over);
    window.addEventListener("dragleave", left);
    window.addEventListener("drop", dropped);
    return () => {
      window.removeEventListener("dragover", over);
      window.removeEventListener("dragleave", left);
      window.removeEventListener("drop", dropped);
    };
  }, [add]);
  return dragged;
}
