// One pair: its three pictures at one size, its curves, its settings, its neighbours, and the command that makes it again.

const SETTINGS = ["alpha", "beta", "alpha_beta_ratio", "alpha_beta_ratio_pytorch", "loss_convention", "content_layers", "style_layers", "style_weights", "pooling", "init", "init_sigma", "optimizer", "precision", "seed", "iterations", "stop_reason", "resample", "fit", "crop", "color", "normalise_activations", "condition", "scramble", "aperture", "bit_depth", "transfer_function", "height_px", "width_px"];

function showDetail(dialog, place) {
  const id = table.ids[place];
  const pinned = state.compare.includes(id);
  const body = h("div", { class: "detail" });
  fill(dialog,
    h("header", { class: "dialog-bar" },
      h("h2", { id: "viewer-title" }, id),
      h("span", { class: `status ${table.status(place)}` }, table.status(place)),
      h("span", { class: "dialog-tools" },
        button("‹ previous", () => stepPair(-1), { "data-focus": "previous" }),
        button("next ›", () => stepPair(1), { "data-focus": "next" }),
        zoomTools(),
        button(pinned ? "Unpin" : "Pin to compare", () => pin(id), { "data-focus": "pin", disabled: !pinned && state.compare.length >= COMPARED }),
        h("label", { class: "choice" }, tickBox(place), h("span", {}, "ticked")),
        button("Close", closeViewer, { "data-focus": "close" }))),
    body);
  const side = windowSide(dialog, 3);
  body.append(pictureRow(place, side), neighbours(place), h("div", { class: "more" }, h("p", { class: "told" }, "Reading …")));
  detailsOf(place).then(
    ({ row, curves, again }) => body.querySelector(".more")?.replaceChildren(...more(place, row, curves, again)),
    (error) => body.querySelector(".more")?.replaceChildren(h("p", { class: "warn" }, `Settings and curves cannot be shown: ${error.message}`)));
}

function pin(id) {
  go({ compare: state.compare.includes(id) ? state.compare.filter((other) => other !== id) : [...state.compare, id] });
}

/** The next pair of those that are shown. */
function stepPair(by) {
  const places = state.view === "gallery" ? shownPlaces() : Array.from({ length: table.length }, (_, place) => place);
  const at = places.indexOf(table.places.get(state.pair));
  const next = places[at + by];
  if (next !== undefined) go({ pair: table.ids[next] }, { quiet: true });
}

/** Content, style and result; below them content and result over each other, if it has both. */
function pictureRow(place, side) {
  const figures = ["content", "style"].map((name) => {
    const uri = table.value(table.own(`${name}_uri`), place);
    if (uri === null) return h("figure", { class: "zoomed" }, h("div", { class: "window hole", style: { width: `${side}px`, height: `${side}px` } }, h("span", { class: "hole-words" }, `no ${name}`)), h("figcaption", {}, name));
    return zoomed(name, `${name}: ${uri}`, side, exemplar(name, place).then((found) => found.url), { missing: `gone: ${uri}` });
  });
  const result = table.ok(place)
    ? zoomed("result", table.words(place), side, whole(place), { place })
    : h("figure", { class: "zoomed" }, h("div", { class: "window hole", style: { width: `${side}px`, height: `${side}px` } }, h("span", { class: "hole-words" }, holeWords(place))), h("figcaption", {}, "result"));
  const both = table.ok(place) && table.value(table.own("content_uri"), place) !== null;
  return h("div", { class: "pictures" }, h("div", { class: "picture-row" }, figures, result), both ? slider(place, side) : null);
}

/** Content and result over each other, parted where the reader wants. */
function slider(place, side) {
  const above = h("img", { alt: "", class: "above" });
  const below = h("img", { alt: "", class: "below" });
  const stack = h("div", { class: "stack", style: { width: `${side}px`, height: `${side}px` } }, below, above);
  const input = h("input", { type: "range", min: "0", max: "100", value: "50", "aria-label": "Part of the result over the content", "data-focus": "slider", style: { width: `${side}px` } });
  const part = () => (above.style.clipPath = `inset(0 ${100 - input.value}% 0 0)`);
  input.addEventListener("input", part);
  part();
  const element = h("details", { class: "slider" }, h("summary", {}, "Result over content"), stack, input);
  element.addEventListener("toggle", async () => {
    const [content, result] = await Promise.all([exemplar("content", place), whole(place).catch(() => null)]);
    if (!content.url || !result) return fill(element, h("summary", {}, "Result over content"), h("p", { class: "warn" }, `${content.url ? "the result" : "the content"} is gone or not beside this report`));
    Object.assign(below, { src: content.url });
    Object.assign(above, { src: result });
    above.onload = () => {
      const scale = Math.min(side / above.naturalWidth, side / above.naturalHeight);
      for (const image of [above, below]) Object.assign(image.style, { width: `${above.naturalWidth * scale}px`, height: `${above.naturalHeight * scale}px` });
      Object.assign(stack.style, { width: `${above.naturalWidth * scale}px`, height: `${above.naturalHeight * scale}px` });
      input.style.width = stack.style.width;
      for (const image of [above, below]) image.classList.toggle("pixels", scale > 1);
    };
  }, { once: true });
  return element;
}

