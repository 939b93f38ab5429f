// Whether everything that a page has fits on it.

/** What is wider than the page, and text that is cut off where nothing says that it is. Empty when all fits. */
export function misfits(page) {
  return page.evaluate(() => {
    const faults = [];
    const describe = (element) =>
      `<${element.tagName.toLowerCase()} class="${element.getAttribute("class") ?? ""}"> “${element.textContent
        .trim()
        .slice(0, 60)}”`;
    const root = document.documentElement;
    const main = document.querySelector("main");
    for (const [name, box] of [
      ["the page", root],
      ["the content", main],
      // A table of data, or a file whose lines are lines, may be wider than a telephone: it scrolls in its own box
      // (WCAG 1.4.10).
      ...[...document.querySelectorAll("section[tabindex='0']")]
        .filter((list) => !list.querySelector("table, :scope > pre"))
        .map((list) => ["a list", list]),
    ]) {
      if (box && box.scrollWidth > box.clientWidth + 1) {
        const wide = [...box.querySelectorAll("*")].filter(
          (element) =>
            element.getBoundingClientRect().right > box.getBoundingClientRect().left + box.clientWidth + 1,
        );
        faults.push(
          `${name} scrolls sideways, ${box.scrollWidth} in ${box.clientWidth}: ${wide.slice(0, 3).map(describe)}`,
        );
      }
    }
    // A control whose words do not fit into it.
    for (const control of document.querySelectorAll("button, a, [role=tab], [role=option], label")) {
      const style = getComputedStyle(control);
      const cut =
        control.scrollWidth > control.clientWidth + 1 &&
        control.clientWidth > 0 &&
        style.display !== "inline";
      const says = [control, ...control.querySelectorAll("*")].some(
        (element) => getComputedStyle(element).textOverflow === "ellipsis",
      );
      if (cut && !says && !control.closest(".sr-only, [aria-hidden=true]") && control.clientWidth > 1) {
        faults.push(`cut off: ${describe(control)}`);
      }
    }
    return faults;
  });
}

/** Makes every text of the page 40 % longer, as another language might. */
export function lengthen(page) {
  return page.evaluate(() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const words = node.data.trim();
      if (words && !node.parentElement.closest("script, style, pre, code, time, kbd, textarea")) {
        node.data = node.data.replace(
          words,
          `${words} ${"ümlaut wide "
            .repeat(40)
            .slice(0, Math.ceil(words.length * 0.4))
            .trim()}`,
        );
      }
    }
  });
}
