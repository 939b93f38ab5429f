// Takes pictures: of a screen in each theme at each width, and of all of them on one page to look through.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";

const widths = { wide: { width: 1440, height: 900 }, narrow: { width: 390, height: 844 } };
const themes = ["light", "dark"];

/** Where they are kept. Takes only those whose name has one of the parts, if any are given. */
export class Pictures {
  constructor(directory, parts = []) {
    this.directory = directory;
    this.parts = parts;
    if (parts.length === 0) {
      rmSync(directory, { recursive: true, force: true });
    }
    mkdirSync(directory, { recursive: true });
  }

  isWanted(name) {
    return this.parts.length === 0 || this.parts.some((part) => name.includes(part));
  }

  /** Takes one of whatever `arrive` leads to, in each theme at each width. */
  async take({ page }, name, arrive) {
    if (!this.isWanted(name)) {
      return;
    }
    for (const [width, viewport] of Object.entries(widths)) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme: themes[0] });
      await arrive();
      for (const colorScheme of themes) {
        await page.emulateMedia({ colorScheme });
        // A picture shows what is there, not what is on its way.
        await page.evaluate(
          () => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))),
        );
        await page.screenshot({
          path: `${this.directory}${name}-${width}-${colorScheme}.png`,
          animations: "disabled",
        });
      }
    }
  }

  /** One page with all of them. */
  bind() {
    const names = readdirSync(this.directory).filter((name) => name.endsWith(".png"));
    const figures = names.map(
      (name) =>
        `<figure><a href="${name}"><img src="${name}" loading="lazy" alt=""></a><figcaption>${name}</figcaption></figure>`,
    );
    const style =
      "body{display:flex;flex-wrap:wrap;gap:1rem;font:14px system-ui}figure{margin:0}img{height:22rem;border:1px solid #888}";
    writeFileSync(
      `${this.directory}index.html`,
      `<!doctype html><meta charset="utf-8"><title>Screens</title><style>${style}</style>\n${figures.join("\n")}\n`,
    );
    return names.length;
  }
}
