"use strict";
// Shows what the server sends, as text only.
const log = document.getElementById("log");
const status = document.getElementById("status");
const source = new EventSource("live");

source.addEventListener("line", (event) => {
  const line = JSON.parse(event.data);
  const row = document.createElement("div");
  row.append(" ".repeat(line.indent));
  for (const [tone, text] of line.pieces) {
    const piece = document.createElement("span");
    piece.className = tone;
    piece.textContent = text;
    row.append(piece);
  }
  const isAtEnd = window.innerHeight + window.scrollY >= document.body.scrollHeight - 80;
  log.append(row);
  if (isAtEnd) window.scrollTo(0, document.body.scrollHeight);
});
source.addEventListener("status", (event) => {
  status.textContent = JSON.parse(event.data);
});
source.addEventListener("end", () => {
  source.close();
  status.textContent = "The demo has ended.";
});
source.addEventListener("error", () => {
  status.textContent = "The demo's process does not answer. It has ended, or is busy.";
});
