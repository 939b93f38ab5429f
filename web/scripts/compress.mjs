// Writes each file of `dist/` a second and a third time, compressed, so that the server never does it: `.br` and `.gz`
// beside what they are made of, where they are worth it. Then holds the sizes against what was promised.
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const KILOBYTE = 1000;
const FIRST_LOAD = 190 * KILOBYTE;
const RUN_SCREEN = 300 * KILOBYTE;
const LAZY_CHUNK = 250 * KILOBYTE;
const EVERYTHING = 8000 * KILOBYTE;

/** What the page of a run is made of when it shows its transcript, in the language that loads the most. */
const OF_THE_RUN_SCREEN = ["index.html", "run", "src/i18n/runs/ja.json"];

const dist = join(import.meta.dirname, "../dist");
const manifest = JSON.parse(readFileSync(join(dist, "manifest.json"), "utf8"));
rmSync(join(dist, "manifest.json"));
const compressible = /\.(?:js|css|html|svg|json|txt)$/;
const gzipped = new Map();
let total = 0;

for (const name of readdirSync(dist, { recursive: true, encoding: "utf8" })) {
  const path = join(dist, name);
  if (!statSync(path).isFile() || /\.(?:br|gz)$/.test(name)) {
    continue;
  }
  const bytes = readFileSync(path);
  total += bytes.length;
  if (!compressible.test(name)) {
    continue;
  }
  const gzip = gzipSync(bytes, { level: 9 });
  gzipped.set(name, gzip.length);
  const brotli = brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  });
  if (gzip.length < bytes.length * 0.95) {
    writeFileSync(`${path}.gz`, gzip);
    writeFileSync(`${path}.br`, brotli);
  }
}

const index = readFileSync(join(dist, "index.html"), "utf8");
const first = [...index.matchAll(/(?:src|href)="\/([^"]+\.(?:js|css))"/g)].map((match) => match[1]);
const firstLoad = first.reduce((sum, name) => sum + (gzipped.get(name) ?? 0), 0);
const largest = [...gzipped]
  .filter(([name]) => !first.includes(name))
  .toSorted(([, one], [, other]) => other - one)[0];

const ofRun = new Set();
for (const source of OF_THE_RUN_SCREEN) {
  takesWhatItImports(source);
}
const runScreen = [...ofRun].reduce((sum, name) => sum + (gzipped.get(name) ?? 0), 0);

const said = [
  `first load ${(firstLoad / KILOBYTE).toFixed(0)} kB gzip`,
  `run screen ${(runScreen / KILOBYTE).toFixed(0)} kB gzip`,
  `largest lazy chunk ${((largest?.[1] ?? 0) / KILOBYTE).toFixed(0)} kB gzip`,
  `everything ${(total / KILOBYTE).toFixed(0)} kB`,
].join(", ");
console.log(said);
if (
  firstLoad > FIRST_LOAD ||
  runScreen > RUN_SCREEN ||
  (largest?.[1] ?? 0) > LAZY_CHUNK ||
  total > EVERYTHING
) {
  console.error(
    "larger than promised: 190 kB for the first load, 300 kB for a run, 250 kB for a chunk, 8 MB for everything",
  );
  process.exit(1);
}

/** The file of a source, or of a group or shared chunk, and all that it cannot run without. */
function takesWhatItImports(source) {
  const chunk = manifest[source] ?? Object.values(manifest).find(({ name }) => name === source);
  if (!chunk) {
    console.error(`${source} is in no file of its own any more: what a run's page loads is to be said anew`);
    process.exit(1);
  }
  if (ofRun.has(chunk.file)) {
    return;
  }
  for (const file of [chunk.file, ...(chunk.css ?? [])]) {
    ofRun.add(file);
  }
  for (const imported of chunk.imports ?? []) {
    takesWhatItImports(imported);
  }
}
