// The set as a whole: how its numbers are spread, how losses go along each numeric factor, what rounding to 8 bits costs.

const SCATTERED = 5000; // points; of more pairs a map of counts

const setView = {
  show(view) {
    const all = Array.from({ length: table.length }, (_, place) => place);
    const numbers = table.numbers().filter((name) => all.some((place) => table.value(name, place) !== null));
    const counts = table.counts(table.own("status"), all);
    const statuses = table.columns.get(table.own("status")).levels.map((level, place) => [level, counts[place + 1].toLocaleString("en")]);
    const column = numbers.includes(state.column) ? state.column : numbers.includes(table.own(LOSS)) ? table.own(LOSS) : numbers[0];
    fill(view, h("div", { class: "page" },
      h("h2", {}, "The set"),
      numbersTable("Pairs by status", ["status", "pairs"], [...statuses, ["all", table.length.toLocaleString("en")]]),
      column ? this.distribution(column, numbers, all) : h("p", {}, "No pair has a result yet."),
      column ? this.alongFactors(all) : null,
      column ? this.rounding(all) : null,
      this.photometry(all)));
  },

  distribution(name, names, all) {
    const values = all.map((place) => table.value(name, place)).filter((value) => value !== null);
    const { meaning, unit } = table.columns.get(name);
    return h("section", {}, h("h3", {}, "Distribution"),
      choice("Of", names, name, (column) => go({ column }, { quiet: true }), { "data-focus": "column" }),
      meaning ? h("p", {}, `${meaning}${unit ? ` (${unit})` : ""}`) : null,
      histogram(`${name} of ${count(values.length, "pair")}`, values, name, { height: 260 }),
      wide(`Summary of ${name}`, numbersTable(`Summary of ${name}`, SUMMARY, [summary(values)])));
  },

  /** For each factor whose levels are numbers: medians and quartiles of the losses at each level. */
  alongFactors(all) {
    const factors = table.factors.filter((name) => table.columns.get(name).numbers && table.columns.get(name).levels.length > 1);
    if (!factors.length) return null;
    const losses = ["loss_total", "loss_content", "loss_style"].map((of) => table.own(of)).filter((name) => all.some((place) => table.value(name, place) !== null));
    return h("section", {}, h("h3", {}, "Losses along factors"),
      factors.map((factor) => {
        const column = table.columns.get(factor);
        return losses.map((loss) => {
          const groups = column.levels.map(() => []);
          for (const place of all) {
            const value = table.value(loss, place);
            if (value !== null && column.values[place]) groups[column.values[place] - 1].push(value);
          }
          const rows = groups.map((values, place) => [column.levels[place], ...summary(values)]);
          return along(factor, loss, column.numbers, groups, numbersTable(`${loss} at each ${factor}`, [factor, ...SUMMARY], rows));
        });
      }));
  },

  /** Raw losses against those of the file of 8 bits, what an observer sees. */
  rounding(all) {
    const [raw, png] = [table.own(LOSS), table.own("loss_total_png")];
    const places = all.filter((place) => table.value(raw, place) > 0 && table.value(png, place) > 0);
    if (!places.length) return null;
    const [x, y] = [raw, png].map((name) => places.map((place) => table.value(name, place)));
    const ratios = places.map((_, number) => y[number] / x[number]);
    return h("section", {}, h("h3", {}, "Raw loss and the file's"),
      h("p", {}, "The loss of the optimised picture, and that of its file of 8 bits, which an observer sees."),
      scatter(`${png} over ${raw}, ${count(places.length, "pair")}`, x, y, raw, png, numbersTable(`${png} / ${raw}`, SUMMARY, [summary(ratios)])));
  },

  photometry(all) {
    const names = ["lum_mean", "rms_contrast", "amp_slope"].map((of) => table.own(of)).filter((name) => name && all.some((place) => table.value(name, place) !== null));
    if (!names.length) return null;
    return h("section", {}, h("h3", {}, "Photometry"), names.map((name) => {
      const values = all.map((place) => table.value(name, place)).filter((value) => value !== null);
      return histogram(`${name} of ${count(values.length, "pair")}: ${table.columns.get(name).meaning}`, values, name);
    }));
  },
};

const SUMMARY = ["pairs", "least", "lower quartile", "median", "upper quartile", "most", "mean"];

