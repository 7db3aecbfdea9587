// XOR learned in the page: the input plane beside the space that the hidden units make of it.
import { h, s, slider, box, status, buttons, player, picture, describe, words, fill, number, clamp, listen, follow, COLORS } from "./common.js";

const TEXT = {
  hidden: "hidden units",
  rate: "learning rate",
  seed: "start weights",
  seedIs: "seed {seed}",
  step: "step",
  across: "unit across",
  up: "unit upwards",
  input: "What comes in",
  inner: "What the output unit sees",
  sum: "weighted sum of the output unit",
  loss: "loss E",
  steps: "step (early steps are drawn wider)",
  legend: ["target 0", "target 1"],
  shade: "output above ½",
  lines: "one hidden unit's line",
  unit: "hidden unit {i}",
  now: "{units} hidden units, rate {rate}, seed {seed}, step {step}: loss {loss}. Outputs: {outputs}. ",
  learned: "All four are learned: in the hidden space the squares lie on one side.",
  going: "{n} of 4 outputs are near their targets so far.",
  before: "Nothing is learned yet. Press Play.",
  stuck: "Stuck: {n} of 4 outputs are near their targets. ",
  merged: "In the hidden space {pair} share one place, though their targets differ: no line can part them.",
  apart: "No two points of different targets share one place here; look at the loss: is it still falling?",
  tried: "Seeds of this setting that ended stuck, so far: {list}.",
  note: "{name} units, rate {rate}, seed {seed}",
  plane: "Input plane with the four corners. Output above one half at: {list}. Dashed: the lines of the hidden units.",
  space: "Hidden space, activation of unit {i} across and unit {j} upwards: {places}. Below it the weighted sums: {sums}.",
  curve: "Loss curve over {steps} steps: {start} at the start, {now} at step {step}, {end} at the end.",
};

// ---- the mathematics ---------------------------------------------------------------------

export const INPUTS = [[0, 0], [0, 1], [1, 0], [1, 1]], TARGETS = [0, 1, 1, 0];
const CASES = ["00", "01", "10", "11"], MOMENTUM = 0.9, NEAR = 0.2;

const sigmoid = (z) => 1 / (1 + Math.exp(-z));

/** One sample through the network. w: W1 row by row (2n), b1 (n), W2 (n), b2. */
export function forward(w, n, x) {
  const hidden = [];
  let z = 0;
  for (let j = 0; j < n; j++) {
    hidden.push(sigmoid(x[0] * w[j] + x[1] * w[n + j] + w[2 * n + j]));
    z += hidden[j] * w[3 * n + j];
  }
  z += w[4 * n];
  return { hidden, z, y: sigmoid(z) };
}

/** Loss E = ½ Σ (y - d)² over the four samples, and its gradient by backpropagation. */
export function gradient(w, n) {
  const g = w.map(() => 0);
  let loss = 0;
  INPUTS.forEach((x, i) => {
    const { hidden, y } = forward(w, n, x), error = y - TARGETS[i];
    loss += 0.5 * error * error;
    const out = error * y * (1 - y);
    for (let j = 0; j < n; j++) {
      const delta = out * w[3 * n + j] * hidden[j] * (1 - hidden[j]);
      g[j] += x[0] * delta;
      g[n + j] += x[1] * delta;
      g[2 * n + j] += delta;
      g[3 * n + j] += hidden[j] * out;
    }
    g[4 * n] += out;
  });
  return { loss, g };
}

/** The steps to look at: dense at first, where most happens, then wider and wider. */
export function schedule(steps, count = 200) {
  const all = Array.from({ length: count + 1 }, (_, i) => Math.round(steps * (i / count) ** 2));
  return all.filter((k, i) => i === 0 || k > all[i - 1]);
}

/** A whole training; keeps weights and loss at these steps (rising; the last one ends it). */
export function train(start, n, lr, at) {
  let w = [...start], change = w.map(() => 0);
  const kept = [], wanted = new Set(at), steps = at[at.length - 1];
  for (let k = 0; k <= steps; k++) {
    const { loss, g } = gradient(w, n);
    if (wanted.has(k)) kept.push({ step: k, weights: w, loss });
    change = change.map((c, i) => MOMENTUM * c - lr * g[i]);
    w = w.map((v, i) => v + change[i]);
  }
  return kept;
}

/** The four points: hidden activations, weighted sum, output. */
export const pointsOf = (w, n) => INPUTS.map((x) => forward(w, n, x));

