// The keyboard: `/` searches, j and k go from pair to pair, Esc closes, ? tells; arrows belong to the grid and the slider.

const KEYS = [
  ["/", "search"],
  ["j, k", "next, previous pair"],
  ["Enter", "open the pair that has the focus"],
  ["arrows", "move in the grid; move the slider"],
  ["+, -", "enlarge, shrink the open pair's pictures"],
  ["p", "pin the open pair to compare it"],
  ["Esc", "close what is open"],
  ["g, l, f, s", "grid, gallery, failures, the set"],
  ["?", "this list"],
];

function showHelp() {
  const dialog = $("help");
  const before = document.activeElement;
  fill(dialog, h("h2", { id: "help-title" }, "Keys"), h("table", {}, h("tbody", {}, KEYS.map(([key, does]) => h("tr", {}, h("th", { scope: "row" }, h("kbd", {}, key)), h("td", {}, does))))), button("Close", () => dialog.close()));
  dialog.addEventListener("close", () => before?.focus(), { once: true });
  dialog.showModal();
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.matches?.("input:not([type=checkbox], [type=range]), textarea, select");
  if (event.key === "Escape" && typing && event.target.id === "search") return event.target.blur();
  if (typing || $("help").open) return;
  const { open } = $("viewer");
  const by = { j: 1, k: -1 }[event.key];
  if (by) {
    if (open && state.pair) stepPair(by);
    else if (!open) views[state.view].step?.(by);
  } else if (event.key === "?") showHelp();
  else if (open && (event.key === "+" || event.key === "=")) setZoom(zoom.factor * 1.5);
  else if (open && event.key === "-") setZoom(zoom.factor / 1.5);
  else if (open && event.key === "p" && state.pair) pin(state.pair);
  else if (!open && event.key === "/") {
    if (state.view !== "gallery") go({ view: "gallery" });
    $("search").focus();
  } else if (!open && "glfs".includes(event.key) && event.key.length === 1) {
    go({ view: { g: "grid", l: "gallery", f: "failures", s: "set" }[event.key] });
    $("view").focus();
  } else return;
  event.preventDefault();
}