/** As SQL has them: quantiles are interpolated. */
function summary(values) {
  const sortedValues = Float64Array.from(values.filter((value) => !Number.isNaN(value))).sort();
  if (!sortedValues.length) return [String(values.length), "–", "–", "–", "–", "–", "–"];
  let sum = 0;
  for (const value of sortedValues) sum += value;
  const told = [0, 0.25, 0.5, 0.75, 1].map((share) => quantile(sortedValues, share));
  return [values.length.toLocaleString("en"), ...[...told, sum / sortedValues.length].map((value) => h("span", { "data-value": String(value) }, brief(value)))];
}

function quantile(ordered, share) {
  const at = share * (ordered.length - 1);
  const below = Math.floor(at);
  const above = Math.min(below + 1, ordered.length - 1);
  return ordered[below] + (ordered[above] - ordered[below]) * (at - below);
}

/** Medians over a factor's levels, with their quartiles. */
function along(factor, loss, levels, groups, tableElement) {
  const label = `${loss} along ${factor}: median and quartiles`;
  const present = levels.map((_, place) => place).filter((place) => groups[place].some(Number.isFinite));
  const stats = present.map((place) => {
    const ordered = Float64Array.from(groups[place].filter(Number.isFinite)).sort();
    return [0.25, 0.5, 0.75].map((share) => quantile(ordered, share));
  });
  const draw = (Bokeh, width) => {
    const x = present.map((place) => levels[place]);
    const log = [Math.min(...x) > 0 && Math.max(...x) / Math.min(...x) > 20, stats.every(([low]) => low > 0)];
    const plot = figure(Bokeh, { label, x: factor, y: loss, log, width, height: 240 });
    const [low, middle, high] = [0, 1, 2].map((number) => stats.map((values) => values[number]));
    plot.segment(x, low, x, high, { line_color: colours[0], line_width: 2 });
    plot.line(x, middle, { line_color: colours[0], line_width: 2 });
    plot.scatter(x, middle, { size: 8, fill_color: colours[0], line_color: null });
    return plot;
  };
  return chart(label, draw, tableElement, { height: 240 });
}

/** Points, or where there are too many to tell apart a map of how many lie where: none is left out. */
function scatter(label, x, y, xName, yName, tableElement) {
  const draw = (Bokeh, width) => {
    const plot = figure(Bokeh, { label, x: xName, y: yName, log: [true, true], width, height: 320 });
    if (x.length <= SCATTERED) {
      plot.scatter(x, y, { size: 5, fill_alpha: 0.5, line_color: null, fill_color: colours[0] });
    } else {
      const cells = new Map();
      const [fromX, fromY] = [x, y].map((values) => Math.log(values.reduce((one, other) => Math.min(one, other))));
      const [toX, toY] = [x, y].map((values) => Math.log(values.reduce((one, other) => Math.max(one, other))));
      const bin = (value, from, to) => Math.min(59, Math.floor(((Math.log(value) - from) / (to - from || 1)) * 60));
      x.forEach((value, number) => {
        const key = bin(value, fromX, toX) * 60 + bin(y[number], fromY, toY);
        cells.set(key, (cells.get(key) || 0) + 1);
      });
      const most = Math.max(...cells.values());
      const edge = (place, from, to) => Math.exp(from + ((to - from) * place) / 60);
      const [left, right, bottom, top, alpha] = [[], [], [], [], []];
      for (const [key, number] of cells) {
        const [a, b] = [Math.floor(key / 60), key % 60];
        left.push(edge(a, fromX, toX)), right.push(edge(a + 1, fromX, toX)), bottom.push(edge(b, fromY, toY)), top.push(edge(b + 1, fromY, toY));
        alpha.push(0.15 + 0.85 * (number / most));
      }
      const source = new Bokeh.ColumnDataSource({ data: { left, right, bottom, top, alpha } });
      plot.quad({ left: { field: "left" }, right: { field: "right" }, bottom: { field: "bottom" }, top: { field: "top" }, source, fill_alpha: { field: "alpha" }, fill_color: colours[0], line_color: null });
    }
    const ends = [Math.min(x.reduce((a, b) => Math.min(a, b)), y.reduce((a, b) => Math.min(a, b))), Math.max(x.reduce((a, b) => Math.max(a, b)), y.reduce((a, b) => Math.max(a, b)))];
    plot.line(ends, ends, { line_color: ink(), line_dash: "dashed", line_alpha: 0.5 });
    return plot;
  };
  return chart(label, draw, tableElement, { height: 320 });
}
