// Ticked pairs: their ids to the clipboard, their rows as CSV.

const ticked = new Set(); // places

function tick(place, on) {
  if (on) ticked.add(place);
  else ticked.delete(place);
  showChosen();
}

/** A tick box of a pair. */
const tickBox = (place) =>
  h("input", { type: "checkbox", class: "tick", checked: ticked.has(place), "aria-label": `Tick ${table.ids[place]}`, onchange: (event) => tick(place, event.target.checked) });

/** The bar that tells what is ticked and what is to be compared. */
function showChosen() {
  const bar = $("chosen");
  fill(bar,
    ...(ticked.size
      ? [
          h("span", {}, `${count(ticked.size, "pair")} ticked`),
          button("Copy ids", () => copy(chosenPlaces().map((place) => table.ids[place]).join("\n"), "ids")),
          button("Save CSV", () => save(csv(chosenPlaces()), `${table.about.name}.csv`, "text/csv")),
          button("Untick all", () => {
            ticked.clear();
            showChosen();
            render();
          }),
        ]
      : []),
    ...(state.compare.length
      ? [button(`Compare ${state.compare.length}`, () => go({ comparing: true, pair: null })), button("Unpin all", () => go({ compare: [] }))]
      : []),
  );
}

const chosenPlaces = () => [...ticked].sort((one, other) => one - other);

/** Rows as CSV. A spreadsheet takes a text that begins with =, +, -, @ for a formula: an apostrophe tells it is none. */
function csv(places) {
  const names = [...table.columns.keys()];
  const cell = (value) => {
    if (value === null || value === undefined) return "";
    if (typeof value === "number") return String(value);
    const safe = /^[=+\-@\t\r]/.test(value) && !Number.isFinite(Number(value)) ? `'${value}` : value;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const line = (values) => values.map(cell).join(",");
  return [line(["pair_id", ...names]), ...places.map((place) => line([table.ids[place], ...names.map((name) => table.value(name, place))]))].join("\r\n") + "\r\n";
}
