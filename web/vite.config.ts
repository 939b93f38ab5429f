// How the user interface is built. `vite build` writes `dist/`, which the server carries inside its binary.

import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import { tanstackRouter } from "@tanstack/router-plugin/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { noCircles } from "./scripts/no-circles";

/** The server that `vite` passes requests of the API on to, in development. */
const server = process.env.CODECOURIER_URL ?? "http://127.0.0.1:8717";

export default defineConfig({
  plugins: [
    tanstackRouter({ target: "react", autoCodeSplitting: true, quoteStyle: "double", semicolons: true }),
    react(),
    tailwindcss(),
    noCircles(),
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
            // Each file costs a browser some milliseconds, also from its cache: what every page begins with is one. What
            // screens share is left as it comes. Put together by who shares it, files import each other in a circle, and
            // what runs first finds nothing there.
            { name: "start", tags: ["$initial"], priority: 1 },
            // An icon is smaller than what a file of its own costs; icons import nothing but what every page begins with.
            { name: "icons", test: /node_modules\/lucide-react\// },
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
