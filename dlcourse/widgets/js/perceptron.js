// A perceptron trained by hand: drag the line, set the weights, or apply Rosenblatt's rule.
import { h, s, slider, box, status, button, buttons, picture, describe, words, fill, number, clamp, listen, freshId, COLORS } from "./common.js";

const TEXT = {
  sliders: ["weight w₁", "weight w₂", "bias b"],
  next: "Next sample",
  round: "One round",
  until: "Until no mistake (max {max} rounds)",
  reset: "Reset",
  seed: "order of samples",
  given: "as given",
  shuffled: "seed {seed}",
  accuracy: "accuracy {now} %",
  best: "best so far {best} %",
  mistakes: "{updates} mistakes corrected",
  bound: "{updates} mistakes corrected (bound {bound})",
  change: "The change of (w₁, w₂)",
  noChange: "no change yet",
  history: "Mistakes in each round",
  noHistory: "no round yet",
  now: "Line: {w1} x₁ + {w2} x₂ + {b} = 0. {right} of {n} points on their own side.",
  noLine: "w₁ and w₂ are 0, so there is no line yet. {right} of {n} points on their own side. "
    + "Move a slider of w₁ or w₂, or start the rule.",
  wrong: "Sample {i}: x = ({x1}, {x2}), y = {y}. Score w · x = {score}, so y (w · x) ≤ 0: a mistake. "
    + "w ← w + y x = ({w1}, {w2}, {b}).",
  right: "Sample {i}: x = ({x1}, {x2}), y = {y}. Score w · x = {score}: right side, nothing changes.",
  settled: "A round without a mistake: the rule has settled after {rounds} rounds.",
  unsettled: "Still {mistakes} mistakes in round {rounds}. The rule goes on changing the line.",
  plane: "Plane with {n} points of two classes and the line between them. {state}",
  arrows: "Arrow diagram. Weights before ({a1}, {a2}), change ({d1}, {d2}), after ({b1}, {b2}).",
  bars: "Bar chart of mistakes in each round: {list}.",
  move: "drag to move the line",
  turn: "drag to turn the line",
};

// ---- the mathematics ---------------------------------------------------------------------

/** w . x with x = (x1, x2, 1). */
export const score = (w, p) => w[0] * p[0] + w[1] * p[1] + w[2];

/** One sample of Rosenblatt's rule: the new weights, and what happened. */
export function step(w, p) {
  const value = score(w, p), wrong = p[2] * value <= 0;
  const weights = wrong ? [w[0] + p[2] * p[0], w[1] + p[2] * p[1], w[2] + p[2]] : [...w];
  return { score: value, wrong, weights };
}

export const accuracy = (w, points) =>
  points.filter((p) => p[2] * score(w, p) > 0).length / points.length;

/** Random numbers from 0 to 1 that are the same everywhere (mulberry32, Tommy Ettinger 2017). */
export function randoms(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** The order of n samples in one round. Seed 0 keeps the rows as they stand. */
export function order(n, seed, round) {
  const rows = Array.from({ length: n }, (_, i) => i);
  if (seed === 0) return rows;
  const random = randoms(1000 * seed + round);
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [rows[i], rows[j]] = [rows[j], rows[i]];
  }
  return rows;
}

/** Look at `count` more samples. State: { weights, seen, updates, best, history, last }. */
export function advance(state, points, seed, count) {
  const now = { ...state, weights: [...state.weights], history: [...state.history] };
  for (let k = 0; k < count; k++) {
    const round = Math.floor(now.seen / points.length), place = now.seen % points.length;
    const i = order(points.length, seed, round)[place], before = now.weights;
    const result = step(before, points[i]);
    if (place === 0) now.history.push(0);
    if (result.wrong) now.history[now.history.length - 1] += 1;
    now.updates += result.wrong ? 1 : 0;
    now.weights = result.weights;
    now.best = Math.max(now.best, accuracy(now.weights, points));
    now.seen += 1;
    now.last = { ...result, i, before };
  }
  return now;
}

/** Whole rounds until one has no mistake, at most `most` of them. */
export function untilClean(state, points, seed, most) {
  let now = state;
  for (let k = 0; k < most; k++) {
    now = advance(now, points, seed, points.length - (now.seen % points.length));
    if (now.history[now.history.length - 1] === 0) break;
  }
  return now;
}

