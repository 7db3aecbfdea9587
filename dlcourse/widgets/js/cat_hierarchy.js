// A trained network in the page: draw a sketch, compute every unit of every layer, look into them.
import { h, s, slider, box, status, choice, picture, describe, words, fill, number, clamp, listen, freshId, COLORS } from "./common.js";

const TEXT = {
  kind: "Sketch of",
  kinds: ["a cat", "a mouse (round ears)", "a fox (no whiskers)"],
  scramble: "parts in the wrong places",
  face: "face",
  layer: "layer",
  unit: "unit",
  of: "{i} of {n}",
  names: ["cat", "mouse", "fox", "scrambled cat"],
  mixed: "{name} with parts in the wrong places",
  sketch: "sketch",
  column: "layer {l}",
  maps: "Layer {l}: what its {n} units answer to the sketch, place by place. Compared with their own strongest answers, unit {u} is the most active.",
  cat: "“cat”: {p}",
  nine: "Layer {l}, unit {u}: where it answers most",
  parts: { pointed: "pointed ear", round: "round ear", eye: "eye", whiskers: "whiskers", head: "outline of the head" },
  sees: "it sees {size} × {size} pixels at a time",
  now: "{name}, face {face}: the network gives “cat” a probability of {p}.",
  change: "Against the same parts in order, the strongest answers change by {list}.",
  share: "{v} % in layer {l}",
  unitNow: "Layer {l}, unit {u} answers most in the frame; {share} % of the most that it gives to any of {n} sketches.",
  quiet: "Layer {l}, unit {u} is silent for this sketch.",
  windows: "The middles of its nine strongest windows are nearest to: {parts}. They come from: {kinds}.",
  silent: "This unit is silent for all {n} sketches: it has nothing to show.",
  flow: "The sketch. A frame shows where layer {l}, unit {u} answers most. Probability of cat: {p}.",
  gallery: "Nine pieces of sketches in which layer {l}, unit {u} answers most. Nearest to their middles: {parts}.",
  nothing: "No windows: layer {l}, unit {u} is silent for all sketches.",
};

// ---- the mathematics ---------------------------------------------------------------------

export const SIZE = 24, NINE = 9;
const HAIRS = [-1.5, 0, 1.5];

/** The ink of a line from a to b, around a circle, in a disc, at the distance that p has. */
const onLine = (p, a, b) => {
  const wx = b[0] - a[0], wy = b[1] - a[1];
  const t = clamp(((p[0] - a[0]) * wx + (p[1] - a[1]) * wy) / (wx * wx + wy * wy), 0, 1);
  return clamp(1 - Math.hypot(p[0] - a[0] - t * wx, p[1] - a[1] - t * wy), 0, 1);
};
const away = (p, a) => Math.hypot(p[0] - a[0], p[1] - a[1]);
const onCircle = (p, a, r) => clamp(1 - Math.abs(away(p, a) - r), 0, 1);

/** A face of a kind (0 cat, 1 mouse, 2 fox) in ink, 0 to 1, row by row. at: its six parts, ears, eyes, whiskers. */
export function draw([x, y, r], kind, at) {
  const ink = new Array(SIZE * SIZE);
  for (let row = 0; row < SIZE; row++) {
    for (let col = 0; col < SIZE; col++) {
      const p = [col, row], found = [onCircle(p, [x, y], r)];
      for (const [a, b] of at.slice(0, 2)) {
        if (kind === 1) found.push(onCircle(p, [a, b - 0.5], 2.3));
        else found.push(onLine(p, [a - 2, b + 2], [a, b - 3]), onLine(p, [a + 2, b + 2], [a, b - 3]));
      }
      for (const eye of at.slice(2, 4)) found.push(clamp(1.8 - away(p, eye), 0, 1));
      if (kind !== 2) {
        at.slice(4).forEach(([a, b], i) => HAIRS.forEach((d) => found.push(
          0.9 * onLine(p, [a, b + 0.5 * d], [a + (i ? 3.5 : -3.5), b + d]))));
      }
      ink[row * SIZE + col] = Math.max(...found);
    }
  }
  return ink;
}

