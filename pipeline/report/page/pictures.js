// Pictures: small ones from sheets, whole ones from wherever the report has them.

const urls = new Map(); // of blocks in the page, made once

function blobUrl(name, type) {
  if (!urls.has(name)) {
    urls.set(name, heldText(name).then((text) => URL.createObjectURL(new Blob([bytesOf(text)], { type }))));
  }
  return urls.get(name);
}

const numbered = (number, digits = 4) => String(number).padStart(digits, "0");

/** A file of the report: in itself, beside it, or served. */
function fileUrl(name, folder, type) {
  return mode === "file" ? blobUrl(name, type) : Promise.resolve(`${folder}/${name}.${type.split("/")[1]}`);
}

/** A pair's small picture: `{url, x, y, width, height, across}` in cells of a sheet; null without one. */
async function thumb(place) {
  const { side, across, single } = table.about.thumbs;
  const width = table.arrays.get("thumb width")[place];
  const height = table.arrays.get("thumb height")[place];
  if (!width) return null;
  if (single) return served(`thumbs/${place}.webp`);
  const sheet = Math.floor(place / (across * across));
  const here = place % (across * across);
  const cells = Math.min(across * across, table.length - sheet * across * across);
  return {
    url: await fileUrl(`sheet-${numbered(sheet)}`, "sheets", "image/webp"),
    x: (here % across) * side,
    y: Math.floor(here / across) * side,
    width,
    height,
    sheetWidth: Math.min(cells, across) * side,
    sheetHeight: Math.ceil(cells / across) * side,
  };
}

/** A picture of its own, as it is found on the server; null where it is not. */
async function served(url) {
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
  } catch {
    return null;
  }
  const [width, height] = [image.naturalWidth, image.naturalHeight];
  return { url, x: 0, y: 0, width, height, sheetWidth: width, sheetHeight: height };
}

/** The whole picture's address; null where the report has none. */
async function whole(place) {
  if (!table.ok(place)) return null;
  const { pictures } = table.about;
  if (pictures.how === "inside") return blobUrl(`picture-${numbered(place, 6)}`, "image/png");
  if (pictures.how === "copied") return `pictures/${numbered(place, 6)}.png`;
  if (pictures.how === "served") return `pictures/${place}.png`;
  if (pictures.how !== "linked") return null;
  const number = Math.floor(place / pictures.block);
  const name = `keys-${numbered(number)}`;
  if (!keyBlocks.has(name)) keyBlocks.set(name, block(name));
  const key = (await keyBlocks.get(name)).header.keys[place - number * pictures.block];
  return key ? pictures.base + key.split("/").map(encodeURIComponent).join("/") : null;
}

const keyBlocks = new Map(); // of the pictures' places in the run

/** The content's or the style's picture of a pair: `{url, uri}`; url null where it is gone, null where it has none. */
async function exemplar(side, place) {
  const name = table.own(`${side}_uri`);
  const uri = table.value(name, place);
  if (uri === null) return null;
  const number = table.about.sources.uris.indexOf(uri);
  if (number < 0 || !table.about.sources.present[number]) return { url: null, uri };
  return { url: await fileUrl(`source-${numbered(number)}`, "sources", "image/webp"), uri };
}

/** Width and height of a window that fits all pictures of the run, its longer side so many px. */
function windowOf(side) {
  table.shape ??= shapeOf();
  return table.shape.map((share) => Math.round(share * side));
}

function shapeOf() {
  const [height, width] = ["height_px", "width_px"].map((of) => table.columns.get(table.own(of)));
  const shape = [0, 0];
  for (let place = 0; place < table.length; place++) {
    const [h_, w] = [height.values[place], width.values[place]];
    if (!(h_ > 0 && w > 0)) continue;
    shape[0] = Math.max(shape[0], w / Math.max(w, h_));
    shape[1] = Math.max(shape[1], h_ / Math.max(w, h_));
  }
  return shape[0] ? shape.map((share) => Math.max(share, 0.4)) : [1, 1];
}

/** A small picture as an element within a window, told by words; enlarged pictures keep their pixels. */
function thumbElement(place, [boxWidth, boxHeight], words) {
  const element = h("span", { class: "thumb", role: "img", "aria-label": words, style: { width: `${boxWidth}px`, height: `${boxHeight}px` } });
  const image = h("span", { class: "thumb-picture" });
  element.append(image);
  thumb(place).then(async (found) => {
    if (!found) {
      const gone = table.ok(place);
      element.classList.add("hole");
      image.replaceWith(h("span", { class: "hole-words" }, gone ? "picture cannot be read" : holeWords(place)));
      return;
    }
    const full = Math.max(table.value(table.own("width_px"), place) || 1, table.value(table.own("height_px"), place) || 1);
    const scale = Math.min(boxWidth / found.width, boxHeight / found.height);
    Object.assign(image.style, {
      width: `${found.width * scale}px`,
      height: `${found.height * scale}px`,
      backgroundImage: `url("${found.url}")`,
      backgroundSize: `${found.sheetWidth * scale}px ${found.sheetHeight * scale}px`,
      backgroundPosition: `${-found.x * scale}px ${-found.y * scale}px`,
      imageRendering: full <= table.about.thumbs.side ? "pixelated" : "auto",
    });
    if (scale > 1.2 && full > table.about.thumbs.side && full <= 1024) sharpen(image, place, full < Math.max(boxWidth, boxHeight));
  });
  return element;
}

const blurred = []; // small pictures whose whole ones are wanted
const REST_MS = 250; // without a change of what is in sight, before whole pictures are fetched
let resting = null;

/** Puts the whole picture over a small one, if it can be had, once the reader looks and no longer scrolls. */
function sharpen(image, place, enlarged) {
  blurred.push({ image, place, enlarged });
  clearTimeout(resting);
  resting = setTimeout(async () => {
    while (blurred.length) {
      const { image: small, place: of, enlarged: larger } = blurred.shift();
      if (!small.isConnected) continue;
      const url = await whole(of).catch(() => null);
      if (!url || !small.isConnected) continue;
      const picture = h("img", { alt: "", src: url, class: larger ? "pixels" : "", onerror: () => picture.remove() });
      small.append(picture);
    }
  }, REST_MS);
}

/** Why a cell has no picture. */
function holeWords(place) {
  const code = table.value(table.own("error_code"), place);
  return code ? `${table.status(place)}: ${code.replaceAll("_", " ")}` : table.status(place);
}
