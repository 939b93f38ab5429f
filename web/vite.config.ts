// How the user interface is built. `vite build` writes `dist/`, which the server carries inside its binary.

import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import { tanstackRouter } from "@tanstack/router-plugin/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { noCircles } from "./scripts/no-circles";
import { pageAhead } from "./scripts/page-ahead";

/** The server that `vite` passes requests of the API on to, in development. */
const server = process.env.CODECOURIER_URL ?? "http://127.0.0.1:8717";

/** What is around every page of a project, and what nearly every page in it takes: together, a few kilobytes. */
const OF_THE_FRAME =
  /routes\/_app(?:\/p\/\$slug)?\.tsx\?tsr-split|src\/lib\/|ui\/(?:alert-dialog|input|tabs)|runs\/status|useMutation|lucide/;
const OF_EVENTS = /runs\/(?:event-list|listening|moments|pictures\/thumbnail|run-views)|live\/run-events/;
const OF_A_RUN = /runs\.\$run\.tsx\?tsr-split/;

export default defineConfig({
  plugins: [
    tanstackRouter({ target: "react", autoCodeSplitting: true, quoteStyle: "double", semicolons: true }),
    react(),
    tailwindcss(),
    noCircles(),
    pageAhead(),
  ],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    target: "es2022",
    sourcemap: false,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // What loads what, for `scripts/compress.mjs`, which takes it away again.
    manifest: "manifest.json",
    // `scripts/compress.mjs` holds the sizes against what was promised.
    chunkSizeWarningLimit: 1000,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            // Each file costs a browser some milliseconds, also from its cache: what every page begins with is one, what
            // every page of a project has is another, and so is the page that is opened most, but for what the pages of
            // sandboxes share with it. A group takes all that its modules import with it, unless a group before it has
            // that: so no two files import each other in a circle. What other screens share is left as it comes.
            { name: "start", tags: ["$initial"], priority: 4 },
            { name: "frame", test: OF_THE_FRAME, priority: 3 },
            { name: "events", test: OF_EVENTS, priority: 2 },
            { name: "run", test: OF_A_RUN, priority: 1 },
          ],
        },
      },
    },
  },
  preview: { port: 5173, proxy: { "/api": { target: server, ws: true } } },
  server: {
    port: 5173,
    strictPort: true,
    proxy: { "/api": { target: server, ws: true, changeOrigin: true } },
  },
  test: {
    environment: "happy-dom",
    include: ["src/**/*.test.{ts,tsx}"],
    setupFiles: ["src/test/setup.ts"],
    restoreMocks: true,
    testTimeout: 30_000,
  },
});