/** How many outputs are nearer than 0.2 to their targets. */
export const learned = (points) => points.filter(({ y }, i) => Math.abs(y - TARGETS[i]) < NEAR).length;

/** Pairs of points with different targets that lie at (nearly) the same place in hidden space. */
export function mergedPairs(points, near = 0.06) {
  const pairs = [];
  points.forEach((p, i) => points.slice(i + 1).forEach((q, k) => {
    const j = i + 1 + k, gap = Math.max(...p.hidden.map((v, u) => Math.abs(v - q.hidden[u])));
    if (TARGETS[i] !== TARGETS[j] && gap < near) pairs.push([CASES[i], CASES[j]]);
  }));
  return pairs;
}

/** Groups of points that lie near each other in a picture, as lists of indices. */
export function groups(places, near) {
  const found = [];
  places.forEach((p, i) => {
    const home = found.find((group) => group.some((k) =>
      Math.abs(places[k][0] - p[0]) < near[0] && Math.abs(places[k][1] - p[1]) < near[1]));
    if (home) home.push(i);
    else found.push([i]);
  });
  return found;
}

/** Where a x + b y + c = 0 crosses the square [lo, hi]²: two points or null. */
export function cross(a, b, c, lo, hi) {
  const ends = [], add = (x, y) => {
    const inside = x >= lo - 1e-9 && x <= hi + 1e-9 && y >= lo - 1e-9 && y <= hi + 1e-9;
    if (inside && !ends.some((p) => Math.hypot(p[0] - x, p[1] - y) < 1e-6)) ends.push([x, y]);
  };
  if (b) [lo, hi].forEach((x) => add(x, -(a * x + c) / b));
  if (a) [lo, hi].forEach((y) => add(-(b * y + c) / a, y));
  return ends.length === 2 ? ends : null;
}

/** The part of the square [lo, hi]² where a x + b y + c > 0, as corners. */
export function positive(a, b, c, lo, hi) {
  const corners = [[lo, lo], [hi, lo], [hi, hi], [lo, hi]], kept = [];
  const value = (p) => a * p[0] + b * p[1] + c;
  corners.forEach((p, i) => {
    const q = corners[(i + 1) % 4], u = value(p), v = value(q);
    if (u > 0) kept.push(p);
    if (u * v < 0) kept.push([p[0] + (u / (u - v)) * (q[0] - p[0]), p[1] + (u / (u - v)) * (q[1] - p[1])]);
  });
  return kept;
}

// ---- pictures ----------------------------------------------------------------------------

const SIDE = 312, LEFT = 40, TOP = 30, ROOM = 256, EDGE = 0.25, CELLS = 40, TALL = 396;
const WIDE = 640, NARROW = 280, LOW = 160, MOST = 8;
const quiet = "font-size:11px;fill:var(--dlw-neutral)";

/** From data in [lo, hi]² to the picture's own units. */
const scale = (lo, hi) => ({
  X: (v) => LEFT + ((v - lo) / (hi - lo)) * ROOM,
  Y: (v) => TOP + ROOM - ((v - lo) / (hi - lo)) * ROOM,
});
const OUTER = scale(-EDGE, 1 + EDGE), INNER = scale(-0.08, 1.08);

function mark(x, y, one, size = 1) {
  const look = { stroke: "#fff", "stroke-width": 1.3, fill: one ? COLORS.class1 : COLORS.class0 };
  const half = 5.5 * size;
  return one ? s("rect", { x: x - half, y: y - half, width: 2 * half, height: 2 * half, ...look })
    : s("circle", { cx: x, cy: y, r: 8 * size, ...look });
}

/** Places around a point, further and further off, for labels that find none beside it. */
const around = (x, y, half) => [20, 32, 46, 62, 80].flatMap((r) => Array.from({ length: 16 }, (_, k) => {
  const turn = (k * Math.PI) / 8;
  return [x + Math.cos(turn) * (r + half - 8), y - Math.sin(turn) * r];
}));

/** The first place beside these points (or near them) where a label meets no mark or label. */
function labelPlace([x0, x1], [y0, y1], half, taken) {
  const options = [[x1 + 11 + half, y0 - 8], [x0 - 11 - half, y0 - 8], [x1 + 11 + half, y1 + 9],
    [x0 - 11 - half, y1 + 9], [(x0 + x1) / 2, y0 - 19], [(x0 + x1) / 2, y1 + 20],
    ...around((x0 + x1) / 2, (y0 + y1) / 2, half)];
  const inside = ([x, y]) => x - half > LEFT - 8 && x + half < LEFT + ROOM + 14 && y > TOP - 4 && y < TOP + ROOM - 4;
  const free = ([x, y]) => taken.every(([a, b, w, t]) => Math.abs(x - a) >= half + w - 1 || Math.abs(y - b) >= 9 + t - 1);
  return options.find((p) => inside(p) && free(p)) ?? options.find(inside) ?? options[0];
}