/** What the network gets: the ink made paler, minus its mean. */
export function input(ink, strength) {
  const mean = ink.reduce((sum, v) => sum + v, 0) / ink.length;
  return ink.map((v) => strength * (v - mean));
}

/** 3 × 3 weights over maps of one size, ReLU, then the largest of each 2 × 2. weight: [out][in][3][3] */
function block(maps, side, { shape: [out, inside], weight, bias }, grid) {
  const wide = side + 2, half = side / 2, made = [];
  const padded = maps.map((map) => {
    const p = new Float64Array(wide * wide);
    for (let i = 0; i < side; i++) for (let j = 0; j < side; j++) p[(i + 1) * wide + j + 1] = map[i * side + j];
    return p;
  });
  for (let o = 0; o < out; o++) {
    const sum = new Float64Array(side * side).fill(bias[o] / grid), best = new Float64Array(half * half);
    for (let c = 0; c < inside; c++) {
      for (let tap = 0; tap < 9; tap++) {
        const w = weight[(o * inside + c) * 9 + tap] / grid, shift = Math.floor(tap / 3) * wide + (tap % 3), p = padded[c];
        for (let i = 0; i < side; i++) for (let j = 0, at = i * wide + shift; j < side; j++) sum[i * side + j] += w * p[at + j];
      }
    }
    for (let i = 0; i < side; i++) {
      for (let j = 0; j < side; j++) {
        const at = (i >> 1) * half + (j >> 1);
        best[at] = Math.max(best[at], sum[i * side + j]); // starts at 0: that is the ReLU
      }
    }
    made.push(best);
  }
  return made;
}

/** All layers' maps, and the probability of "cat". layers: the blocks, then the head [in][2]. */
export function forward(layers, pixels, grid) {
  let maps = [pixels], side = SIZE;
  const found = layers.slice(0, -1).map((layer) => {
    maps = block(maps, side, layer, grid);
    side /= 2;
    return { maps: maps.map((map) => [...map]), side };
  });
  const head = layers[layers.length - 1], flat = maps.flatMap((map) => [...map]);
  const [no, cat] = [0, 1].map((k) => flat.reduce((sum, v, i) => sum + (v * head.weight[2 * i + k]) / grid, head.bias[k] / grid));
  return { layers: found, p: 1 / (1 + Math.exp(no - cat)) };
}

/** The window on the sketch that one place of a layer sees: first row or column, and size. */
export function windowOf(layer, place) {
  let first = place, last = place;
  for (let l = 0; l < layer; l++) {
    first = 2 * first - 1;
    last = 2 * last + 2;
  }
  return { first, size: last - first + 1 };
}

/** The place of the largest number. */
export const strongest = (map) => map.reduce((best, v, i) => (v > map[best] ? i : best), 0);

/** How much the units' strongest answers differ between two sketches, as a share, per layer. */
export function change(one, other) {
  return one.layers.map(({ maps }, l) => {
    const tops = maps.map((map) => Math.max(...map)), rest = other.layers[l].maps.map((map) => Math.max(...map));
    const total = rest.reduce((sum, v) => sum + v, 0);
    return tops.reduce((sum, v, i) => sum + Math.abs(v - rest[i]), 0) / Math.max(total, 1e-9);
  });
}

/** The part nearest to a point of a sketch; the outline where no part is near. */
export function partAt(point, kind, spots) {
  const names = [kind === 1 ? "round" : "pointed", "eye", "whiskers"];
  const there = spots.map(([x, y], k) => [away(point, [x + (k > 3 ? (k === 4 ? -1.75 : 1.75) : 0), y]), names[k >> 1]]);
  const [gap, name] = there.filter(([, n]) => n !== "whiskers" || kind !== 2).sort((a, b) => a[0] - b[0])[0];
  return gap <= 4 ? name : "head";
}

/** The nine windows, each of another sketch, in which a unit answers most; none where it is silent. */
export function bestWindows(gallery, layer, unit) {
  const all = gallery.map((entry) => {
    const { maps, side } = entry.run.layers[layer - 1], at = strongest(maps[unit - 1]);
    return { entry, value: maps[unit - 1][at], row: Math.floor(at / side), col: at % side };
  });
  return all.filter(({ value }) => value > 0).sort((a, b) => b.value - a.value).slice(0, NINE);
}

