// A part of the build that refuses files which import each other in a circle. One of them runs before what it needs is
// there: no type and no test of a module shows that, only a page that stays empty.
import type { Plugin } from "vite";

export function noCircles(): Plugin {
  return {
    name: "no-circles",
    generateBundle(_options, bundle) {
      const seen = new Map<string, "entered" | "left">();
      const visit = (file: string, way: readonly string[]): void => {
        if (seen.get(file) === "entered") {
          const circle = [...way.slice(way.indexOf(file)), file];
          this.error(`these files import each other in a circle: ${circle.join(" → ")}`);
        }
        const chunk = bundle[file];
        if (seen.has(file) || chunk?.type !== "chunk") {
          return;
        }
        seen.set(file, "entered");
        for (const imported of chunk.imports) {
          visit(imported, [...way, file]);
        }
        seen.set(file, "left");
      };
      for (const file of Object.keys(bundle)) {
        visit(file, []);
      }
    },
  };
}
