// The browser of the system. Nothing is downloaded.
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";

const names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/** Where it is. */
export function program() {
  const directories = (process.env.PATH ?? "").split(delimiter);
  for (const path of names.flatMap((name) => directories.map((directory) => join(directory, name)))) {
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // The next one.
    }
  }
  throw new Error(`No browser in PATH (${names.join(", ")}). On Debian: apt-get install chromium`);
}

/** Without a window and without anything that asks the network by itself. */
export const flags = [
  // Whoever runs tests in a container has no other one to give it; the pages are our own.
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts one that Playwright drives. */
export function launch(options = {}) {
  return chromium.launch({ executablePath: program(), args: [...flags, ...(options.args ?? [])] });
}