/** [["pointed", 5], …], the most frequent first. */
export function count(names) {
  const found = new Map();
  names.forEach((name) => found.set(name, (found.get(name) ?? 0) + 1));
  return [...found].sort((a, b) => b[1] - a[1]);
}

// ---- pictures ----------------------------------------------------------------------------

const INKED = [31, 35, 40], ACTIVE = [0, 110, 80], PIXEL = 7, ACROSS = 4, TILE = 36, TOP = 24, PIECE = 84;
const strong = "font-size:13px;font-weight:600", quiet = "font-size:12px;fill:var(--dlw-neutral)";

/** Numbers from 0 to 1 as an image: white is 0. What is undefined is grey. */
function image(values, side, color) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d"), data = context.createImageData(side, side);
  values.forEach((v, i) => {
    const rgb = v === undefined ? [225, 227, 231] : color.map((c) => 255 + (c - 255) * clamp(v, 0, 1));
    data.data.set([...rgb, 255], 4 * i);
  });
  context.putImageData(data, 0, 0);
  return canvas.toDataURL();
}

const placed = (href, x, y, size, attrs = {}) => s("image", { href, x, y, width: size, height: size,
  preserveAspectRatio: "none", style: "image-rendering:pixelated", ...attrs });

/** The sketch with the frame of the window in which the chosen unit answers most. */
function drawSketch(svg, view, layer, unit) {
  const { ink, run } = view.now, { maps, side } = run.layers[layer - 1], map = maps[unit - 1], at = strongest(map);
  const room = SIZE * PIXEL, parts = [words(room / 2, 11, TEXT.sketch, strong), placed(image(ink, SIZE, INKED), 0, TOP, room)];
  parts.push(s("rect", { x: 0.5, y: TOP + 0.5, width: room - 1, height: room - 1, fill: "none", stroke: COLORS.neutral, "stroke-width": 0.8 }));
  if (map[at] > 0) {
    const frame = [Math.floor(at / side), at % side].map((v) => windowOf(layer, v));
    const [y, x] = frame.map(({ first }) => clamp(first, 0, SIZE)), [b, r] = frame.map(({ first, size }) => clamp(first + size, 0, SIZE));
    parts.push(s("rect", { x: x * PIXEL + 1, y: TOP + y * PIXEL + 1, width: (r - x) * PIXEL - 2, height: (b - y) * PIXEL - 2,
      fill: "none", stroke: COLORS.gradients, "stroke-width": 2.5 }));
  }
  const base = TOP + room + 14;
  parts.push(s("rect", { x: 0.5, y: base + 14, width: room - 1, height: 12, fill: "none", stroke: COLORS.neutral }),
    s("rect", { x: 1, y: base + 14.5, width: Math.max((room - 2) * run.p, 0), height: 11, fill: COLORS.activations }),
    words(room / 2, base, fill(TEXT.cat, { p: number(run.p) }), strong));
  svg.replaceChildren(...parts);
}

function drawLayer(svg, view, l, chosen, pick) {
  const { maps, side } = view.now.run.layers[l - 1];
  svg.replaceChildren(words((ACROSS * TILE) / 2, 11, fill(TEXT.column, { l }), strong), ...maps.flatMap((map, k) => {
    const x = (k % ACROSS) * TILE, y = TOP + Math.floor(k / ACROSS) * TILE, most = view.most[l - 1][k] || 1, on = k + 1 === chosen;
    const look = { x: x + 1.5, y: y + 1.5, width: TILE - 3, height: TILE - 3, fill: "none" };
    return [placed(image(map.map((v) => v / most), side, ACTIVE), x + 2, y + 2, TILE - 4, { onclick: () => pick(l, k + 1), cursor: "pointer" }),
      s("rect", { ...look, stroke: on ? COLORS.gradients : COLORS.neutral, "stroke-width": on ? 3 : 0.6, "pointer-events": "none" })];
  }));
}

/** One window cut out of its sketch; what lies outside is grey. */
function piece({ entry, row, col }, layer) {
  const rows = windowOf(layer, row), cols = windowOf(layer, col), { size } = rows;
  return image(Array.from({ length: size * size }, (_, i) => {
    const y = rows.first + Math.floor(i / size), x = cols.first + (i % size);
    return y < 0 || x < 0 || y >= SIZE || x >= SIZE ? undefined : entry.ink[y * SIZE + x];
  }), size, INKED);
}