/** A thin line from a point to its label, where the label had to move away. */
function leader([x, y], [a, b], half) {
  const end = [clamp(x, a - half - 2, a + half + 2), clamp(y, b - 8, b + 8)];
  const far = Math.hypot(end[0] - x, end[1] - y) > 15;
  return far ? [s("line", { x1: x, y1: y, x2: end[0], y2: end[1], stroke: COLORS.ink, "stroke-width": 0.9 })] : [];
}

/** The four marks, circles below squares, and one label for points that lie together. */
function marks(places, near) {
  const order = [0, 3, 1, 2].map((i) => mark(...places[i], TARGETS[i] === 1));
  const taken = places.map(([x, y]) => [x, y, 8, 8]), style = "font-weight:600;paint-order:stroke;stroke:#fff;stroke-width:3px";
  const labels = groups(places, near).flatMap((group) => {
    const text = group.map((i) => CASES[i]).join(" "), half = text.length * 4.4;
    const xs = group.map((i) => places[i][0]), ys = group.map((i) => places[i][1]);
    const place = labelPlace([Math.min(...xs), Math.max(...xs)], [Math.min(...ys), Math.max(...ys)], half, taken);
    taken.push([...place, half, 9]);
    return [...leader(places[group[0]], place, half), words(...place, text, style)];
  });
  return [...labels.filter((el) => el.tagName === "line"), ...order, ...labels.filter((el) => el.tagName !== "line")];
}

function frame({ X, Y }, at, nameX, nameY) {
  const edge = { fill: "none", stroke: COLORS.neutral, "stroke-width": 0.8, opacity: 0.6 };
  const turned = words(0, 0, nameY, quiet);
  turned.setAttribute("transform", `translate(9 ${TOP + ROOM / 2}) rotate(-90)`);
  return [s("rect", { x: LEFT, y: TOP, width: ROOM, height: ROOM, ...edge }),
    ...at.flatMap((v) => [words(X(v), TOP + ROOM + 11, String(v), quiet), words(LEFT - 11, Y(v), String(v), quiet)]),
    words(LEFT + ROOM / 2, TOP + ROOM + 27, nameX, quiet), turned];
}

const title = (text) => words(LEFT + ROOM / 2, 14, text, "font-size:13px;font-weight:600");
const segment = ([[x1, y1], [x2, y2]], { X, Y }, look) =>
  s("line", { x1: X(x1), y1: Y(y1), x2: X(x2), y2: Y(y2), ...look });

/** Cells of the input plane, made once; paint() gives each the opacity of its output. */
function cells() {
  const size = ROOM / CELLS, middle = (k) => -EDGE + ((k + 0.5) / CELLS) * (1 + 2 * EDGE);
  const all = Array.from({ length: CELLS * CELLS }, (_, k) => {
    const i = k % CELLS, j = Math.floor(k / CELLS);
    const el = s("rect", { x: LEFT + i * size, y: TOP + ROOM - (j + 1) * size, width: size, height: size,
      fill: COLORS.class1, "shape-rendering": "crispEdges" });
    return { el, x: [middle(i), middle(j)] };
  });
  const paint = (w, n) => all.forEach(({ el, x }) => {
    const { y } = forward(w, n, x);
    el.setAttribute("fill-opacity", (y > 0.5 ? 0.14 + 0.36 * (y - 0.5) : 0.08 * y).toFixed(3));
  });
  return { group: s("g", {}, ...all.map(({ el }) => el)), paint };
}

function drawPlane(parts, w, n, points) {
  parts.cells.paint(w, n);
  const lines = Array.from({ length: n }, (_, j) => cross(w[j], w[n + j], w[2 * n + j], -EDGE, 1 + EDGE))
    .filter(Boolean).map((ends) => segment(ends, OUTER, { stroke: COLORS.weights,
      "stroke-width": n > 4 ? 1 : 1.6, "stroke-dasharray": "6 4" }));
  const places = INPUTS.map(([x, y]) => [OUTER.X(x), OUTER.Y(y)]);
  parts.outer.replaceChildren(...lines, ...marks(places, [1, 1]));
  const above = CASES.filter((_, i) => points[i].y > 0.5).join(", ") || "none of them";
  describe(parts.plane, fill(TEXT.plane, { list: above }));
}