/** A table of names and values, that can be copied whole. */
function valuesTable(title, values) {
  const rows = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
  if (!rows.length) return null;
  const told = ([name, value]) => [name, typeof value === "object" ? JSON.stringify(value) : String(value)];
  return h("section", { class: "values" },
    h("h3", {}, title, " ", button("Copy", () => copy(JSON.stringify(Object.fromEntries(rows), null, 2), title), { "aria-label": `Copy ${title}`, class: "small" })),
    h("table", {}, h("tbody", {}, rows.map(told).map(([name, value]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", { dir: "auto" }, value))))));
}

function factorTable(place) {
  const measured = {};
  for (const [name, column] of table.columns) {
    if (column.role === "source" || column.of === "status") continue;
    const value = table.value(name, place);
    if (value !== null) measured[name] = value;
  }
  return valuesTable("Results", measured);
}

/** The pairs that differ in one factor, by the level before and the one after. */
function neighbours(place) {
  const levels = table.factors.map((name) => table.columns.get(name));
  const found = [];
  for (const column of levels) {
    const others = levels.filter((other) => other !== column);
    const code = column.values[place];
    if (!code) continue;
    const same = [];
    for (let other = 0; other < table.length; other++) {
      if (other !== place && column.values[other] && others.every(({ values }) => values[other] === values[place])) same.push(other);
    }
    const before = same.filter((other) => column.values[other] < code).sort((a, b) => column.values[b] - column.values[a])[0];
    const after = same.filter((other) => column.values[other] > code).sort((a, b) => column.values[a] - column.values[b])[0];
    const link = (other, arrow) => {
      const level = table.value(column.name, other);
      return h("button", { type: "button", class: "tile neighbour", "data-focus": `neighbour ${column.name} ${arrow}`, onclick: () => go({ pair: table.ids[other] }) }, thumbElement(other, windowOf(72), `${column.name} ${level}`), h("span", {}, `${arrow} ${levelWords(column.name, level)}`));
    };
    if (before !== undefined || after !== undefined) {
      found.push(h("div", { class: "neighbours" }, h("h4", {}, `${column.name}: ${levelWords(column.name, column.levels[code - 1])}`), before === undefined ? null : link(before, "‹"), after === undefined ? null : link(after, "›")));
    }
  }
  return found.length ? h("section", {}, h("h3", {}, "Neighbours"), h("div", { class: "neighbour-row" }, found)) : h("span", {});
}

function more(place, row, curves, again) {
  const settings = {}, provenance = {};
  for (const [name, value] of Object.entries(row)) (SETTINGS.includes(name) ? settings : provenance)[name] = value;
  const failed = row.error_message ? h("p", { class: "warn", dir: "auto" }, row.error_message) : null;
  const charts = curves
    ? h("section", {}, h("h3", {}, "Losses"), lines(`Losses of ${table.ids[place]} over evaluations`, curves.names.map((name, number) => ({ name: LAYER.test(name) ? `${name} (E, eq. 4)` : name, x: curves.iterations, y: curves.values[number] }))))
    : null;
  const pending = table.status(place) === "pending" ? h("p", {}, "This pair has no result yet.") : null;
  return [failed, pending, charts, h("div", { class: "values-row" }, factorTable(place), valuesTable("Settings", settings), valuesTable("Provenance", { run: table.about.uri, ...provenance })), againSection(again)].filter(Boolean);
}

const LAYER = /^conv\d_\d$/;

/** What makes this pair again: a manifest, and the command that runs it. */
function againSection(again) {
  if (!again) return h("section", {}, h("h3", {}, "Make it again"), h("p", {}, table.about.again ? "This pair is not in the manifest any more." : "The run does not tell its pairs any more: its manifest, or the pairs file, is gone, or it is a set of many nights."));
  const manifest = JSON.stringify({ ...table.about.again, pairs: [again] });
  const quoted = `'${manifest.replaceAll("'", `'\\''`)}'`;
  const command = `printf %s ${quoted} > again.json && neckar run again.json --output again`;
  return h("section", { class: "again" }, h("h3", {}, "Make it again ", button("Copy", () => copy(command, "command"), { class: "small", "aria-label": "Copy the command" })), h("pre", { tabindex: "0", role: "group", "aria-label": "Command" }, h("code", {}, command)));
}