/** Where the line meets the frame { x: [lo, hi], y: [lo, hi] }: two points or null. */
export function lineEnds([w1, w2, b], { x: [x0, x1], y: [y0, y1] }) {
  const ends = [], near = 1e-9 * (x1 - x0 + y1 - y0);
  const add = (x, y) => {
    const inside = x >= x0 - near && x <= x1 + near && y >= y0 - near && y <= y1 + near;
    const known = ends.some((p) => Math.abs(p[0] - x) + Math.abs(p[1] - y) < 1e-6 * (x1 - x0 + y1 - y0));
    if (inside && !known) ends.push([x, y]);
  };
  if (w2) [x0, x1].forEach((x) => add(x, -(w1 * x + b) / w2));
  if (w1) [y0, y1].forEach((y) => add(-(w2 * y + b) / w1, y));
  return ends.length === 2 ? ends : null;
}

/** The corners of the part of the frame where the score is positive. */
export function positiveSide(w, { x: [x0, x1], y: [y0, y1] }) {
  const corners = [[x0, y0], [x1, y0], [x1, y1], [x0, y1]], kept = [];
  corners.forEach((p, i) => {
    const q = corners[(i + 1) % 4], a = score(w, p), b = score(w, q), t = a / (a - b);
    if (a > 0) kept.push(p);
    if (a * b < 0) kept.push([p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1])]);
  });
  return kept;
}

/** The line through p with the same direction: only the bias changes. */
export const moveTo = (w, p) => [w[0], w[1], -(w[0] * p[0] + w[1] * p[1])];

/** The line through two points, its weights as long as before and on the same side. */
export function turnTo(w, centre, q) {
  const dx = q[0] - centre[0], dy = q[1] - centre[1], far = Math.hypot(dx, dy);
  if (far < 1e-9) return w;
  const size = Math.hypot(w[0], w[1]), side = -dy * w[0] + dx * w[1] >= 0 ? 1 : -1;
  return moveTo([(-dy / far) * size * side, (dx / far) * size * side, 0], centre);
}

// ---- the picture of the plane ------------------------------------------------------------

const SIZE = 320, PAD = 34;

/** Axes around the data and the corner (0, 0) if it is near; square if both ranges are alike. */
export function frameOf(points) {
  const range = (k) => {
    const values = points.map((p) => p[k]), lo = Math.min(...values), hi = Math.max(...values);
    const edge = 0.2 * (hi - lo || 1);
    return [lo - edge, hi + edge];
  };
  const x = range(0), y = range(1), wide = x[1] - x[0], tall = y[1] - y[0];
  if (Math.max(wide, tall) > 1.6 * Math.min(wide, tall)) return { x, y };
  const grow = ([lo, hi], want) => [(lo + hi - want) / 2, (lo + hi + want) / 2];
  const both = Math.max(wide, tall);
  return { x: grow(x, both), y: grow(y, both) };
}

function scales({ x, y }) {
  const room = SIZE - PAD - 6;
  return {
    X: (v) => PAD + ((v - x[0]) / (x[1] - x[0])) * room,
    Y: (v) => 6 + room - ((v - y[0]) / (y[1] - y[0])) * room,
    back: (px, py) => [x[0] + ((px - PAD) / room) * (x[1] - x[0]), y[0] + ((6 + room - py) / room) * (y[1] - y[0])],
  };
}

/** Three or four round numbers inside a range. */
export function ticks([lo, hi]) {
  const rough = (hi - lo) / 4, power = 10 ** Math.floor(Math.log10(rough));
  const gap = [1, 2, 5, 10].map((k) => k * power).find((v) => v >= rough);
  const first = Math.ceil(lo / gap), count = Math.floor(hi / gap) - first + 1;
  return Array.from({ length: count }, (_, i) => Number(((first + i) * gap).toPrecision(6)));
}

