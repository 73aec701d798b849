// Blocks of columns, as pipeline/report/packing.py makes them, and where the page finds them: in itself, in files
// beside it, or on the server that it came from.

const mode = document.documentElement.dataset.mode;
const waiting = new Map(); // names of blocks to those who wait for them
const arrayTypes = { float64: Float64Array, float32: Float32Array, uint32: Uint32Array, uint16: Uint16Array, uint8: Uint8Array };

window.neckarBlock = (name, text) => waiting.get(name)?.resolve(text); // called by files beside the page

/** Text of an element that holds a block, once the page is read that far. */
async function heldText(name) {
  if (!$(name) && document.readyState === "loading") {
    await new Promise((resolve) => document.addEventListener("DOMContentLoaded", resolve, { once: true }));
  }
  const element = $(name);
  if (!element) throw new Error(`the report has no ${name}`);
  return element.textContent;
}

/** Runs a script file that stands beside the page. */
function beside(path) {
  return new Promise((resolve, reject) => {
    const script = h("script", { src: path });
    script.onload = () => (script.remove(), resolve());
    script.onerror = () => reject(new Error(`${path} is not beside the report: move its folder as a whole`));
    document.head.append(script);
  });
}

/** The unpacked block of a name. */
async function block(name) {
  if (mode === "served") {
    const answer = await fetch(name);
    if (!answer.ok) throw new Error(`${name}: ${answer.status} ${await answer.text()}`);
    return unpack(new Uint8Array(await answer.arrayBuffer()));
  }
  if (mode === "file" || $(name)) return unpack(bytesOf(await heldText(name)));
  const text = await new Promise((resolve, reject) => {
    waiting.set(name, { resolve });
    beside(`${name}.js`).catch(reject);
  });
  waiting.delete(name);
  return unpack(bytesOf(text));
}

function bytesOf(base64) {
  const letters = atob(base64);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

/** `{header, arrays}` of a block's bytes. */
async function unpack(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const data = await new Response(stream).arrayBuffer();
  const start = 4 + new DataView(data).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, start - 4)));
  const arrays = new Map();
  for (const { name, type, length, offset } of header.arrays) {
    const size = arrayTypes[type].BYTES_PER_ELEMENT;
    const planes = new Uint8Array(data, start + offset, length * size);
    const values = new Uint8Array(length * size);
    for (let place = 0; place < size; place++) {
      for (let i = 0, from = place * length, to = place; i < length; i++, from++, to += size) values[to] = planes[from];
    }
    arrays.set(name, new arrayTypes[type](values.buffer));
  }
  return { header, arrays };
}

/** float32 values of the differences of their bits, `rows` of `length` after `first`; see packing.differences. */
function fromDifferences(folded, first, rows, length) {
  return Array.from({ length: rows }, (_, row) => {
    const bits = new Uint32Array(length);
    let sum = 0;
    for (let i = 0; i < length; i++) {
      const code = folded[first + row * length + i];
      sum = (sum + ((code >>> 1) ^ -(code & 1))) >>> 0;
      bits[i] = sum;
    }
    return Array.from(new Float32Array(bits.buffer));
  });
}