function trails(run, last, n, i, j) {
  return INPUTS.map((x, k) => {
    const path = run.slice(0, last + 1).map(({ weights }) => forward(weights, n, x).hidden)
      .map((a) => `${INNER.X(a[i]).toFixed(1)},${INNER.Y(a[j]).toFixed(1)}`).join(" ");
    return s("polyline", { points: path, fill: "none", stroke: TARGETS[k] ? COLORS.class1 : COLORS.class0,
      "stroke-width": 1.4, opacity: 0.45 });
  });
}

/** The weighted sums on one line: right of 0 the output is above one half. */
function sums(points) {
  const Z = (z) => LEFT + ROOM / 2 + (clamp(z, -MOST, MOST) / MOST) * (ROOM / 2), y = TOP + ROOM + 66;
  const line = { stroke: COLORS.neutral, "stroke-width": 1 };
  const places = points.map(({ z }) => [Z(z), y]);
  return [words(LEFT + ROOM / 2, y - 22, TEXT.sum, quiet),
    s("rect", { x: Z(0), y: y - 10, width: ROOM / 2, height: 20, fill: COLORS.class1, opacity: 0.14 }),
    s("line", { x1: LEFT, x2: LEFT + ROOM, y1: y, y2: y, ...line }),
    s("line", { x1: Z(0), x2: Z(0), y1: y - 12, y2: y + 12, stroke: COLORS.ink, "stroke-width": 1.6 }),
    ...[-MOST, 0, MOST].map((v) => words(Z(v), y + 26, number(v, 0), quiet)),
    ...[0, 3, 1, 2].map((i) => mark(...places[i], TARGETS[i] === 1))];
}

function drawSpace(parts, view, w, n, points) {
  const { i, j } = view, parted = n === 2 && i !== j;
  const [a, b, c] = [w[3 * n + i], w[3 * n + j], w[4 * n]];
  const side = parted ? positive(a, b, c, -0.08, 1.08) : [];
  const ends = parted ? cross(a, b, c, -0.08, 1.08) : null;
  const places = points.map(({ hidden }) => [INNER.X(hidden[i]), INNER.Y(hidden[j])]);
  parts.inner.replaceChildren(
    s("polygon", { points: side.map(([x, y]) => `${INNER.X(x)},${INNER.Y(y)}`).join(" "), fill: COLORS.class1, opacity: 0.16 }),
    ...(ends ? [segment(ends, INNER, { stroke: COLORS.ink, "stroke-width": 2 })] : []),
    ...trails(view.run, view.at, n, i, j),
    ...frame(INNER, [0, 0.5, 1], fill(TEXT.unit, { i: i + 1 }), fill(TEXT.unit, { i: j + 1 })),
    ...sums(points), ...marks(places, [6, 6]));
  const told = points.map(({ hidden }, k) => `${CASES[k]} at (${number(hidden[i])}, ${number(hidden[j])})`);
  describe(parts.space, fill(TEXT.space, { i: i + 1, j: j + 1, places: told.join("; "),
    sums: points.map(({ z }, k) => `${CASES[k]} ${number(z, 1)}`).join(", ") }));
}

function drawLoss(parts, view, steps) {
  const { run, at, wide } = view, top = 18, base = LOW - 38, first = 46, last = wide - 18;
  const most = Math.max(1, ...run.map(({ loss }) => loss));
  const X = (k) => first + Math.sqrt(k / steps) * (last - first), Y = (v) => base - (v / most) * (base - top);
  const grid = { stroke: COLORS.neutral, "stroke-width": 0.5, opacity: 0.3 };
  const path = (part) => part.map(({ step, loss }) => `${X(step).toFixed(1)},${Y(loss).toFixed(1)}`).join(" ");
  const look = { fill: "none", stroke: COLORS.loss, "stroke-linejoin": "round" };
  const now = run[at];
  for (const [name, value] of [["viewBox", `0 0 ${wide} ${LOW}`], ["width", wide]]) parts.curve.setAttribute(name, value);
  parts.curve.replaceChildren(
    ...[0, 0.5, 1].flatMap((v) => [s("line", { x1: first, x2: last, y1: Y(v), y2: Y(v), ...grid }),
      words(first - 20, Y(v), String(v), quiet)]),
    ...[0, 0.04, 0.16, 0.36, 0.64, 1].map((v) => words(X(v * steps), base + 13, String(Math.round(v * steps)), quiet)),
    words((first + last) / 2, LOW - 9, TEXT.steps, quiet), words(first + 2, 8, TEXT.loss, quiet),
    s("polyline", { points: path(run), ...look, "stroke-width": 1.2, opacity: 0.35 }),
    s("polyline", { points: path(run.slice(0, at + 1)), ...look, "stroke-width": 2.6 }),
    s("circle", { cx: X(now.step), cy: Y(now.loss), r: 5, fill: COLORS.loss, stroke: "#fff", "stroke-width": 1.5 }));
  describe(parts.curve, fill(TEXT.curve, { steps, step: now.step, start: number(run[0].loss),
    now: number(now.loss), end: number(run[run.length - 1].loss, 3) }));
}

