// Many tiles of which few are in the page: those that are in sight, and the one that has the focus.

const TILES = 360; // in the page at most

/** How large pictures are. */
const sizeTool = () =>
  h("label", { class: "choice" }, h("span", {}, "Size"),
    h("input", { type: "range", min: "48", max: "512", value: String(state.size || 128), "aria-label": "Size of a picture", "data-focus": "size", onchange: (event) => go({ size: Number(event.target.value) }, { quiet: true }) }));

/** A scroller of rows of one height. `row(number)` makes one, with the tiles in it; made again when it comes in sight. */
class Rows {
  constructor(scroller, space, { height, row, head = 0, changed = () => {} }) {
    this.scroller = scroller;
    this.space = space;
    this.shown = new Map();
    this.ended = new AbortController();
    this.height = height;
    this.row = row;
    this.count = 0;
    this.head = head; // px of the scroller that a sticky header covers
    scroller.addEventListener("scroll", () => (changed(), this.update()), { passive: true, signal: this.ended.signal });
    this.watch = new ResizeObserver(() => (changed(), this.update()));
    this.watch.observe(scroller);
  }

  /** So many rows; all that is in sight is made anew. */
  reset(count) {
    this.count = count;
    this.space.style.height = `${count * this.height}px`;
    for (const row of this.shown.values()) row.remove();
    this.shown.clear();
    this.update();
  }

  update() {
    const top = this.scroller.scrollTop;
    const first = Math.max(0, Math.floor(top / this.height));
    const last = Math.min(this.count, Math.ceil((top + this.scroller.clientHeight - this.head) / this.height));
    for (const [number, row] of this.shown) {
      if ((number < first || number >= last) && !row.contains(document.activeElement)) {
        row.remove();
        this.shown.delete(number);
      }
    }
    for (let number = first; number < last; number++) {
      if (this.shown.has(number)) continue;
      const row = this.row(number);
      row.style.transform = `translateY(${number * this.height}px)`;
      this.shown.set(number, row);
      const after = [...this.shown.keys()].filter((other) => other > number);
      this.space.insertBefore(row, after.length ? this.shown.get(Math.min(...after)) : null);
    }
  }

  /** Brings a row into sight. */
  reveal(number) {
    const top = number * this.height;
    const { scrollTop, clientHeight } = this.scroller;
    if (top < scrollTop) this.scroller.scrollTop = top;
    else if (top + this.height > scrollTop + clientHeight - this.head) {
      this.scroller.scrollTop = top + this.height - clientHeight + this.head;
    }
    this.update();
  }

  close() {
    this.ended.abort();
    this.watch.disconnect();
  }
}
