// Charts, drawn by Bokeh: its megabyte is read when the first of them is wanted. Each has its numbers in a table beside it.

let drawing = null;

/** Bokeh, loaded once. */
function bokeh() {
  drawing ??= (async () => {
    if (mode === "file") document.head.append(h("script", {}, await heldText("charts")));
    else await beside("charts.js");
    window.Bokeh.logger.set_level("error");
    return window.Bokeh;
  })();
  return drawing;
}

const colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a7a7a", "#9a6fb0"]; // Okabe and Ito's, told apart by most eyes

function ink() {
  return getComputedStyle(document.body).color;
}

/** An empty figure in the page's colours. */
function figure(Bokeh, { label, x, y, log = [false, false], height = 280, width }) {
  const plot = Bokeh.Plotting.figure({
    width, height, x_axis_label: x, y_axis_label: y, toolbar_location: null, tools: "",
    x_axis_type: log[0] ? "log" : "linear", y_axis_type: log[1] ? "log" : "linear",
    background_fill_alpha: 0, border_fill_alpha: 0, outline_line_color: null, name: label,
  });
  for (const axis of [...plot.below, ...plot.left]) {
    Object.assign(axis, { axis_label_text_color: ink(), major_label_text_color: ink(), axis_line_color: ink(), major_tick_line_color: ink(), minor_tick_line_color: null, axis_label_text_font_style: "normal" });
  }
  for (const axis of plot.below) axis.ticker.desired_num_ticks = width < 420 ? 3 : 6; // labels side by side
  for (const grid of plot.center) if ("grid_line_alpha" in grid) Object.assign(grid, { grid_line_color: ink(), grid_line_alpha: 0.15 });
  return plot;
}

/** A place for a chart and its table; `draw(Bokeh, width)` gives the figure. */
function chart(label, draw, tableElement, { height = 280 } = {}) {
  const place = h("div", { class: "chart", role: "img", "aria-label": label, style: { minHeight: `${height}px` } });
  const element = h("figure", { class: "chart-box" }, place, h("figcaption", {}, label), tableElement ? h("details", {}, h("summary", {}, "Numbers"), wide(`Numbers of: ${label}`, tableElement)) : null);
  const seen = new IntersectionObserver(async (entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    seen.disconnect();
    try {
      const Bokeh = await bokeh();
      if (place.isConnected) await Bokeh.Plotting.show(draw(Bokeh, Math.max(260, Math.min(760, place.clientWidth))), place);
      place.dataset.drawn = "yes";
    } catch (error) {
      place.replaceWith(h("p", { class: "warn" }, `The chart cannot be drawn: ${error.message}`));
    }
  });
  seen.observe(place);
  return element;
}

/** Lines over evaluations on logarithmic axes. `lines`: [{name, x, y}]. */
function lines(label, all, { height = 320 } = {}) {
  const positive = all.map(({ name, x, y }) => ({ name, x, y: y.map((value) => (value > 0 && Number.isFinite(value) ? value : NaN)) }));
  const draw = (Bokeh, width) => {
    const plot = figure(Bokeh, { label, x: "evaluation", y: "loss", log: [true, true], height, width });
    positive.forEach(({ name, x, y }, number) => plot.line(x, y, { line_color: colours[number % colours.length], line_width: number ? 1.5 : 2.5, line_dash: number < colours.length ? "solid" : "dashed", legend_label: name }));
    Object.assign(plot.legend, { background_fill_alpha: 0, border_line_color: null, label_text_color: ink(), location: "bottom_left", label_text_font_size: "11px", spacing: 0, padding: 2 });
    return plot;
  };
  const shared = all.every(({ x }) => x.join() === all[0].x.join());
  const rows = shared
    ? all[0].x.map((iteration, place) => [String(iteration), ...all.map(({ y }) => brief(y[place]))])
    : all.flatMap(({ name, x, y }) => x.map((iteration, place) => [name, String(iteration), brief(y[place])]));
  const head = shared ? ["evaluation", ...all.map(({ name }) => name)] : ["of", "evaluation", "loss"];
  return chart(label, draw, numbersTable(label, head, rows), { height });
}

/** Bins of numbers: `{edges, counts}`; logarithmic where all are positive and far apart. */
function binned(values, bins = 40) {
  const finite = values.filter(Number.isFinite);
  if (!finite.length) return { edges: [0, 1], counts: [0], log: false };
  let least = Infinity, most = -Infinity;
  for (const value of finite) (least = Math.min(least, value)), (most = Math.max(most, value));
  const log = least > 0 && most / least > 20;
  if (least === most) [least, most] = least ? [least - Math.abs(least) / 2, most + Math.abs(most) / 2] : [-0.5, 0.5];
  const [from, to] = log ? [Math.log(least), Math.log(most)] : [least, most];
  const edges = Array.from({ length: bins + 1 }, (_, place) => {
    const at = from + ((to - from) * place) / bins;
    return log ? Math.exp(at) : at;
  });
  [edges[0], edges[bins]] = [least, most]; // as they are, whatever exp(log(x)) says
  const counts = new Array(bins).fill(0);
  for (const value of finite) {
    let place = Math.min(bins - 1, Math.max(0, Math.floor((((log ? Math.log(value) : value) - from) / (to - from)) * bins)));
    while (place > 0 && value < edges[place]) place--;
    while (place < bins - 1 && value >= edges[place + 1]) place++;
    counts[place]++;
  }
  return { edges, counts, log };
}

/** A histogram; with `brushed(least, most)` a part of it can be chosen with the pointer. */
function histogram(label, values, unit, { brushed = null, height = 200 } = {}) {
  const { edges, counts, log } = binned(values);
  const draw = (Bokeh, width) => {
    const plot = figure(Bokeh, { label, x: unit, y: "pairs", log: [log, false], height, width });
    plot.y_range.start = 0;
    plot.left[0].ticker.min_interval = 1;
    const source = new Bokeh.ColumnDataSource({ data: { left: edges.slice(0, -1), right: edges.slice(1), top: counts, bottom: counts.map(() => 0) } });
    plot.quad({ left: { field: "left" }, right: { field: "right" }, top: { field: "top" }, bottom: { field: "bottom" }, source, fill_color: colours[0], line_color: null, fill_alpha: 0.85 });
    if (brushed) {
      const tool = new Bokeh.BoxSelectTool({ dimensions: "width" });
      plot.add_tools(tool);
      plot.toolbar.active_drag = tool;
      source.selected.change.connect(() => {
        const chosen = source.selected.indices;
        if (chosen.length) brushed(edges[Math.min(...chosen)], edges[Math.max(...chosen) + 1]);
      });
    }
    return plot;
  };
  const rows = counts.map((number, place) => [`${brief(edges[place])} to ${brief(edges[place + 1])}`, number.toLocaleString("en")]).filter((_, place) => counts[place]);
  return chart(label, draw, numbersTable(label, [unit, "pairs"], rows), { height });
}
