// The viewer: a dialog over the page, for one pair or for several. It gives the focus back where it took it.

let opener = null; // the pair whose tile had the focus
const zoom = { factor: 1, x: 0.5, y: 0.5 }; // of all pictures in the viewer at once

function openPair(place) {
  opener = document.activeElement?.dataset?.pair || null;
  go({ pair: table.ids[place], comparing: false });
}

function closeViewer() {
  const last = state.pair || opener;
  go({ pair: null, comparing: false });
  const tile = [...document.querySelectorAll(".tile[data-pair]")].find((element) => element.dataset.pair === last);
  (tile || document.querySelector(`.tile[data-pair="${CSS.escape(opener || "")}"]`) || $("view")).focus();
}

/** Shows what the state asks for. */
function showViewer() {
  const dialog = $("viewer");
  const wanted = state.comparing && state.compare.length ? "compare" : state.pair;
  if (!wanted) {
    if (dialog.open) dialog.close();
    dialog.dataset.shows = "";
    fill(dialog);
    return;
  }
  const key = `${wanted} ${state.compare.join(" ")} ${wanted === "compare" ? "" : table.about.version}`;
  if (dialog.dataset.shows === key) return;
  const same = (dialog.dataset.shows || "").split(" ")[0] === wanted.split(" ")[0];
  dialog.dataset.shows = key;
  if (!dialog.open) {
    Object.assign(zoom, { factor: 1, x: 0.5, y: 0.5 });
    dialog.showModal();
  }
  const focus = dialog.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  const top = same ? dialog.scrollTop : 0;
  if (wanted === "compare") showCompare(dialog);
  else showDetail(dialog, table.places.get(wanted));
  dialog.scrollTop = top;
  (dialog.querySelector(`[data-focus="${CSS.escape(focus || "close")}"]`) || dialog.querySelector("[data-focus=close]")).focus({ preventScroll: true });
}

/** A picture that all others follow when it is enlarged or moved. `side`: px of its window. */
function zoomed(name, words, side, url, { missing = "the picture is not beside this report", place = null } = {}) {
  const image = h("img", { alt: words });
  const window_ = h("div", { class: "window", tabindex: "0", role: "group", "aria-label": `${name}, enlarged with + and -`, style: { width: `${side}px`, height: `${side}px` } }, image);
  window_.addEventListener("scroll", () => follow(window_), { passive: true });
  window_.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    setZoom(zoom.factor * (event.deltaY < 0 ? 1.25 : 0.8));
  });
  const instead = async (why) => {
    const small = place === null ? null : await thumb(place);
    image.replaceWith(small ? thumbElement(place, [side, side], words) : h("span", { class: "hole-words" }, why));
    if (small) window_.after(h("p", { class: "warn" }, `${why}: shown small`));
    if (!small) window_.classList.add("hole");
  };
  image.addEventListener("load", () => layOut(window_, side));
  image.addEventListener("error", () => instead(missing));
  Promise.resolve(url).then((found) => (found ? (image.src = found) : instead(missing)), () => instead(missing));
  return h("figure", { class: "zoomed" }, window_, h("figcaption", {}, name));
}

/** Places a picture in its window at the zoom of all; what is larger than its file keeps its pixels. */
function layOut(window_, side) {
  const image = window_.querySelector("img");
  if (!image || !image.naturalWidth) return;
  const fit = Math.min(side / image.naturalWidth, side / image.naturalHeight);
  const scale = fit * zoom.factor;
  Object.assign(image.style, { width: `${image.naturalWidth * scale}px`, height: `${image.naturalHeight * scale}px` });
  image.classList.toggle("pixels", scale > 1);
  window_.following = true;
  window_.scrollLeft = zoom.x * (window_.scrollWidth - window_.clientWidth);
  window_.scrollTop = zoom.y * (window_.scrollHeight - window_.clientHeight);
}

/** All windows look where this one does. */
function follow(window_) {
  if (window_.following) {
    window_.following = false;
    return;
  }
  const room = [window_.scrollWidth - window_.clientWidth, window_.scrollHeight - window_.clientHeight];
  if (room[0] > 0) zoom.x = window_.scrollLeft / room[0];
  if (room[1] > 0) zoom.y = window_.scrollTop / room[1];
  for (const other of $("viewer").querySelectorAll(".window")) if (other !== window_) layOut(other, other.clientWidth);
}

function setZoom(factor) {
  zoom.factor = Math.min(32, Math.max(1, factor));
  for (const window_ of $("viewer").querySelectorAll(".window")) layOut(window_, window_.offsetWidth);
  const told = $("viewer").querySelector(".zoom-told");
  if (told) told.textContent = `${Math.round(zoom.factor * 100)} %`;
}

const zoomTools = () =>
  h("span", { class: "zoom", role: "group", "aria-label": "Zoom" },
    button("−", () => setZoom(zoom.factor / 1.5), { "aria-label": "Smaller", "data-focus": "smaller" }),
    h("output", { class: "zoom-told" }, `${Math.round(zoom.factor * 100)} %`),
    button("+", () => setZoom(zoom.factor * 1.5), { "aria-label": "Larger", "data-focus": "larger" }));

/** Px of the side of one of `number` windows beside each other, in a dialog. */
function windowSide(dialog, number) {
  const room = dialog.clientWidth - 48;
  const across = room < 560 ? 1 : Math.min(number, 3);
  return Math.floor(Math.min(room < 560 ? Math.min(room, 360) : 512, (room - 16 * (across - 1)) / across));
}
