// A part of the build that has browsers ask for files before they find out that they need them: the letters that every
// page is written in, and what the page of a run is made of, by `public/ahead.js`.
import type { Plugin } from "vite";

/** The group of files that is the page of a run. It imports what else it needs. */
const RUN = "run";
const LETTERS = /inter-latin-wght-normal-[^/]*\.woff2$/;
const LOADER = '<script src="/ahead.js"';

export function pageAhead(): Plugin {
  return {
    name: "page-ahead",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler(html, { bundle }) {
        const files = Object.values(bundle ?? {});
        const run = files.find((file) => file.type === "chunk" && file.name === RUN);
        const letters = files.find((file) => LETTERS.test(file.fileName));
        if (run?.type !== "chunk" || !letters || !html.includes(LOADER)) {
          throw new Error("the page of a run, or its letters, are in no file of their own any more");
        }
        const names = [run.fileName, ...run.imports].filter((name) => !html.includes(name));
        return {
          html: html.replace(LOADER, `${LOADER} data-run="${names.join(" ")}"`),
          tags: [
            {
              tag: "link",
              attrs: {
                rel: "preload",
                as: "font",
                type: "font/woff2",
                crossorigin: "",
                href: `/${letters.fileName}`,
              },
              injectTo: "head",
            },
          ],
        };
      },
    },
  };
}
