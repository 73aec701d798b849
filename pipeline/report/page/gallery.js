// The gallery: every pair, searched, filtered, sorted; always how many of how many.

const LEVELS_LISTED = 200; // of a filter; a factor of more is searched for

const galleryView = {
  show(view) {
    const places = shownPlaces();
    this.places = places;
    if (!view.querySelector(".gallery-page")) {
      const open = window.matchMedia("(min-width: 60rem)").matches;
      fill(view,
        h("div", { class: "gallery-page" },
          h("details", { class: "filters", open }, h("summary", {}, "Filters"), h("div", { class: "filters-body" })),
          h("div", { class: "gallery-main" }, h("div", { class: "tools" }), h("div", { class: "scroll gallery", role: "group", "aria-label": "Pairs", tabindex: "-1" }, h("div", { class: "space" })))));
      this.rows?.close();
      this.rows = null;
    }
    this.tools(view.querySelector(".tools"), places);
    this.filters(view.querySelector(".filters-body"));
    this.list(view.querySelector(".gallery"), places);
  },

  tools(bar, places) {
    if (!bar.firstChild) {
      this.search = h("input", { type: "search", id: "search", placeholder: "ids, levels, addresses", "aria-label": "Search", oninput: (event) => go({ query: event.target.value }, { quiet: true }) });
      this.told = h("p", { class: "count", role: "status" });
      this.order = h("span", { class: "order" });
      bar.append(this.search, this.order, this.told);
    }
    if (this.search !== document.activeElement) this.search.value = state.query;
    const columns = [["", "manifest order"], ["pair_id", "pair_id"], ...[...table.columns.keys()].map((name) => [name, name])];
    fill(this.order,
      choice("Sort by", columns, state.sort, (sort) => go({ sort }), { "data-focus": "sort" }),
      button(state.down ? "↓ descending" : "↑ ascending", () => go({ down: !state.down }), { "data-focus": "down" }),
      button(places.every((place) => ticked.has(place)) && places.length ? "Untick these" : "Tick these", () => {
        const on = !places.every((place) => ticked.has(place));
        for (const place of places) on ? ticked.add(place) : ticked.delete(place);
        showChosen();
        render();
      }, { "data-focus": "tick these" }),
      sizeTool());
    this.told.textContent = `${places.length.toLocaleString("en")} of ${count(table.length, "pair")}`;
  },

  filters(body) {
    const words = [...table.columns.values()].filter((column) => column.kind === "words" && column.role !== "source" && column.of !== "phash" && (column.levels.length > 1 || column.of === "status" || column.of === "error_code") && column.levels.length);
    const clear = state.query || state.chosen.size || state.ranges.size
      ? button("Clear all filters", () => go({ query: "", chosen: new Map(), ranges: new Map() }), { "data-focus": "clear" }) : null;
    const opened = new Set([...body.querySelectorAll("details[open]")].map((element) => element.dataset.column));
    const groups = words.map((column) => this.group(column, opened));
    const numbers = this.numbers();
    const chart = this.brush(body);
    fill(body, ...[clear, numbers, chart, ...groups].filter(Boolean));
  },

  /** Tick boxes of a column's levels, with how many pairs each has in the run. */
  group(column, opened) {
    const chosen = state.chosen.get(column.name) || new Set();
    column.all ??= table.counts(column.name, Array.from({ length: table.length }, (_, place) => place));
    const listed = column.levels.length > LEVELS_LISTED ? column.levels.filter((level) => chosen.has(level)) : column.levels;
    const boxes = listed.map((level) =>
      h("label", { class: "level" },
        h("input", { type: "checkbox", checked: chosen.has(level), "data-focus": `is ${column.name} ${level}`, onchange: (event) => this.choose(column, level, event.target.checked) }),
        h("span", { class: "level-words" }, level), h("span", { class: "level-count" }, column.all[column.levels.indexOf(level) + 1].toLocaleString("en"))));
    const many = column.levels.length > LEVELS_LISTED
      ? h("label", { class: "choice" }, h("span", {}, `${column.levels.length} levels: add one`), h("input", { type: "text", "data-focus": `add ${column.name}`, onchange: (event) => column.levels.includes(event.target.value) && this.choose(column, event.target.value, true) }))
      : null;
    return h("details", { class: "filter", "data-column": column.name, open: opened.has(column.name) || chosen.size > 0 || column.of === "status" },
      h("summary", {}, column.name, chosen.size ? ` (${chosen.size})` : ""), many, boxes);
  },

  choose(column, level, on) {
    const levels = new Set(state.chosen.get(column.name) || []);
    if (on) levels.add(level);
    else levels.delete(level);
    const chosen = new Map(state.chosen);
    if (levels.size) chosen.set(column.name, levels);
    else chosen.delete(column.name);
    go({ chosen });
  },

  /** Least and most of a number column. */
  numbers() {
    const names = table.numbers();
    if (!names.length) return null;
    const [least, most] = state.ranges.get(state.brush) || [null, null];
    const end = (label, value, place) =>
      h("label", { class: "choice" }, h("span", {}, label), h("input", { type: "number", step: "any", value: value === null ? "" : String(value), "data-focus": label, onchange: (event) => {
        const range = [...(state.ranges.get(state.brush) || [null, null])];
        range[place] = event.target.value === "" ? null : Number(event.target.value);
        this.range(...range);
      } }));
    const others = [...state.ranges].filter(([name]) => name !== state.brush).map(([name, range]) =>
      h("p", {}, `${name}: ${brief(range[0])} to ${brief(range[1])} `, button("Clear", () => go({ ranges: new Map([...state.ranges].filter(([other]) => other !== name)) }))));
    return h("div", { class: "numbers" },
      choice("Numbers", names, state.brush, (brush) => go({ brush }), { "data-focus": "brush" }),
      end("at least", least, 0), end("at most", most, 1), others);
  },

  range(least, most) {
    const ranges = new Map(state.ranges);
    if (least === null && most === null) ranges.delete(state.brush);
    else ranges.set(state.brush, [least, most]);
    go({ ranges });
  },

  /** The histogram of that column, over the pairs that the other filters leave; a part of it is chosen with the pointer. */
  brush(body) {
    if (!table.numbers().length) return null;
    const places = filtered(state.brush);
    const key = `${state.brush} ${table.about.version} ${places.length} ${places[0]} ${places[places.length - 1]} ${JSON.stringify([state.query, [...state.chosen].map(([name, levels]) => [name, ...levels])])}`;
    const old = body.querySelector(".brush");
    if (old && old.dataset.key === key) return old;
    const values = places.map((place) => table.value(state.brush, place)).filter((value) => value !== null);
    const element = h("div", { class: "brush", "data-key": key }, values.length
      ? histogram(`${state.brush} of ${count(values.length, "pair")}`, values, state.brush, { brushed: (least, most) => this.range(least, most), height: 150 })
      : h("p", {}, `no pair has ${state.brush}`));
    return element;
  },

  list(scroller, places) {
    const roomy = scroller.clientWidth > 900 && places.length < 60;
    const size = windowOf(state.size || (roomy ? 192 : 128));
    this.across = Math.max(1, Math.floor((scroller.clientWidth - 4) / (size[0] + 2 * GAP)));
    const height = size[1] + 58;
    const least = Math.ceil((this.across * Math.ceil(scroller.clientHeight / height + 1)) / TILES);
    if (least > 1) this.across = Math.max(1, Math.floor(this.across / least));
    this.rows?.close();
    const space = scroller.querySelector(".space");
    fill(space);
    this.rows = new Rows(scroller, space, { height, row: (number) => this.row(number, size) });
    this.scroller = scroller;
    if (this.active === undefined || this.active >= places.length) this.active = 0;
    this.rows.reset(Math.ceil(places.length / this.across));
    if (!places.length) fill(space, h("p", { class: "empty" }, table.length ? "No pair holds these filters." : "This run has no pairs."));
  },

  row(number, size) {
    const tiles = this.places.slice(number * this.across, (number + 1) * this.across).map((place, column) => this.tile(place, number * this.across + column, size));
    return h("div", { class: "line" }, h("ul", { class: "tiles" }, tiles));
  },

  tile(place, position, size) {
    const ok = table.ok(place);
    const shown = state.sort && table.columns.has(state.sort) ? state.sort : table.own(LOSS);
    const words = ok ? `${shown} ${brief(table.value(shown, place))}` : holeWords(place);
    return h("li", { style: { width: `${size[0]}px` }, "aria-setsize": String(this.places.length), "aria-posinset": String(position + 1) },
      h("button", { type: "button", class: ok ? "tile" : "tile hole", "data-position": String(position), "data-pair": table.ids[place], onfocus: () => (this.active = position), onclick: () => openPair(place) },
        thumbElement(place, size, ok ? table.words(place) : `${table.words(place)}: ${holeWords(place)}`)),
      h("p", { class: "tile-id", title: table.ids[place] }, tickBox(place), h("span", {}, table.brief(place))),
      h("p", { class: "tile-words", title: words }, words));
  },

  step(by) {
    const started = this.scroller.contains(document.activeElement);
    const position = Math.min(Math.max(started ? this.active + by : this.active, 0), this.places.length - 1);
    this.rows.reveal(Math.floor(position / this.across));
    this.scroller.querySelector(`[data-position="${position}"]`)?.focus({ preventScroll: true });
  },
};
