// A picture, small; opened large where somebody wants to look at it.
import { ImageOff } from "lucide-react";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { pictureAddress } from "@/api/pictures";
import { Dialog, DialogContent, DialogTrigger } from "@/components/ui/dialog";
import { cn } from "@/lib/cn";
import type { Numbered } from "./named";

type ThumbnailProps = {
  slug: string;
  image: string;
  /** What it is called, for those who cannot see it, too. */
  label: string;
  className?: string;
};

/** It has its size before it is there, so that nothing around it moves. */
export function Thumbnail({ slug, image, label, className }: ThumbnailProps) {
  const t = useTranslations("pictures");
  const [gone, setGone] = useState(false);
  const source = pictureAddress(slug, image);
  if (gone) {
    return (
      <span
        role="img"
        aria-label={t("gone", { label })}
        title={t("gone", { label })}
        className={cn("grid size-16 place-items-center rounded-md border bg-muted", className)}
      >
        <ImageOff className="size-5 text-muted-foreground" aria-hidden />
      </span>
    );
  }
  return (
    <Dialog>
      <DialogTrigger asChild>
        <button
          type="button"
          aria-label={t("open", { label })}
          className={cn(
            "size-16 shrink-0 overflow-hidden rounded-md border bg-muted hover:border-primary",
            className,
          )}
        >
          <img
            src={source}
            alt=""
            loading="lazy"
            decoding="async"
            className="size-full object-cover"
            onError={() => setGone(true)}
          />
        </button>
      </DialogTrigger>
      <DialogContent
        title={label}
        closeLabel={t("close")}
        className="top-[4vh] max-h-[92vh] w-fit min-w-[min(20rem,calc(100vw-2rem))] max-w-[calc(100vw-2rem)]"
      >
        <img src={source} alt={label} className="mx-auto max-h-[78vh] max-w-full rounded-sm object-contain" />
      </DialogContent>
    </Dialog>
  );
}

type ThumbnailsProps = {
  slug: string;
  images: readonly Numbered[];
  /** How many there are where these are some of. */
  count: number;
  /** The tool that gave them, where they are not the run's own. */
  tool?: string | undefined;
  className?: string;
};

/** The pictures of a run that belong to something. */
export function Thumbnails({ slug, images, count, tool, className }: ThumbnailsProps) {
  const t = useTranslations("pictures");
  const label = (number: number) =>
    tool ? t("given", { number, count, tool }) : t("numbered", { number, count });
  return (
    <ul
      aria-label={tool ? t("givenTitle", { tool }) : t("title")}
      className={cn("flex flex-wrap gap-2", className)}
    >
      {images.map(({ number, image }) => (
        <li key={number}>
          <Thumbnail slug={slug} image={image} label={label(number)} />
        </li>
      ))}
    </ul>
  );
}