function drawGallery(svg, view, layer, unit) {
  const wide = 3 * PIECE, { size } = windowOf(layer, 0);
  svg.replaceChildren(words(wide / 2 + 20, 11, fill(TEXT.nine, { l: layer, u: unit }), strong), words(wide / 2 + 20, 28, fill(TEXT.sees, { size }), quiet),
    ...view.windows.flatMap((found, k) => {
      const x = 20 + (k % 3) * PIECE, y = 40 + Math.floor(k / 3) * PIECE;
      return [placed(piece(found, layer), x + 3, y + 3, PIECE - 6),
        s("rect", { x: x + 3, y: y + 3, width: PIECE - 6, height: PIECE - 6, fill: "none", stroke: COLORS.neutral, "stroke-width": 0.6 })];
    }));
}

// ---- state and words ---------------------------------------------------------------------

/** A sketch and everything that the network answers to it. */
function look(model, index, kind, scrambled) {
  const face = model.get("faces")[index], spots = scrambled ? face.mixed : face.home, ink = draw(face.head, kind, spots);
  return { spots, kind, name: scrambled && kind === 0 ? 3 : kind, ink, run: forward(model.get("layers"), input(ink, model.get("ink")), model.get("grid")) };
}

/** All faces as cat, mouse, fox and scrambled cat. */
const everyone = (model) => [[0, false], [1, false], [2, false], [0, true]].flatMap(([kind, scrambled]) =>
  model.get("faces").map((_, i) => look(model, i, kind, scrambled)));

const list = (pairs, name) => pairs.map(([key, n]) => `${name(key)} ${n}`);

function describeUnit(model, view, layer, unit) {
  const { maps } = view.now.run.layers[layer - 1], top = Math.max(...maps[unit - 1]), n = view.gallery.length, at = { l: layer, u: unit, n };
  if (!view.windows.length) return fill(TEXT.silent, at);
  const share = Math.round((100 * top) / view.most[layer - 1][unit - 1]);
  const kinds = list(count(view.windows.map(({ entry }) => entry.name)), (name) => TEXT.names[name]).join(", ");
  return `${fill(top > 0 ? TEXT.unitNow : TEXT.quiet, { ...at, share })}\n${fill(TEXT.windows, { parts: view.parts.join(", "), kinds })}`;
}

function sentence(model, view, layer, unit) {
  const kind = model.get("kind"), mixed = model.get("scrambled"), plain = TEXT.names[kind];
  const name = mixed ? (kind ? fill(TEXT.mixed, { name: plain }) : TEXT.names[3]) : plain;
  const head = fill(TEXT.now, { name: name[0].toUpperCase() + name.slice(1), face: model.get("face") + 1, p: number(view.now.run.p) });
  const shares = view.change.map((v, l) => fill(TEXT.share, { v: Math.round(100 * v), l: l + 1 }));
  const differs = mixed ? ` ${fill(TEXT.change, { list: shares.join(", ") })}` : "";
  return `${head}${differs}\n${describeUnit(model, view, layer, unit)}`;
}

/** Everything that follows from the present choice. */
function update(model, view) {
  const layer = clamp(model.get("layer"), 1, view.most.length), unit = clamp(model.get("unit"), 1, view.most[layer - 1].length);
  const [i, kind, scrambled] = ["face", "kind", "scrambled"].map((name) => model.get(name));
  view.now = look(model, i, kind, scrambled);
  view.change = scrambled ? change(view.now.run, look(model, i, kind, false).run) : [];
  view.windows = bestWindows(view.gallery, layer, unit);
  const names = view.windows.map(({ entry, row, col }) => {
    const [y, x] = [row, col].map((v) => windowOf(layer, v)).map(({ first, size }) => first + (size - 1) / 2);
    return partAt([x, y], entry.kind, entry.spots);
  });
  view.parts = list(count(names), (name) => TEXT.parts[name]);
  return [layer, unit];
}

