// Every screen on a telephone, at twice the size, and with longer words: nothing scrolls sideways, nothing is cut off.
import {
  furnishes,
  LONG_FILE,
  LONG_NAME,
  LONG_WAIT,
  LONG_WORDS,
  settlesIn,
  startsEndless,
  startsRun,
  waitsForEnd,
} from "../lib/acts.mjs";
import { lengthen, misfits } from "../lib/layout.mjs";
import { goTo, inside, outside } from "../lib/screens.mjs";

const ways = [
  { name: "360 pixels wide", viewport: { width: 360, height: 740 } },
  // At 200 % a page has half of the pixels.
  { name: "at 200 %", viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 },
  { name: "with longer words", viewport: { width: 1280, height: 800 }, lengthened: true },
  { name: "with longer words, 360 pixels wide", viewport: { width: 360, height: 740 }, lengthened: true },
];

export default async function tell({ arrives }) {
  const host = await arrives({ name: "host" });
  const slug = await settlesIn(host, LONG_NAME);
  await furnishes(host, slug, LONG_NAME.toLowerCase().replaceAll(/[^a-z]/g, "x"));
  const run = await startsRun(host, slug, { prompt: LONG_WORDS });
  await waitsForEnd(host, slug, run);
  const { sandbox, stop } = await startsEndless(host, slug, LONG_WAIT);
  const state = await host.context.storageState();
  const faults = [];
  for (const { name, lengthened, ...options } of ways) {
    const visitor = await arrives({ name: name.replaceAll(/\W+/g, "-"), ...options, locale: "de-DE" });
    const look = async (screen) => {
      await goTo(visitor.page, screen, { slug, run, sandbox, file: LONG_FILE });
      if (lengthened) {
        await lengthen(visitor.page);
      }
      faults.push(...(await misfits(visitor.page)).map((fault) => `${screen.name}, ${name}: ${fault}`));
      visitor.isClean(`${screen.name}, ${name}`);
    };
    for (const screen of outside) {
      await look(screen);
    }
    await visitor.context.addCookies(state.cookies);
    for (const screen of inside) {
      await look(screen);
    }
  }
  await stop();
  if (faults.length > 0) {
    throw new Error(`What does not fit:\n- ${faults.join("\n- ")}`);
  }
}
