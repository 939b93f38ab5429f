// Chooses the theme before anything is painted. A file of its own, since the content security policy allows no script
// inside the page.
(() => {
  const chosen = localStorage.getItem("codecourier.theme");
  const dark =
    chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.classList.toggle("dark", dark);
})();
