// Elements of the page. Whatever a run says becomes text, never markup.

const $ = (id) => document.getElementById(id);

/** An element: `h("button", {type: "button", onclick: go}, "Go")`; null and false children are left out. */
function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(element.style, value);
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...kept(children));
  return element;
}

/** Children as elements take them: flat, without what is not there. */
const kept = (children) => children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);

/** Puts children into an element in place of those that it has. */
function fill(element, ...children) {
  element.replaceChildren(...kept(children));
}

/** A button with words on it. */
const button = (words, onclick, attributes = {}) => h("button", { type: "button", onclick, ...attributes }, words);

/** A labelled choice among texts; `options` are texts or [value, text]. */
function choice(label, options, value, onchange, attributes = {}) {
  const select = h(
    "select",
    { "aria-label": label, onchange: (event) => onchange(event.target.value), ...attributes },
    options.map((option) => {
      const [key, text] = Array.isArray(option) ? option : [option, option];
      return h("option", { value: key, selected: key === value }, text);
    }),
  );
  return h("label", { class: "choice" }, h("span", {}, label), select);
}

/** A table of numbers: a header and rows of cells. */
function numbersTable(caption, head, rows) {
  return h(
    "table",
    {},
    h("caption", {}, caption),
    h("thead", {}, h("tr", {}, head.map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell, place) => (place ? h("td", {}, cell) : h("th", { scope: "row" }, cell)))))),
  );
}

/** Room for a table that may be wider than the window: it scrolls by itself, by keyboard too. */
const wide = (label, table_) => h("div", { class: "scroll-x", tabindex: "0", role: "group", "aria-label": label }, table_);

/** Tell those who do not see the page. */
function announce(words) {
  $("announce").textContent = words;
}

/** A number as it is read at a glance: four digits. */
function brief(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  if (!Number.isFinite(value) || Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  return size >= 1e5 || size < 1e-3 ? value.toExponential(3) : String(Number(value.toPrecision(4)));
}

const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

/** Text to the clipboard, and a word of it. */
async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h("textarea", { class: "unseen", "aria-label": what }, text);
    const host = document.querySelector("dialog[open]") || document.body;
    const before = document.activeElement;
    host.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    before?.focus();
  }
  announce(`${what} copied`);
}

/** A text as a file of the reader's own. */
function save(text, name, type) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