// ---- state and words ---------------------------------------------------------------------

const short = (v) => String(Number(v.toPrecision(3)));

function verdict(points, at, end) {
  const n = learned(points);
  if (n === 4) return TEXT.learned;
  if (at === 0) return TEXT.before;
  if (at < end) return fill(TEXT.going, { n });
  const pairs = mergedPairs(points).map((pair) => pair.join(" and "));
  return fill(TEXT.stuck, { n }) + (pairs.length ? fill(TEXT.merged, { pair: pairs.join(", and ") }) : TEXT.apart);
}

function sentence(model, view, points) {
  const units = model.get("hidden"), now = view.run[view.at], end = view.run.length - 1;
  const outputs = points.map(({ y }, i) => `${CASES[i]} → ${number(y)}`).join(", ");
  const head = fill(TEXT.now, { units, rate: short(model.get("lr")), seed: model.get("seed"), step: now.step,
    loss: number(now.loss, 3), outputs });
  const here = fill(TEXT.note, { name: units, rate: short(model.get("lr")), seed: "" });
  const seeds = view.stuck.filter((text) => text.startsWith(here)).map((text) => text.slice(here.length));
  const list = seeds.length ? `\n${fill(TEXT.tried, { list: seeds.join(", ") })}` : "";
  return head + verdict(points, view.at, end) + list;
}

/** The place of the entry next to this step. */
const nearest = (schedule, step) => schedule.reduce((best, k, i) =>
  (Math.abs(k - step) < Math.abs(schedule[best] - step) ? i : best), 0);

/** Train anew with the present settings. */
function retrain(model, view) {
  const n = model.get("hidden"), start = model.get("starts")[String(n)][model.get("seed")];
  view.run = train(start, n, model.get("lr"), view.schedule);
  view.solved = learned(pointsOf(view.run[view.run.length - 1].weights, n)) === 4;
  if (view.i >= n || view.j >= n) Object.assign(view, { i: 0, j: 1 });
}

/** A training counts as stuck once the reader has gone to its end. */
function remember(model, view) {
  const name = model.get("hidden"), rate = short(model.get("lr")), seed = model.get("seed");
  const note = fill(TEXT.note, { name, rate, seed });
  const ended = view.at === view.run.length - 1;
  if (ended && !view.solved && !view.stuck.includes(note)) view.stuck = [...view.stuck, note];
}

/** Tell Python what the reader has found. */
function store(model, view) {
  const now = view.run[view.at];
  model.set("solved", view.solved);
  model.set("stuck", view.stuck);
  model.set("weights", now.weights);
  model.save_changes();
}

function draw(model, view, parts) {
  const n = model.get("hidden"), { weights } = view.run[view.at], points = pointsOf(weights, n);
  drawPlane(parts, weights, n, points);
  drawSpace(parts, view, weights, n, points);
  drawLoss(parts, view, model.get("steps"));
  for (const axis of ["i", "j"]) {
    parts[axis].row.style.display = n > 2 ? "" : "none";
    parts[axis].input.max = n;
    parts[axis].set(view[axis] + 1);
  }
  parts.say.textContent = sentence(model, view, points);
}

