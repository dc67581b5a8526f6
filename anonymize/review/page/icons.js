// Pictures on buttons, drawn on a square of 16.

/** @type {Record<string, string>} */
const PATHS = {
  play: "M4 2v12l10-6z",
  pause: "M3 2h4v12H3zM9 2h4v12H9z",
  previous: "M11 2v12L4 8z",
  next: "M5 2v12l7-6z",
  "previous-cut": "M2 2h2v12H2zM13 2v12L6 8z",
  "next-cut": "M12 2h2v12h-2zM3 2v12l7-6z",
  audible: "M2 5h3l4-3v12l-4-3H2zM11 4.5a5 5 0 0 1 0 7l-1-1a3.5 3.5 0 0 0 0-5zM13 2.5a8 8 0 0 1 0 11l-1-1a6.5 6.5 0 0 0 0-9z",
  zoom: "M6.5 1a5.5 5.5 0 0 1 4.4 8.800l4 4-1.1 1.1-4-4A5.5 5.5 0 1 1 6.5 1zm0 1.5a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM6 4h1v2h2v1H7v2H6V7H4V6h2z",
  "full-screen": "M1 1h5v2H3v3H1zM10 1h5v5h-2V3h-3zM1 10h2v3h3v2H1zM13 10h2v5h-5v-2h3z",
  silent: "M2 5h3l4-3v12l-4-3H2zM10.5 6l1-1 1.5 1.5L14.5 5l1 1L14 7.5 15.5 9l-1 1L13 8.5 11.5 10l-1-1L12 7.5z",
};

/** @param {string} name */
export function icon(name) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  made.setAttribute("viewBox", "0 0 16 16");
  made.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  made.append(path);
  return made;
}

/** @param {string} name */
export const hasIcon = (name) => name in PATHS;
