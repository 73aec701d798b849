// What the page shows, in its address: a link brings it back, in another tab and tomorrow.

const VIEWS = [
  ["grid", "Grid"],
  ["gallery", "Gallery"],
  ["failures", "Failures"],
  ["set", "Set"],
];

const state = {
  view: "grid",
  rows: null, // factors of the grid
  cols: null,
  facet: null,
  pins: new Map(), // factor to level
  size: 0, // of a picture in px; 0 as it fits
  query: "",
  chosen: new Map(), // column to a Set of levels
  ranges: new Map(), // column to [least, most], each a number or null
  brush: LOSS, // column of the histogram
  sort: "",
  down: false,
  pair: null, // in the viewer, by id
  compare: [], // ids
  comparing: false,
  column: null, // of the distribution in the set's view
};

const initial = { ...state };

/** The state as an address: what is as it begins is left out. */
function fragmentOf() {
  const told = new URLSearchParams();
  for (const name of ["view", "rows", "cols", "facet", "size", "query", "brush", "sort", "pair", "column"]) {
    if (state[name] && state[name] !== initial[name]) told.set(name, state[name]);
  }
  if (state.down) told.set("down", "1");
  if (state.comparing) told.set("comparing", "1");
  for (const [factor, level] of state.pins) told.append("pin", JSON.stringify([factor, level]));
  for (const [column, levels] of state.chosen) told.append("is", JSON.stringify([column, ...levels]));
  for (const [column, range] of state.ranges) told.append("range", JSON.stringify([column, ...range]));
  if (state.compare.length) told.set("compare", state.compare.join(" "));
  return told.toString();
}

function list(text, shape) {
  try {
    const found = JSON.parse(text);
    return Array.isArray(found) && shape(found) ? found : null;
  } catch {
    return null; // an address that somebody typed
  }
}

/** Takes over an address; what it does not say is as at the beginning, and what is not in the run is left out. */
function readFragment() {
  const told = new URLSearchParams(location.hash.slice(1));
  Object.assign(state, initial, { pins: new Map(), chosen: new Map(), ranges: new Map(), compare: [] });
  for (const name of ["query", "brush", "sort", "pair", "column"]) if (told.get(name)) state[name] = told.get(name);
  if (VIEWS.some(([view]) => view === told.get("view"))) state.view = told.get("view");
  const axes = gridFactors();
  for (const axis of ["rows", "cols", "facet"]) {
    const name = told.get(axis);
    state[axis] = name === "none" || axes.includes(name) ? name : null;
  }
  state.size = Math.min(512, Math.max(0, Number(told.get("size")) || 0));
  state.down = told.has("down");
  state.comparing = told.has("comparing");
  const known = (column) => typeof column === "string" && (table.columns.has(column) || axes.includes(column));
  for (const text of told.getAll("pin")) {
    const pin = list(text, (found) => found.length === 2 && known(found[0]));
    if (pin) state.pins.set(...pin);
  }
  for (const text of told.getAll("is")) {
    const is = list(text, (found) => known(found[0]) && table.columns.get(found[0])?.kind === "words");
    if (is) state.chosen.set(is[0], new Set(is.slice(1)));
  }
  for (const text of told.getAll("range")) {
    const range = list(text, (found) => found.length === 3 && table.columns.get(found[0])?.kind === "numbers");
    if (range) state.ranges.set(range[0], range.slice(1).map((end) => (typeof end === "number" ? end : null)));
  }
  if (!table.columns.has(state.brush)) state.brush = table.own(LOSS);
  if (state.sort && !table.columns.has(state.sort) && state.sort !== "pair_id") state.sort = "";
  if (!table.places.has(state.pair)) state.pair = null;
  state.compare = (told.get("compare") || "").split(" ").filter((id) => table.places.has(id)).slice(0, COMPARED);
}

const COMPARED = 6;
let render = () => {}; // set by main.js

/** Changes the state, its address and the page. A step of its own in the history, unless `quiet`. */
function go(changes, { quiet = false } = {}) {
  Object.assign(state, changes);
  const address = `#${fragmentOf()}`;
  if (address !== location.hash) {
    if (quiet) history.replaceState(null, "", address);
    else history.pushState(null, "", address);
  }
  render();
}