function legend() {
  const icon = (...kids) => s("svg", { width: 22, height: 16, "aria-hidden": "true",
    style: "vertical-align:-3px;margin-right:.3rem;background:#fff;border-radius:3px" }, ...kids);
  const dashed = s("line", { x1: 1, x2: 21, y1: 8, y2: 8, stroke: COLORS.weights, "stroke-width": 1.8, "stroke-dasharray": "5 3" });
  const shade = s("rect", { x: 2, y: 2, width: 18, height: 12, fill: COLORS.class1, opacity: 0.3 });
  const entry = (art, text) => h("span", { style: "white-space:nowrap" }, icon(art), text);
  return h("p", { style: "display:flex;flex-wrap:wrap;gap:0 1.2rem;font-size:.85rem;margin:0 0 .5rem" },
    entry(mark(11, 8, false, 0.8), TEXT.legend[0]), entry(mark(11, 8, true, 0.9), TEXT.legend[1]),
    entry(shade, TEXT.shade), entry(dashed, TEXT.lines));
}

/** The sliders; set(name, value) changes a trait and everything that follows from it. */
function controls(model, view, set, redraw) {
  const sizes = model.get("sizes"), rates = model.get("rates");
  const pick = (text, list, name, format) => slider(text, { min: 0, max: list.length - 1, step: 1,
    value: Math.max(list.indexOf(model.get(name)), 0), format: (k) => format(list[k]) }, (k) => set(name, list[k]));
  const axis = (text, name) => slider(text, { min: 1, max: model.get("hidden"), step: 1, value: view[name] + 1,
    format: String }, (v) => { view[name] = v - 1; redraw(); });
  return {
    hidden: pick(TEXT.hidden, sizes, "hidden", String),
    lr: pick(TEXT.rate, rates, "lr", short),
    seed: slider(TEXT.seed, { min: 0, max: model.get("starts")[String(sizes[0])].length - 1, step: 1,
      value: model.get("seed"), format: (v) => fill(TEXT.seedIs, { seed: v }) }, (v) => set("seed", v)),
    step: slider(TEXT.step, { min: 0, max: view.schedule.length - 1, step: 1,
      value: nearest(view.schedule, model.get("step")), format: (i) => String(view.schedule[i]) },
    (i) => set("step", view.schedule[i])),
    i: axis(TEXT.across, "i"),
    j: axis(TEXT.up, "j"),
  };
}

function render({ model, el }) {
  const view = { i: 0, j: 1, run: [], at: 0, wide: WIDE, stuck: model.get("stuck"), schedule: schedule(model.get("steps")) };
  const plane = picture({ width: SIDE, height: TALL - 68 }), space = picture({ width: SIDE, height: TALL });
  const parts = { plane, space, curve: picture({ width: WIDE, height: LOW }), frame: h("div", {}), cells: cells(),
    outer: s("g", {}), inner: s("g", {}), say: status() };
  plane.append(title(TEXT.input), parts.cells.group, ...frame(OUTER, [0, 1], "x₁", "x₂"), parts.outer);
  space.append(title(TEXT.inner), parts.inner);
  const redraw = () => draw(model, view, parts);
  const show = (again) => {
    if (again) retrain(model, view);
    view.at = nearest(view.schedule, model.get("step"));
    remember(model, view);
    redraw();
  };
  const set = (name, value) => {
    model.set(name, value);
    show(name !== "step");
    store(model, view);
  };
  const rows = controls(model, view, set, redraw);
  Object.assign(parts, { i: rows.i, j: rows.j });
  show(true);
  const flex = "display:flex;flex-wrap:wrap;gap:0 .8rem;justify-content:center;align-items:flex-start";
  const sync = (name, value) => listen(model, [name], () => { show(name !== "step"); rows[name].set(value()); });
  parts.frame.append(parts.curve);
  box(model, el, h("p", {}, model.get("task")), legend(), h("div", { style: flex }, plane, space), parts.frame,
    rows.step.row, buttons(player(rows.step, (i) => set("step", view.schedule[i]), 45)), rows.hidden.row, rows.lr.row,
    rows.seed.row, rows.i.row, rows.j.row, parts.say);
  const fit = () => { // letters keep their size on a narrow screen
    const wide = Math.round(clamp(parts.frame.clientWidth || WIDE, NARROW, WIDE));
    if (wide === view.wide) return;
    view.wide = wide;
    drawLoss(parts, view, model.get("steps"));
  };
  fit();
  const index = (list, name) => () => Math.max(model.get(list).indexOf(model.get(name)), 0);
  const ends = [sync("hidden", index("sizes", "hidden")), sync("lr", index("rates", "lr")),
    sync("seed", () => model.get("seed")), sync("step", () => view.at), follow(parts.frame, fit)];
  return () => ends.forEach((end) => end());
}
export default { render };