function show(model, view, parts, pick) {
  const [layer, unit] = update(model, view), p = number(view.now.run.p), at = { l: layer, u: unit, p, parts: view.parts.join(", ") };
  drawSketch(parts.sketch, view, layer, unit);
  parts.columns.forEach((svg, k) => drawLayer(svg, view, k + 1, k + 1 === layer ? unit : 0, pick));
  drawGallery(parts.nine, view, layer, unit);
  describe(parts.sketch, fill(TEXT.flow, at));
  parts.columns.forEach((svg, k) => {
    const shares = view.now.run.layers[k].maps.map((map, i) => Math.max(...map) / (view.most[k][i] || 1));
    describe(svg, fill(TEXT.maps, { l: k + 1, n: shares.length, u: strongest(shares) + 1 }));
  });
  describe(parts.nine, fill(view.windows.length ? TEXT.gallery : TEXT.nothing, at));
  parts.kind.querySelectorAll("input")[model.get("kind")].checked = true;
  parts.mixed.input.checked = model.get("scrambled");
  parts.face.set(model.get("face"));
  parts.layer.set(layer);
  parts.unit.input.max = view.most[layer - 1].length;
  parts.unit.set(unit);
  parts.say.textContent = sentence(model, view, layer, unit);
}

function checkbox(text, change) {
  const id = freshId(), input = h("input", { type: "checkbox", id, onchange: () => change(input.checked) });
  return { input, row: h("div", { class: "dlw-option" }, input, h("label", { for: id }, text)) };
}

function controls(model, view, put) {
  const many = () => view.most[clamp(model.get("layer"), 1, view.most.length) - 1].length, last = model.get("faces").length;
  const kind = choice(TEXT.kind, TEXT.kinds, (i) => put({ kind: i }));
  kind.style.cssText = "display:flex;flex-wrap:wrap;gap:0 1.1rem";
  const of = (n) => (v) => fill(TEXT.of, { i: v, n: n() });
  return {
    kind,
    mixed: checkbox(TEXT.scramble, (scrambled) => put({ scrambled })),
    face: slider(TEXT.face, { min: 0, max: last - 1, step: 1, value: model.get("face"), format: (v) => fill(TEXT.of, { i: v + 1, n: last }) }, (face) => put({ face })),
    layer: slider(TEXT.layer, { min: 1, max: view.most.length, step: 1, value: 1, format: of(() => view.most.length) }, (layer) => put({ layer, unit: 1 })),
    unit: slider(TEXT.unit, { min: 1, max: many(), step: 1, value: 1, format: of(many) }, (unit) => put({ unit })),
  };
}

function render({ model, el }) {
  const gallery = everyone(model), depth = gallery[0].run.layers.length;
  const most = Array.from({ length: depth }, (_, l) => gallery[0].run.layers[l].maps.map((_, k) =>
    Math.max(...gallery.map(({ run }) => Math.max(...run.layers[l].maps[k])))));
  const view = { gallery, most }, room = SIZE * PIXEL;
  const column = (units) => picture({ width: ACROSS * TILE, height: TOP + Math.ceil(units.length / ACROSS) * TILE });
  let quietly = false; // several traits change together: draw once
  const put = (changes) => {
    quietly = true;
    Object.entries(changes).forEach(([name, value]) => model.set(name, value));
    quietly = false;
    redraw();
    model.set("probability", view.now.run.p);
    model.set("parts", view.parts);
    model.save_changes();
  };
  const parts = { sketch: picture({ width: room, height: TOP + room + 44 }), columns: most.map(column),
    nine: picture({ width: 3 * PIECE + 40, height: 44 + 3 * PIECE }), say: status(), ...controls(model, view, put) };
  const redraw = () => quietly || show(model, view, parts, (layer, unit) => put({ layer, unit }));
  redraw();
  const flex = "display:flex;flex-wrap:wrap;gap:0 1rem;justify-content:center;align-items:flex-start";
  box(model, el, h("p", {}, model.get("task")), parts.kind, parts.mixed.row, parts.face.row,
    h("div", { style: flex }, parts.sketch, ...parts.columns), parts.layer.row, parts.unit.row, parts.nine, parts.say);
  return listen(model, ["kind", "scrambled", "face", "layer", "unit"], redraw);
}
export default { render };
