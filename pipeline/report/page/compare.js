// Up to six pairs beside each other: one zoom, their curves over each other.

function showCompare(dialog) {
  const places = state.compare.map((id) => table.places.get(id));
  const side = windowSide(dialog, Math.max(2, places.length));
  const curves = h("div", { class: "more" });
  fill(dialog,
    h("header", { class: "dialog-bar" },
      h("h2", { id: "viewer-title" }, `${count(places.length, "pair")} compared`),
      h("span", { class: "dialog-tools" }, zoomTools(), button("Close", closeViewer, { "data-focus": "close" }))),
    h("div", { class: "picture-row" }, places.map((place) => {
      const figure_ = zoomed(table.ids[place], table.words(place), side, table.ok(place) ? whole(place) : null, { place: table.ok(place) ? place : null, missing: table.ok(place) ? "the picture is not beside this report" : holeWords(place) });
      figure_.append(h("p", { class: "tile-words" }, `${LOSS} ${brief(table.value(table.own(LOSS), place))} `, button("Unpin", () => {
        const compare = state.compare.filter((id) => id !== table.ids[place]);
        go({ compare, comparing: compare.length > 0 });
      }, { "aria-label": `Unpin ${table.ids[place]}`, "data-focus": `unpin ${table.ids[place]}` })));
      return figure_;
    })),
    differences(places),
    curves);
  Promise.all(places.map(detailsOf)).then((all) => {
    const told = all.map(({ curves: found }, number) => found && { name: table.ids[places[number]], x: found.iterations, y: found.values[found.names.indexOf("total")] }).filter(Boolean);
    if (told.length) fill(curves, h("h3", {}, "Total losses"), lines("Total losses over evaluations", told));
  }, (error) => fill(curves, h("p", { class: "warn" }, `Curves cannot be shown: ${error.message}`)));
}

/** The factors and numbers in which they differ. */
function differences(places) {
  const names = [...table.columns.keys()].filter((name) => new Set(places.map((place) => String(table.value(name, place)))).size > 1);
  if (!names.length) return h("p", {}, "They differ in no column.");
  return wide("Where they differ",
    numbersTable("Where they differ", ["column", ...places.map((place) => table.ids[place])], names.map((name) => [name, ...places.map((place) => brief(table.value(name, place)))])));
}