function axes(model, frame, { X, Y }) {
  const [nameX, nameY] = model.get("axes"), base = SIZE - PAD, small = "font-size:11px;fill:var(--dlw-neutral)";
  const grid = { stroke: COLORS.neutral, "stroke-width": 0.5, opacity: 0.25 };
  const across = ticks(frame.x).flatMap((v) => [
    s("line", { x1: X(v), x2: X(v), y1: 6, y2: base, ...grid }), words(X(v), base + 10, short(v), small)]);
  const up = ticks(frame.y).flatMap((v) => [
    s("line", { x1: PAD, x2: SIZE - 6, y1: Y(v), y2: Y(v), ...grid }), words(PAD - 13, Y(v), short(v), small)]);
  const turned = words(0, 0, nameY, small);
  turned.setAttribute("transform", `translate(8 ${(6 + base) / 2}) rotate(-90)`);
  return [...across, ...up, words((PAD + SIZE) / 2, SIZE - 8, nameX, small), turned];
}

const short = (v) => number(v, Number.isInteger(v) ? 0 : Math.abs(v) < 0.1 ? 3 : 2);

// As in the figures: the class +1 is an orange square, the class −1 a blue circle.
function mark([x, y, label], { X, Y }, wrong, current) {
  const cx = X(x), cy = Y(y);
  const look = { fill: label > 0 ? COLORS.class1 : COLORS.class0, stroke: "#fff", "stroke-width": 1.2 };
  const shape = label > 0 ? s("rect", { x: cx - 6, y: cy - 6, width: 12, height: 12, ...look })
    : s("circle", { cx, cy, r: 6.5, ...look });
  const cross = s("path", { d: `M${cx - 5} ${cy - 5}l10 10m0 -10l-10 10`, stroke: "#fff",
    "stroke-width": 2, visibility: wrong ? null : "hidden" });
  const ring = s("circle", { cx, cy, r: 13, fill: "none", stroke: COLORS.ink, "stroke-width": 2,
    visibility: current ? null : "hidden" });
  return s("g", {}, ring, shape, cross);
}

function lineArt(w, frame, { X, Y }, look) {
  const ends = lineEnds(w, frame);
  if (!ends) return [];
  const [[x1, y1], [x2, y2]] = ends;
  return [s("line", { x1: X(x1), y1: Y(y1), x2: X(x2), y2: Y(y2), ...look })];
}

// ---- the two small pictures --------------------------------------------------------------

const SMALL = { width: 190, height: 150 };

function arrow(from, to, colour, dashed) {
  const angle = Math.atan2(to[1] - from[1], to[0] - from[0]);
  const wing = (turn) => [to[0] - 9 * Math.cos(angle + turn), to[1] - 9 * Math.sin(angle + turn)];
  const head = [to, wing(0.4), wing(-0.4)].map((p) => p.join(",")).join(" ");
  return s("g", {},
    s("line", { x1: from[0], y1: from[1], x2: to[0], y2: to[1], stroke: colour, "stroke-width": 2.5,
      "stroke-dasharray": dashed ? "5 4" : null }), s("polygon", { points: head, fill: colour }));
}

/** Scale that shows the origin and all these points in the small picture, equal on both axes. */
function fit(points) {
  const all = [[0, 0], ...points], range = (k) => all.map((p) => p[k]);
  const [x0, x1, y0, y1] = [Math.min(...range(0)), Math.max(...range(0)), Math.min(...range(1)), Math.max(...range(1))];
  const unit = Math.min(140 / (x1 - x0 || 1), 84 / (y1 - y0 || 1), 60);
  return ([x, y]) => [95 + unit * (x - (x0 + x1) / 2), 84 - unit * (y - (y0 + y1) / 2)];
}

