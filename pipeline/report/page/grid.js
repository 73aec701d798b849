// The grid: two factors along rows and columns, a third in panels, every other pinned to a level: a cell is a stimulus.

const GAP = 6;
const ROW_HEAD = 132; // px, with its exemplar
const COLUMN_HEAD = 44; // px without an exemplar

/** Columns that the grid may lay out: the design's factors; of listed pairs their pictures. */
function gridFactors() {
  if (table.factors.length) return table.factors;
  return ["content_uri", "style_uri"].map((of) => table.own(of)).filter((name) => table.columns.get(name)?.levels.length);
}

/** A level as it is told: of an address the end. */
function levelWords(factor, level) {
  if (level === null) return "–";
  return table.columns.get(factor).role === "source" ? level.split("/").pop() || level : level;
}

/** Which side's picture a factor's levels are, or null. */
function sideOf(factor) {
  if (factor === "content" || factor === table.own("content_uri")) return "content";
  return factor === "style" || factor === table.own("style_uri") ? "style" : null;
}

/** The axes: as they were chosen, else content and style if both have several levels, else the first two that have. */
function axes() {
  const factors = gridFactors();
  const several = factors.filter((name) => table.columns.get(name).levels.length > 1 && name !== state.facet);
  const sides = ["content", "style"].map((side) => several.find((name) => sideOf(name) === side));
  const free = sides[0] && sides[1] ? sides : several.length > 1 ? several.slice(0, 2) : [null, several[0] || factors[0] || null];
  const taken = new Set([state.facet]);
  const take = (name, fallback) => {
    const chosen = name === "none" ? null : name || fallback || null;
    if (chosen === null || taken.has(chosen)) return null;
    taken.add(chosen);
    return chosen;
  };
  const named = new Set([state.rows, state.cols]);
  const fallback = (number) => (named.has(free[number]) ? several.find((name) => !named.has(name)) : free[number]);
  const rows = take(state.rows, state.rows ? null : fallback(0));
  return { rows, cols: take(state.cols, state.cols ? null : fallback(1)), facet: state.facet };
}

/** What stands where: levels of the axes, pinned factors, and the pairs of each cell. */
function gridOf() {
  const { rows, cols, facet } = axes();
  const pinned = gridFactors().filter((name) => ![rows, cols, facet].includes(name));
  const wanted = pinned.map((name) => {
    const column = table.columns.get(name);
    const level = column.levels.includes(state.pins.get(name)) ? state.pins.get(name) : column.levels[0];
    return { name, level, code: column.levels.indexOf(level) + 1, values: column.values };
  });
  const levels = (name) => (name ? table.columns.get(name).levels : [null]);
  const code = (name, place) => (name ? table.columns.get(name).values[place] : 1);
  const cells = new Map();
  let without = 0;
  for (let place = 0; place < table.length; place++) {
    const at = [facet, rows, cols].map((name) => code(name, place));
    if (at.includes(0)) without++;
    else if (wanted.every(({ values, code: level }) => values[place] === level)) {
      const key = at.join(" ");
      if (cells.has(key)) cells.get(key).push(place);
      else cells.set(key, [place]);
    }
  }
  const lines = [];
  levels(facet).forEach((panel, f) => levels(rows).forEach((row, r) => lines.push({ panel, row, f: f + 1, r: r + 1 })));
  return { rows, cols, facet, pinned: wanted, columns: levels(cols), lines, cells, without };
}

