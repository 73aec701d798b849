// The table: one row a pair, in the manifest's order.

class Table {
  constructor({ header, arrays }) {
    this.about = header; // of the run: name, uri, mends, pictures, ...
    this.ids = header.ids;
    this.length = header.ids.length;
    this.columns = new Map();
    for (const column of header.columns) {
      const values = arrays.get(column.name);
      this.columns.set(column.name, { ...column, values, present: arrays.get(`${column.name} present`) || null });
    }
    this.arrays = arrays;
    this.factors = header.columns.filter((column) => column.role === "factor").map((column) => column.name);
    this.places = new Map(this.ids.map((id, place) => [id, place]));
  }

  /** The name of a column as `neckar query` has it, to the name it has here: a factor may have taken it. */
  own(of) {
    for (const column of this.columns.values()) if (column.of === of) return column.name;
    return null;
  }

  /** A value: number, text, or null. */
  value(name, place) {
    const column = this.columns.get(name);
    if (!column) return null;
    if (column.kind === "words") {
      const code = column.values[place];
      return code ? column.levels[code - 1] : null;
    }
    return column.present && !column.present[place] ? null : column.values[place];
  }

  status(place) {
    return this.value(this.own("status"), place);
  }

  ok(place) {
    return this.status(place) === "ok";
  }

  /** Levels of the factors of a pair: [[factor, level]]. */
  levels(place) {
    return this.factors.map((factor) => [factor, this.value(factor, place)]).filter(([, level]) => level !== null);
  }

  /** What a picture shows, for those who do not see it. */
  words(place) {
    const levels = this.levels(place).map(([factor, level]) => `${factor} ${level}`);
    return [this.ids[place], ...levels].join(", ");
  }

  /** What tells a pair from others in little room: levels of the factors that vary; without a design its id. */
  brief(place) {
    const varying = this.factors.filter((factor) => this.columns.get(factor).levels.length > 1);
    const levels = varying.map((factor) => this.value(factor, place)).filter((level) => level !== null);
    return levels.length ? levels.join(" · ") : this.ids[place];
  }

  /** Number columns that have values. */
  numbers() {
    return [...this.columns.values()].filter((column) => column.kind === "numbers").map((column) => column.name);
  }

  /** How often each level of a column is met among pairs. */
  counts(name, places) {
    const column = this.columns.get(name);
    const found = new Uint32Array(column.levels.length + 1);
    for (const place of places) found[column.values[place]]++;
    return found;
  }
}

const LOSS = "loss_total";
let table = null; // of the page, once it is unpacked

/** A block of details, loaded when it is wanted. */
const detailBlocks = new Map();

async function detailsOf(place) {
  const size = table.about.block_pairs;
  const number = Math.floor(place / size);
  const name = `details-${String(number).padStart(4, "0")}`;
  if (!detailBlocks.has(name)) detailBlocks.set(name, block(name));
  try {
    const { header, arrays } = await detailBlocks.get(name);
    return detail(header, arrays.get("curves"), place - number * size);
  } catch (error) {
    detailBlocks.delete(name);
    throw error;
  }
}

/** `{row, curves, again}` of one pair in a block. */
function detail(header, folded, index) {
  const row = {};
  for (const [name, values] of Object.entries(header.columns)) {
    if (values[index] !== null) row[name] = values[index];
  }
  const { shapes, of } = header.curves;
  let first = 0;
  for (const shape of of.slice(0, index)) if (shape >= 0) first += shapes[shape].series.length * shapes[shape].iterations.length;
  const shape = shapes[of[index]];
  const curves = shape && {
    iterations: shape.iterations,
    names: shape.series.map((number) => header.series[number]),
    values: fromDifferences(folded, first, shape.series.length, shape.iterations.length),
  };
  return { row, curves: curves || null, again: header.again ? header.again[index] : null };
}