function drawChange(svg, last) {
  const title = words(95, 13, TEXT.change, "font-size:12px;font-weight:600");
  const hint = words(95, 80, TEXT.noChange, "fill:var(--dlw-neutral)");
  describe(svg, `${TEXT.change}: ${TEXT.noChange}`);
  if (!last || !last.wrong) return svg.replaceChildren(title, hint);
  const a = last.before.slice(0, 2), b = last.weights.slice(0, 2), place = fit([a, b]);
  const zero = place([0, 0]), moved = b[0] !== a[0] || b[1] !== a[1];
  const key = [["w", COLORS.weights, 40], ["+ y x", COLORS.gradients, 92], ["new w", COLORS.ink, 150]];
  svg.replaceChildren(title, s("circle", { cx: zero[0], cy: zero[1], r: 3, fill: COLORS.neutral }),
    ...(a[0] || a[1] ? [arrow(zero, place(a), COLORS.weights, false)] : []),
    ...(moved ? [arrow(place(a), place(b), COLORS.gradients, true)] : []),
    ...(b[0] || b[1] ? [arrow(zero, place(b), COLORS.ink, false)] : []),
    ...key.map(([text, colour, x]) => words(x, 140, text, `font-size:12px;font-weight:600;fill:${colour}`)));
  describe(svg, fill(TEXT.arrows, { a1: short(a[0]), a2: short(a[1]), b1: short(b[0]), b2: short(b[1]),
    d1: short(b[0] - a[0]), d2: short(b[1] - a[1]) }));
  return undefined;
}

function drawHistory(svg, history) {
  const title = words(95, 13, TEXT.history, "font-size:12px;font-weight:600");
  const shown = history.slice(-40), most = Math.max(...shown, 1), gap = Math.min(170 / shown.length, 24);
  const bars = shown.map((count, i) => s("rect", { x: 12 + i * gap, width: Math.max(gap - 2, 1.5),
    y: 128 - (86 * count) / most, height: (86 * count) / most, fill: COLORS.loss }));
  const labels = gap >= 11 ? shown.map((count, i) => words(12 + i * gap + gap / 2 - 1,
    120 - (86 * count) / most, String(count), "font-size:11px")) : [words(26, 33, String(most), "font-size:11px")];
  const base = s("line", { x1: 10, x2: 182, y1: 128, y2: 128, stroke: COLORS.neutral });
  const first = history.length - shown.length + 1;
  const foot = `${first}${shown.length > 1 ? ` … ${history.length}` : ""}`;
  svg.replaceChildren(title, base, ...(shown.length
    ? [...bars, ...labels, words(95, 140, foot, "font-size:11px;fill:var(--dlw-neutral)")]
    : [words(95, 80, TEXT.noHistory, "fill:var(--dlw-neutral)")]));
  describe(svg, fill(TEXT.bars, { list: history.join(", ") || TEXT.noHistory }));
}

// ---- state, controls, drawing ------------------------------------------------------------

const stateOf = (model, last) => ({ ...Object.fromEntries(["weights", "seen", "updates", "best", "history"]
  .map((name) => [name, model.get(name)])), last });

function store(model, state) {
  for (const name of ["seen", "updates", "history", "best"]) model.set(name, state[name]);
  const share = accuracy(state.weights, model.get("points"));
  model.set("best", Math.max(state.best, share));
  model.set("accuracy", share);
  model.set("weights", state.weights);
  model.save_changes();
}

function train(model, view, run) {
  const after = run(stateOf(model, view.last));
  Object.assign(view, { last: after.last, ghost: model.get("weights"), note: "" });
  store(model, after);
  const n = model.get("points").length, rounds = after.history.length, mistakes = after.history[rounds - 1];
  if (after.seen % n === 0) view.note = ` ${fill(mistakes ? TEXT.unsettled : TEXT.settled, { rounds, mistakes })}`;
  view.draw();
}

function byHand(model, view, weights) {
  Object.assign(view, { last: null, ghost: null, note: "" });
  store(model, { ...stateOf(model, null), weights });
  view.draw();
}

function reset(model, view) {
  Object.assign(view, { last: null, ghost: null, note: "" });
  store(model, { weights: [0, 0, 0], seen: 0, updates: 0, best: 0, history: [] });
  view.draw();
}

function trainButtons(model, view) {
  const points = model.get("points"), most = model.get("max_epochs");
  const go = (count) => train(model, view, (state) => advance(state, points, model.get("seed"), count(state)));
  return buttons(
    button(TEXT.next, () => go(() => 1)),
    button(TEXT.round, () => go((state) => points.length - (state.seen % points.length))),
    button(fill(TEXT.until, { max: most }),
      () => train(model, view, (state) => untilClean(state, points, model.get("seed"), most))),
    button(TEXT.reset, () => reset(model, view)));
}