const gridView = {
  show(view) {
    const grid = gridOf();
    const same = this.scroller?.isConnected && ["rows", "cols", "facet"].every((axis) => this.grid[axis] === grid[axis]);
    const { scrollTop, scrollLeft } = same ? this.scroller : { scrollTop: 0, scrollLeft: 0 };
    this.grid = grid;
    const scroller = h("div", { class: "scroll grid", role: "grid", "aria-label": "Stimuli", "aria-rowcount": String(grid.lines.length + 1), "aria-colcount": String(grid.columns.length + 1) });
    const heads = h("div", { class: "heads", role: "row", "aria-rowindex": "1" });
    const space = h("div", { class: "space", role: "rowgroup" });
    scroller.append(heads, space);
    this.peek = h("section", { class: "peek", "aria-label": "The chosen cell" });
    fill(view, this.tools(grid), scroller, this.peek);
    this.fit(scroller, grid);
    Object.assign(this, { scroller, heads, space });
    this.columnRange = null;
    this.active = this.active && this.active[0] < grid.lines.length && this.active[1] < grid.columns.length ? this.active : [0, 0];
    this.rows?.close();
    space.style.width = `${ROW_HEAD + grid.columns.length * (this.size[0] + GAP)}px`;
    this.rows = new Rows(scroller, space, { height: this.size[1] + GAP, row: (number) => this.line(number), head: this.headHeight, changed: () => this.updateColumns() });
    this.updateColumns();
    Object.assign(scroller, { scrollTop, scrollLeft }); // where the reader was
    this.updateColumns();
    this.rows.update();
    this.showPeek();
  },

  /** The size of a picture: as it was chosen, else so that the grid fits; never more tiles than a page takes. */
  fit(scroller, grid) {
    const room = scroller.clientWidth - ROW_HEAD;
    const fitting = Math.floor(room / grid.columns.length) - GAP;
    const [w, h_] = windowOf(1000).map((side) => side / 1000);
    const least = Math.sqrt((scroller.clientWidth * scroller.clientHeight) / TILES / (w * h_)) - GAP;
    const tall = ((scroller.clientHeight - COLUMN_HEAD - 96) / grid.lines.length - GAP) / h_;
    const large = Math.min(320, fitting / w, tall); // so that few are seen at once
    const wanted = state.size || Math.max(large, Math.min(192, Math.max(64, fitting / w)));
    this.size = windowOf(Math.max(48, least, wanted));
    this.headHeight = COLUMN_HEAD + (sideOf(grid.cols) ? Math.min(this.size[1], 96) : 0);
  },

  tools(grid) {
    const factors = gridFactors();
    const options = (none) => [["none", none], ...factors];
    const axis = (label, name) =>
      choice(label, options("nothing"), grid[name] || "none", (value) => {
        const changes = { [name]: value === "none" && name === "facet" ? null : value };
        for (const other of ["rows", "cols", "facet"]) {
          if (other !== name && grid[other] === value && value !== "none") changes[other] = grid[name] || (other === "facet" ? null : "none");
          else if (other !== name) changes[other] = grid[other] || (other === "facet" ? null : "none");
        }
        go(changes);
      }, { "data-focus": `axis ${name}` });
    const pins = grid.pinned.map(({ name, level }) => {
      const column = table.columns.get(name);
      const place = this.anyOf(grid, (at) => at);
      const side = sideOf(name);
      return h("span", { class: "pin" },
        side && place !== null ? exemplarElement(side, place, 36) : null,
        column.levels.length > 1
          ? choice(name, column.levels.map((text) => [text, levelWords(name, text)]), level, (value) => go({ pins: new Map([...state.pins, [name, value]]) }), { "data-focus": `pin ${name}` })
          : h("span", { class: "choice" }, h("span", {}, name), h("strong", {}, levelWords(name, level))));
    });
    return h("div", { class: "tools" },
      factors.length ? [axis("Rows", "rows"), axis("Columns", "cols"), axis("Panels", "facet")] : null,
      pins.length ? h("fieldset", { class: "pins" }, h("legend", {}, "Pinned"), pins) : null,
      sizeTool(),
      grid.without ? h("p", { class: "told" }, `${count(grid.without, "pair")} without these levels: see the gallery`) : null);
  },

  /** A pair that stands in the grid, for exemplars that all of them share; null where there is none. */
  anyOf(grid, choose) {
    const first = grid.cells.values().next();
    return first.done ? null : choose(first.value[0]);
  },

  updateColumns() {
    const { scroller, grid, size, heads } = this;
    const step = size[0] + GAP;
    const first = Math.max(0, Math.floor(scroller.scrollLeft / step));
    const last = Math.min(grid.columns.length, Math.ceil((scroller.scrollLeft + scroller.clientWidth - ROW_HEAD) / step) + 1);
    const range = [first, last];
    if (this.columnRange && this.columnRange.join() === range.join()) return;
    this.columnRange = range;
    const corner = h("div", { class: "corner", role: "columnheader", "aria-colindex": "1" },
      h("span", {}, grid.cols ? `${grid.cols} →` : ""), h("span", {}, grid.rows ? `${grid.rows} ↓` : grid.facet ? `${grid.facet} ↓` : "the set"));
    heads.style.height = `${this.headHeight}px`;
    heads.style.width = this.space.style.width;
    fill(heads, corner, ...grid.columns.slice(first, last).map((level, number) => this.columnHead(level, first + number)));
    if (this.rows) this.rows.reset(grid.lines.length);
  },

  columnHead(level, number) {
    const { grid, size } = this;
    const words = grid.cols ? levelWords(grid.cols, level) : "stimulus";
    const head = h("div", { class: "column-head", role: "columnheader", "aria-colindex": String(number + 2), title: words, style: { left: `${ROW_HEAD + number * (size[0] + GAP)}px`, width: `${size[0]}px` } });
    const side = sideOf(grid.cols);
    const place = side && this.placeOf((at) => at[2] === number + 1);
    if (side && place !== null) head.append(exemplarElement(side, place, Math.min(...size, 96)));
    head.append(h("span", { class: "head-words" }, words));
    return head;
  },

  /** A pair of a cell that a test of its codes holds; null without one. */
  placeOf(test) {
    for (const [key, places] of this.grid.cells) if (test(key.split(" ").map(Number))) return places[0];
    return null;
  },

  line(number) {
    const { grid, size } = this;
    const { panel, row, f, r } = grid.lines[number];
    const head = h("div", { class: "row-head", role: "rowheader", "aria-colindex": "1", style: { width: `${ROW_HEAD - GAP}px`, height: `${size[1]}px` } });
    const side = sideOf(grid.rows);
    const place = side && this.placeOf((at) => at[1] === r);
    if (side && place !== null) head.append(exemplarElement(side, place, Math.min(size[1] - 20, 88)));
    if (grid.facet) head.append(h("strong", { class: "head-words" }, `${grid.facet} ${levelWords(grid.facet, panel)}`));
    head.append(h("span", { class: "head-words" }, grid.rows ? levelWords(grid.rows, row) : ""));
    const [first, last] = this.columnRange;
    const cells = [];
    for (let column = first; column < last; column++) cells.push(this.cell(number, column, grid.cells.get(`${f} ${r} ${column + 1}`)));
    return h("div", { class: grid.facet && r === 1 ? "line panel-start" : "line", role: "row", "aria-rowindex": String(number + 2), style: { height: `${size[1]}px` } }, head, cells);
  },

  cell(line, column, places) {
    const { size } = this;
    const cell = h("div", { class: "cell", role: "gridcell", "aria-colindex": String(column + 2), style: { left: `${ROW_HEAD + column * (size[0] + GAP)}px`, width: `${size[0]}px`, height: `${size[1]}px` } });
    const active = this.active[0] === line && this.active[1] === column;
    const attributes = { class: "tile", tabindex: active ? "0" : "-1", "data-cell": `${line} ${column}`, onfocus: () => this.activate(line, column), onkeydown: (event) => this.key(event, line, column) };
    if (!places) {
      cell.append(h("button", { type: "button", ...attributes, class: "tile hole", "aria-label": "no such pair" }, h("span", { class: "hole-words" }, "no such pair")));
      return cell;
    }
    const words = table.ok(places[0]) ? table.words(places[0]) : `${table.words(places[0])}: ${holeWords(places[0])}`;
    const tile = h("button", { type: "button", ...attributes, title: table.ids[places[0]], "data-pair": table.ids[places[0]], onclick: () => openPair(places[0]) }, thumbElement(places[0], size, words));
    if (places.length > 1) tile.append(h("span", { class: "badge" }, `+${places.length - 1}`));
    cell.append(tile);
    return cell;
  },

  activate(line, column) {
    if (this.active[0] === line && this.active[1] === column) return;
    this.scroller.querySelector('.tile[tabindex="0"]')?.setAttribute("tabindex", "-1");
    this.active = [line, column];
    this.scroller.querySelector(`[data-cell="${line} ${column}"]`)?.setAttribute("tabindex", "0");
    this.showPeek();
  },

  key(event, line, column) {
    const { grid } = this;
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -column], End: [0, grid.columns.length] };
    const move = moves[event.key];
    if (!move || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.focusCell(line + move[0], column + move[1]);
  },

  focusCell(line, column) {
    const { grid, size, scroller } = this;
    line = Math.min(Math.max(line, 0), grid.lines.length - 1);
    column = Math.min(Math.max(column, 0), grid.columns.length - 1);
    const left = column * (size[0] + GAP);
    if (left < scroller.scrollLeft) scroller.scrollLeft = left;
    else if (left + size[0] + ROW_HEAD > scroller.scrollLeft + scroller.clientWidth) scroller.scrollLeft = left + size[0] + ROW_HEAD + GAP - scroller.clientWidth;
    this.updateColumns();
    this.rows.reveal(line);
    scroller.querySelector(`[data-cell="${line} ${column}"]`)?.focus({ preventScroll: true });
  },

  /** The next or previous cell with a pair, row by row. */
  step(by) {
    const { grid } = this;
    let [line, column] = this.active;
    for (let steps = grid.lines.length * grid.columns.length; steps; steps--) {
      column += by;
      if (column < 0 || column >= grid.columns.length) [line, column] = [line + by, by > 0 ? 0 : grid.columns.length - 1];
      if (line < 0 || line >= grid.lines.length) return;
      if (grid.cells.has(`${grid.lines[line].f} ${grid.lines[line].r} ${column + 1}`)) return this.focusCell(line, column);
    }
  },

  /** The chosen cell's exemplars and losses, below the grid. */
  showPeek() {
    const { f, r } = this.grid.lines[this.active[0]] || {};
    const places = this.grid.cells.get(`${f} ${r} ${this.active[1] + 1}`);
    if (!places) return fill(this.peek, h("p", {}, table.length ? "no such pair" : "This run has no pairs."));
    const place = places[0];
    const losses = ["loss_total", "loss_content", "loss_style"].map((of) => table.own(of)).filter((name) => table.value(name, place) !== null);
    fill(this.peek,
      ...["content", "style"].filter((side) => table.value(table.own(`${side}_uri`), place) !== null)
        .map((side) => h("figure", {}, exemplarElement(side, place, 48), h("figcaption", {}, side))),
      h("div", {}, h("p", {}, h("strong", {}, table.ids[place])),
        h("p", {}, table.ok(place) ? losses.map((name) => `${name} ${brief(table.value(name, place))}`).join(" · ") : holeWords(place))),
      places.length > 1 ? button(`All ${places.length} pairs of this cell`, () => go({ view: "gallery", chosen: cellFilter(place, this.grid) })) : null,
    );
  },
};

/** Filters that the pairs of a cell hold. */
function cellFilter(place, grid) {
  const names = [grid.rows, grid.cols, grid.facet, ...grid.pinned.map(({ name }) => name)].filter(Boolean);
  return new Map(names.map((name) => [name, new Set([table.value(name, place)])]));
}

/** A content or style picture within `side` px; where it is gone, a word in its place. */
function exemplarElement(side, place, px) {
  const element = h("span", { class: "exemplar", style: { width: `${px}px`, height: `${px}px` } });
  exemplar(side, place).then((found) => {
    if (!found) return;
    const name = found.uri.split("/").pop();
    const gone = () => {
      element.classList.add("hole");
      fill(element, h("span", { class: "hole-words", title: found.uri }, `${side}: cannot be read`));
    };
    if (found.url === null) gone();
    else element.append(h("img", { src: found.url, alt: `${side}: ${name}`, title: found.uri, onerror: gone }));
  });
  return element;
}
