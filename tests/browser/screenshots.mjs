// Pictures of every screen: light and dark, wide and narrow, and in every state that it can be in. For looking at.
import { fileURLToPath } from "node:url";
import { launch } from "./lib/chromium.mjs";
import { Pictures } from "./lib/pictures.mjs";
import { fill, goRound } from "./lib/tour.mjs";
import { Visitor } from "./lib/visitor.mjs";

const directory = fileURLToPath(new URL("../../target/screenshots/", import.meta.url));
const pictures = new Pictures(directory, process.argv.slice(2));
const browser = await launch();
const host = await Visitor.arrive(browser, { name: "host" });
const places = await fill(host, pictures);
await goRound(host, await Visitor.arrive(browser, { name: "stranger" }), places, pictures);
await browser.close();
process.stderr.write(`${pictures.bind()} pictures, to look through at ${directory}index.html\n`);
process.exit();