/** A round slider range that holds the weights and makes sense for the data. */
export function reach(weights, frame) {
  const data = Math.max(...frame.x.map(Math.abs), ...frame.y.map(Math.abs), 2);
  const most = Math.max(...weights.map(Math.abs), 1.5 * data);
  return [2, 5, 10, 20, 50, 100, 200, 500, 1000].find((v) => v >= most) ?? Math.ceil(most);
}

/** Pointer: drag a handle. start(point) once, then move(point) with the pointer in data units. */
function draggable(handle, svg, { back }, start, move) {
  const at = (event) => {
    const p = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    return back(clamp(p.x, PAD, SIZE - 6), clamp(p.y, 6, SIZE - PAD));
  };
  handle.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    handle.setPointerCapture(event.pointerId);
    start(at(event));
    const slide = (e) => move(at(e));
    const stop = () => handle.removeEventListener("pointermove", slide);
    handle.addEventListener("pointermove", slide);
    handle.addEventListener("pointerup", stop, { once: true });
    handle.addEventListener("pointercancel", stop, { once: true });
  });
}

function handles(model, view, svg, scale) {
  const make = (title, look) => {
    const grip = s("circle", { r: 9, stroke: COLORS.weights, "stroke-width": 2.5, "aria-hidden": "true",
      style: "cursor:grab;touch-action:none", ...look }, s("title", {}, title));
    return grip;
  };
  const centre = make(TEXT.move, { fill: COLORS.paper }), ends = [0, 1].map(() => make(TEXT.turn, { fill: COLORS.weights }));
  let pivot = null;
  draggable(centre, svg, scale, () => {}, (p) => byHand(model, view, moveTo(model.get("weights"), p)));
  ends.forEach((end) => draggable(end, svg, scale, () => { pivot = view.middle; },
    (p) => byHand(model, view, turnTo(model.get("weights"), pivot, p))));
  return { centre, ends };
}

function placeHandles(view, { X, Y }, ends) {
  const show = (grip, p) => {
    grip.setAttribute("visibility", p ? "visible" : "hidden");
    if (p) [["cx", X(p[0])], ["cy", Y(p[1])]].forEach(([k, v]) => grip.setAttribute(k, v));
  };
  const mix = (t) => ends && [0, 1].map((k) => ends[0][k] + t * (ends[1][k] - ends[0][k]));
  view.middle = mix(0.5);
  show(view.grips.centre, view.middle);
  view.grips.ends.forEach((grip, i) => show(grip, mix(i ? 0.88 : 0.12)));
}

function sentence(model, last, note) {
  const points = model.get("points"), w = model.get("weights"), n = points.length;
  const right = points.filter((p) => p[2] * score(w, p) > 0).length;
  const [w1, w2, b] = w.map(short), line = fill(w[0] || w[1] ? TEXT.now : TEXT.noLine, { w1, w2, b, right, n });
  if (!last) return { line, text: line + note };
  const [x1, x2, y] = points[last.i].map(short), told = last.wrong ? TEXT.wrong : TEXT.right;
  const text = fill(told, { i: last.i + 1, x1, x2, y: last.wrong || points[last.i][2] < 0 ? y : `+${y}`,
    score: short(last.score), w1, w2, b });
  return { line, text: `${text}${note}\n${line}` };
}

function gauge(model) {
  const share = model.get("accuracy"), best = model.get("best"), percent = (v) => number(100 * v, 0);
  const wide = 400, bar = (x, width, colour) => s("rect", { x, y: 3, width, height: 12, rx: 3, fill: colour });
  const art = s("svg", { viewBox: `0 0 ${wide} 18`, width: wide, height: 18, class: "dlw-paper",
    "aria-hidden": "true", preserveAspectRatio: "none", style: "width:100%;height:18px;margin:0 0 .3rem" },
  bar(0, wide, "#e3e6ea"), bar(0, wide * share, COLORS.activations),
  s("rect", { x: clamp(wide * best - 2, 0, wide - 4), y: 0, width: 4, height: 18, fill: COLORS.ink }));
  const bound = model.get("bound"), count = { updates: model.get("updates"), bound: bound === null ? "" : number(bound, 1) };
  const facts = [fill(TEXT.accuracy, { now: percent(share) }), fill(TEXT.best, { best: percent(best) }),
    fill(bound === null ? TEXT.mistakes : TEXT.bound, count)];
  return [art, h("p", { style: "display:flex;flex-wrap:wrap;gap:0 1.4rem;margin:0;font-variant-numeric:tabular-nums" },
    ...facts.map((text) => h("span", {}, text)))];
}

