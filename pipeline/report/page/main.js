// The page begins here.

const views = { grid: gridView, gallery: galleryView, failures: failuresView, set: setView };
let shown = null; // what of the state the view shows

/** Shows the state: the view, if anything of it has changed, and the viewer. */
function renderState() {
  const { pair, compare, comparing, ...rest } = state;
  const chosen = [...rest.chosen].map(([name, levels]) => [name, ...levels]);
  const key = JSON.stringify([table.about.version, { ...rest, pins: [...rest.pins], chosen, ranges: [...rest.ranges] }, ticked.size]);
  if (key !== shown) {
    shown = key;
    const { focus, pair: tile } = document.activeElement?.dataset || {};
    fill($("views"), ...VIEWS.map(([view, words]) => button(words, () => go({ view }), { "aria-current": state.view === view ? "page" : null, "data-focus": `view ${view}` })), button("?", showHelp, { "aria-label": "Keys" }));
    const view = $("view");
    view.className = `view-${state.view}`;
    views[state.view].show(view);
    const again = focus ? `[data-focus="${CSS.escape(focus)}"]` : tile ? `.tile[data-pair="${CSS.escape(tile)}"]` : null;
    if (again) document.querySelector(again)?.focus({ preventScroll: true });
  }
  showChosen();
  showViewer();
}

async function begin() {
  try {
    table = new Table(await block("table"));
  } catch (error) {
    fill($("view"), h("p", { class: "warn" }, `The report cannot be read: ${error.message}`));
    return;
  }
  initial.brush = table.own(LOSS);
  render = renderState;
  readFragment();
  renderState();
  window.addEventListener("hashchange", () => (readFragment(), renderState()));
  window.addEventListener("popstate", () => (readFragment(), renderState()));
  document.addEventListener("keydown", onKey);
  $("viewer").addEventListener("cancel", (event) => (event.preventDefault(), closeViewer()));
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth === width) return; // a phone's bar that comes and goes
    width = window.innerWidth;
    shown = null;
    renderState();
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => ((shown = null), renderState()));
  document.documentElement.dataset.ready = "yes";
  if (mode === "served") followRun();
}

begin();