function legend(model) {
  const shapes = [s("rect", { x: 1, y: 1, width: 12, height: 12, fill: COLORS.class1 }),
    s("circle", { cx: 7, cy: 7, r: 6, fill: COLORS.class0 })];
  return h("p", { style: "display:flex;flex-wrap:wrap;gap:0 1.2rem;font-size:.85rem;margin:0 0 .4rem" },
    ...model.get("classes").map((name, i) => h("span", {},
      s("svg", { width: 14, height: 14, "aria-hidden": "true", style: "vertical-align:-2px;margin-right:.35rem;background:none" }, shapes[i]), name)));
}

function draw(model, view, parts) {
  const { frame, scale } = view, w = model.get("weights"), points = model.get("points");
  const { line, text } = sentence(model, view.last, view.note), side = positiveSide(w, frame);
  view.layer.replaceChildren(
    s("polygon", { points: side.map(([x, y]) => `${scale.X(x)},${scale.Y(y)}`).join(" "), fill: COLORS.class1, opacity: 0.1 }),
    ...(view.ghost ? lineArt(view.ghost, frame, scale, { stroke: COLORS.neutral, "stroke-width": 1.5, "stroke-dasharray": "5 5" }) : []),
    ...lineArt(w, frame, scale, { stroke: COLORS.weights, "stroke-width": 3 }),
    ...points.map((p, i) => mark(p, scale, p[2] * score(w, p) <= 0, view.last?.i === i)));
  placeHandles(view, scale, lineEnds(w, frame));
  describe(parts.plane, fill(TEXT.plane, { n: points.length, state: line }));
  drawChange(parts.change, view.last);
  drawHistory(parts.history, model.get("history"));
  parts.gauge.replaceChildren(...gauge(model));
  parts.say.textContent = text;
  const most = reach(w, frame);
  parts.sliders.forEach((row, i) => {
    Object.assign(row.input, { min: -most, max: most, step: most / 100 });
    row.set(w[i]);
  });
}

function weightSlider(model, view, name, i) {
  return slider(name, { min: -10, max: 10, step: 0.1, value: 0, format: (v) => number(v) },
    (v) => byHand(model, view, model.get("weights").map((old, k) => (k === i ? v : old))));
}

function render({ model, el }) {
  const frame = frameOf(model.get("points")), scale = scales(frame);
  const view = { frame, scale, last: null, ghost: null, note: "", layer: s("g", {}) };
  const plane = picture({ width: SIZE, height: SIZE });
  const parts = { plane, change: picture(SMALL), history: picture(SMALL), say: status(), gauge: h("div", {}) };
  parts.sliders = TEXT.sliders.map((name, i) => weightSlider(model, view, name, i));
  view.draw = () => draw(model, view, parts);
  view.grips = handles(model, view, plane, scale);
  plane.append(...axes(model, frame, scale), view.layer, view.grips.centre, ...view.grips.ends);
  const seed = slider(TEXT.seed, { min: 0, max: 99, step: 1, value: model.get("seed"),
    format: (v) => (v ? fill(TEXT.shuffled, { seed: v }) : TEXT.given) },
  (v) => { model.set("seed", v); reset(model, view); });
  const side = h("div", {}, parts.change, parts.history);
  const flex = "display:flex;flex-wrap:wrap;gap:0 1.2rem;justify-content:center;align-items:flex-start";
  view.draw();
  box(model, el, h("p", {}, model.get("task")), legend(model), h("div", { style: flex }, plane, side),
    parts.gauge, ...parts.sliders.map(({ row }) => row), trainButtons(model, view), seed.row, parts.say);
  const ends = [listen(model, ["weights", "accuracy", "best", "history", "updates"], view.draw),
    listen(model, ["seed"], () => seed.set(model.get("seed")))];
  return () => ends.forEach((end) => end());
}
export default { render };
