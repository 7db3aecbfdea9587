// McCulloch-Pitts playground: one threshold unit (or three), its plane, and the 16 logic functions.
import { h, s, slider, box, status, button, buttons, choice, picture, describe, words, fill, number, listen, freshId, COLORS } from "./common.js";

const TEXT = {
  mode: "Machine",
  modes: ["One unit", "Three units in two layers"],
  edit: "Unit to set",
  units: ["A", "B", "Y"],
  weight: "weight of {name}",
  threshold: "threshold θ",
  tableTitle: "Truth table. Choose the row to show in the drawing.",
  head: ["x₁", "x₂", "sum", "output"],
  headNetwork: ["x₁", "x₂", "A", "B", "Y"],
  fired: "it fires",
  silent: "it stays silent",
  sum: "sum",
  output: "output",
  tilesTitle: "The 16 functions of two inputs",
  reached: "reached",
  open: "not yet",
  cannot: "no single unit can",
  now: "now",
  counter: "Found so far: {count}",
  giveUp: "I give up",
  revealed: "14 of 16 is the most anyone can reach with one unit. XOR and XNOR stay dark: their "
    + "equal corners lie across from each other, and no straight line keeps such corners together.",
  networkDone: "XOR is lit. One unit can't do it; three units in two layers can.",
  unitState: "Weights {w1} and {w2}, threshold {theta}: the unit fires for {ones}. This is {name}.",
  networkState: "The network fires for {ones}. This is {name}.",
  onLine: "A corner on the line counts: its sum reaches the threshold.",
  none: "no input",
  drawing: "Drawing of the machine: inputs {x1} and {x2}, output {out}.",
  plane: "Plane with the four inputs as corners. Output 1 at {ones}.",
  names: {
    "0000": "never", "0001": "AND", "0010": "x₁ and not x₂", "0011": "x₁",
    "0100": "x₂ and not x₁", "0101": "x₂", "0110": "XOR", "0111": "OR",
    "1000": "NOR", "1001": "XNOR", "1010": "not x₂", "1011": "x₁ or not x₂",
    "1100": "not x₁", "1101": "x₂ or not x₁", "1110": "NAND", "1111": "always",
  },
};

// ---- the mathematics ---------------------------------------------------------------------

export const CORNERS = [[0, 0], [0, 1], [1, 0], [1, 1]];

/** A unit is [w1, w2, threshold]. */
export const weightedSum = (unit, x) => unit[0] * x[0] + unit[1] * x[1];

/** 1 if w . x >= threshold, else 0. */
export const fires = (unit, x) => (weightedSum(unit, x) >= unit[2] ? 1 : 0);

/** Outputs of the units A, B and Y for one input; A and B feed Y. */
export function network(units, x) {
  const hidden = [fires(units[0], x), fires(units[1], x)];
  return [...hidden, fires(units[2], hidden)];
}

/** The logic function as its outputs for 00, 01, 10, 11: AND is "0001". */
export const code = (machine) => CORNERS.map((x) => machine(x)).join("");

/** Every function that one unit reaches with whole weights from -most to most. */
export function reachable(most) {
  const found = new Set(), steps = Array.from({ length: 4 * most + 3 }, (_, i) => i - 2 * most - 1);
  for (const a of steps.filter((v) => Math.abs(v) <= most)) {
    for (const b of steps.filter((v) => Math.abs(v) <= most)) {
      for (const theta of steps) found.add(code((x) => fires([a, b, theta], x)));
    }
  }
  return [...found].sort();
}

/** The part of a convex polygon where the unit's output is `want` (Sutherland, Hodgman 1974). */
export function clip(polygon, unit, want) {
  const margin = (p) => (want ? 1 : -1) * (weightedSum(unit, p) - unit[2]);
  const kept = [];
  polygon.forEach((p, i) => {
    const q = polygon[(i + 1) % polygon.length], a = margin(p), b = margin(q), t = a / (a - b);
    if (a >= 0) kept.push(p);
    if (a * b < 0) kept.push([p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1])]);
  });
  return kept;
}

/** The two ends of the line w . x = threshold inside the square from lo to hi, or null. */
export function lineEnds([w1, w2, theta], lo, hi) {
  const ends = [];
  const add = (x, y) => {
    const inside = [x, y].every((v) => v >= lo - 1e-9 && v <= hi + 1e-9);
    if (inside && !ends.some((p) => Math.hypot(p[0] - x, p[1] - y) < 1e-6)) ends.push([x, y]);
  };
  for (const v of [lo, hi]) {
    if (w2) add(v, (theta - w1 * v) / w2);
    if (w1) add((theta - w2 * v) / w1, v);
  }
  return ends.length === 2 ? ends : null;
}

// ---- the drawing of the machine ----------------------------------------------------------

const short = (v) => number(v, Number.isInteger(v) ? 0 : 1);
const QUIET = "fill:var(--dlw-neutral)";

function wire([x1, y1], [x2, y2], weight, live) {
  const at = 0.4, x = x1 + at * (x2 - x1), y = y1 + at * (y2 - y1);
  const look = { stroke: COLORS.weights, "stroke-linecap": "round", opacity: live && weight ? 1 : 0.4 };
  return s("g", {},
    s("line", { x1, y1, x2, y2, ...look, "stroke-width": 1 + 2 * Math.abs(weight),
      "stroke-dasharray": weight < 0 ? "6 5" : null }),
    s("rect", { x: x - 17, y: y - 10, width: 34, height: 20, rx: 5, fill: COLORS.paper,
      stroke: COLORS.weights }),
    words(x, y, `×${short(weight)}`, "fill:var(--dlw-weights);font-weight:600"));
}

function bit(x, y, name, value, below) {
  return s("g", {},
    s("rect", { x: x - 15, y: y - 15, width: 30, height: 30, rx: 6, stroke: COLORS.activations,
      "stroke-width": 2, fill: value ? COLORS.activations : COLORS.paper }),
    words(x, y, value, `font-weight:700;fill:${value ? "#fff" : COLORS.ink}`),
    words(x, y + (below ? 26 : -26), name, QUIET));
}

function unitCircle(x, y, name, sum, unit, chosen) {
  const out = sum >= unit[2];
  return s("g", {},
    s("circle", { cx: x, cy: y, r: 34, fill: COLORS.paper, "stroke-width": chosen ? 4 : 2,
      stroke: out ? COLORS.activations : COLORS.neutral }),
    words(x, y - 13, name, chosen ? "font-weight:700" : QUIET),
    words(x, y + 8, `${short(sum)} ${out ? "≥" : "<"} ${short(unit[2])}`, "font-weight:600"));
}

function result(x1, x2, y, out) {
  const line = s("line", { x1, y1: y, x2, y2: y, stroke: COLORS.activations,
    "stroke-width": out ? 4 : 1.5, opacity: out ? 1 : 0.5 });
  return [line, bit(x2, y, TEXT.output, out, false)];
}

function drawUnit(unit, x) {
  const centre = [160, 105], ends = [[32, 50], [32, 160]], out = fires(unit, x);
  return [
    ...ends.map((p, i) => wire(p, centre, unit[i], x[i])),
    ...result(194, 262, 105, out),
    ...ends.map((p, i) => bit(...p, ["x₁", "x₂"][i], x[i], i === 1)),
    unitCircle(...centre, TEXT.sum, weightedSum(unit, x), unit, false),
    words(160, 155, out ? TEXT.fired : TEXT.silent, QUIET),
  ];
}

function drawNetwork(units, x, chosen) {
  const values = network(units, x), hidden = values.slice(0, 2);
  const ends = [[20, 50], [20, 160]], centres = [[118, 48], [118, 162], [212, 105]];
  const sums = units.map((unit, k) => weightedSum(unit, k < 2 ? x : hidden));
  return [
    ...[0, 1].flatMap((k) => ends.map((p, i) => wire(p, centres[k], units[k][i], x[i]))),
    ...[0, 1].map((i) => wire(centres[i], centres[2], units[2][i], hidden[i])),
    ...result(246, 278, 105, values[2]),
    ...ends.map((p, i) => bit(...p, ["x₁", "x₂"][i], x[i], i === 1)),
    ...centres.map((p, k) => unitCircle(...p, TEXT.units[k], sums[k], units[k], k === chosen)),
  ];
}

// ---- the plane ---------------------------------------------------------------------------

const LOW = -0.5, HIGH = 1.5, SIZE = 210;
const px = (v) => ((v - LOW) / (HIGH - LOW)) * SIZE;
const py = (v) => SIZE - px(v);

function firingAreas(units) {
  const square = [[LOW, LOW], [HIGH, LOW], [HIGH, HIGH], [LOW, HIGH]];
  if (units.length === 1) return [clip(square, units[0], 1)];
  return CORNERS.filter((hidden) => fires(units[2], hidden))
    .map(([a, b]) => clip(clip(square, units[0], a), units[1], b));
}

/** As in the figures: 1 is an orange square, 0 a blue circle. */
function mark(cx, cy, r, out) {
  return out ? s("rect", { x: cx - r, y: cy - r, width: 2 * r, height: 2 * r, fill: COLORS.class1 })
    : s("circle", { cx, cy, r, fill: COLORS.class0 });
}

function corner([x1, x2], out, current) {
  const cx = px(x1), cy = py(x2);
  const ring = s("circle", { cx, cy, r: 18, fill: "none", stroke: COLORS.ink,
    "stroke-dasharray": "2 3", visibility: current ? null : "hidden" });
  return s("g", {}, ring,
    mark(cx, cy, 13, out), words(cx, cy, out, "font-weight:700;font-size:19px;fill:#fff"),
    words(cx, cy + (x2 ? -28 : 28), `(${x1}, ${x2})`, `${QUIET};font-size:11px`));
}

function drawPlane(units, outputs, now) {
  const lines = units.slice(0, 2).map((unit, i) => [lineEnds(unit, LOW, HIGH), i]);
  const points = (area) => area.map(([a, b]) => `${px(a)},${py(b)}`).join(" ");
  return [
    ...firingAreas(units).filter((area) => area.length > 2).map((area) => s("polygon", {
      points: points(area), fill: COLORS.neutral, opacity: 0.2 })),
    ...lines.filter(([ends]) => ends).map(([[p, q], i]) => s("line", {
      x1: px(p[0]), y1: py(p[1]), x2: px(q[0]), y2: py(q[1]), stroke: COLORS.weights,
      "stroke-width": 2.5, "stroke-dasharray": i ? "9 5" : null })),
    ...CORNERS.map((p, i) => corner(p, outputs[i], i === now)),
  ];
}

// ---- tiles and table ---------------------------------------------------------------------

function tile(key, { lit, now, cannot }) {
  const dots = CORNERS.map(([a, b], i) => mark(8 + 20 * a, 28 - 20 * b, 5.5, key[i] === "1"));
  const state = lit ? `✓ ${TEXT.reached}` : cannot ? `✕ ${TEXT.cannot}` : TEXT.open;
  const look = "display:flex;gap:.5rem;align-items:center;padding:.3rem .45rem;border-radius:.45rem;"
    + `border:${lit ? "2px solid var(--dlw-activations)" : "2px dashed var(--line)"};`
    + (now ? "outline:2px solid currentColor;outline-offset:1px;" : "") + "line-height:1.2;min-width:0";
  const art = s("svg", { viewBox: "0 0 36 36", width: 36, height: 36, "aria-hidden": "true",
    class: "dlw-paper", style: `margin:0;flex:none;opacity:${lit ? 1 : 0.45}` }, ...dots);
  const name = h("span", { style: `font-weight:${lit ? 700 : 400};font-size:.86rem` }, TEXT.names[key]);
  const note = h("span", { style: "display:block;font-size:.74rem" }, now ? `${state}, ${TEXT.now}` : state);
  return h("li", { style: look, "data-code": key, "data-lit": String(lit) }, art,
    h("div", { style: "min-width:0" }, name, note));
}

function tableRow(view, x, i) {
  const { units } = view, values = units.length === 1 ? [] : network(units, x);
  const cells = units.length === 1
    ? [short(weightedSum(units[0], x)), fires(units[0], x)] : values;
  const id = freshId();
  const pick = h("input", { type: "radio", id, name: view.group, value: i,
    "aria-label": `x₁ = ${x[0]}, x₂ = ${x[1]}`, onchange: () => view.show(i) });
  pick.checked = view.row === i;
  const plain = "padding:.15rem .6rem;text-align:center;border:0";
  const bold = `${plain};font-weight:700`;
  return h("tr", {}, h("td", { style: plain }, pick),
    ...[...x, ...cells].map((v, k, all) => h("td", { style: k === all.length - 1 ? bold : plain },
      h("label", { for: id, style: "cursor:pointer" }, String(v)))));
}

function table(view) {
  const head = ["", ...(view.units.length === 1 ? TEXT.head : TEXT.headNetwork)];
  const style = "padding:.15rem .6rem;text-align:center;font-weight:600;border:0";
  return h("table", { style: "border-collapse:collapse;margin:0 auto;font-variant-numeric:tabular-nums" },
    h("caption", { style: "caption-side:bottom;font-size:.8rem;padding-top:.3rem" }, TEXT.tableTitle),
    h("thead", {}, h("tr", {}, ...head.map((text) => h("th", { scope: "col", style }, text)))),
    h("tbody", {}, ...CORNERS.map((x, i) => tableRow(view, x, i))));
}

// ---- putting it together -----------------------------------------------------------------

const unitsOf = (model) => (model.get("mode") === "unit"
  ? [[...model.get("weights"), model.get("threshold")]] : model.get("network"));

function machineOf(units) {
  return units.length === 1 ? (x) => fires(units[0], x) : (x) => network(units, x)[2];
}

function setUnit(model, view, place, value) {
  if (model.get("mode") === "unit") {
    if (place === 2) model.set("threshold", value);
    else model.set("weights", model.get("weights").map((w, i) => (i === place ? value : w)));
  } else {
    model.set("network", model.get("network").map((unit, k) => (
      k === view.chosen ? unit.map((v, i) => (i === place ? value : v)) : unit)));
  }
  record(model);
  model.save_changes();
}

/** Keeps the function that was just reached: a lit tile stays lit. */
function record(model) {
  const trait = model.get("mode") === "unit" ? "reached" : "reached_network";
  const key = code(machineOf(unitsOf(model))), found = model.get(trait);
  model.set("function", TEXT.names[key]);
  if (!found.includes(key)) model.set(trait, [...found, key]);
  if (trait === "reached" && model.get("reached").length === 14) model.set("revealed", true);
}

function controls(model, view) {
  const most = model.get("max_weight");
  const range = [[-most, most, 1], [-most, most, 1], [-2 * most, 2 * most, 0.5]];
  const labels = [fill(TEXT.weight, { name: "x₁" }), fill(TEXT.weight, { name: "x₂" }), TEXT.threshold];
  const sliders = labels.map((text, i) => slider(text, {
    min: range[i][0], max: range[i][1], step: range[i][2], value: 0, format: short,
  }, (value) => setUnit(model, view, i, value)));
  const mode = choice(TEXT.mode, TEXT.modes, (i) => {
    model.set("mode", i ? "network" : "unit");
    record(model);
    model.save_changes();
  });
  const edit = choice(TEXT.edit, TEXT.units, (i) => { view.chosen = i; view.draw(); });
  for (const field of [mode, edit]) field.style.cssText = "display:flex;flex-wrap:wrap;gap:0 1.1rem";
  return { sliders, mode, edit };
}

function sentence(model, units, key) {
  const on = CORNERS.filter((_, i) => key[i] === "1").map((x) => `(${x[0]}, ${x[1]})`);
  const ones = on.join(", ") || TEXT.none, name = TEXT.names[key];
  if (units.length === 3) {
    const done = key === "0110" ? ` ${TEXT.networkDone}` : "";
    return { ones, text: fill(TEXT.networkState, { ones, name }) + done };
  }
  const [w1, w2, theta] = units[0].map(short);
  const tie = (units[0][0] || units[0][1]) && CORNERS.some((x) => weightedSum(units[0], x) === units[0][2]);
  return { ones, text: fill(TEXT.unitState, { w1, w2, theta, ones, name }) + (tie ? ` ${TEXT.onLine}` : "") };
}

function draw(model, view, parts) {
  const units = unitsOf(model), alone = units.length === 1, key = code(machineOf(units));
  const x = CORNERS[view.row], { ones, text } = sentence(model, units, key);
  Object.assign(view, { units });
  parts.machine.replaceChildren(...(alone ? drawUnit(units[0], x) : drawNetwork(units, x, view.chosen)));
  describe(parts.machine, fill(TEXT.drawing, { x1: x[0], x2: x[1], out: key[view.row] }));
  parts.plane.replaceChildren(...drawPlane(units, [...key].map(Number), view.row));
  describe(parts.plane, fill(TEXT.plane, { ones }));
  const typing = parts.table.contains(document.activeElement);
  parts.table.replaceChildren(table(view));
  if (typing) parts.table.querySelector("input:checked").focus();
  const lit = model.get(alone ? "reached" : "reached_network"), over = alone && model.get("revealed");
  parts.tiles.replaceChildren(...Object.keys(TEXT.names).sort().map((k) => tile(k, {
    lit: lit.includes(k), now: k === key, cannot: over && (k === "0110" || k === "1001") })));
  parts.count.textContent = fill(TEXT.counter, { count: lit.length }) + (over ? `. ${TEXT.revealed}` : "");
  parts.giveUp.hidden = !alone || model.get("revealed");
  const values = alone ? units[0] : units[view.chosen];
  parts.sliders.forEach((row, i) => row.set(values[i]));
  labelSliders(parts.sliders, alone || view.chosen < 2);
  parts.edit.hidden = alone;
  parts.edit.style.display = alone ? "none" : "flex";
  parts.mode.querySelectorAll("input")[alone ? 0 : 1].checked = true;
  parts.edit.querySelectorAll("input")[view.chosen].checked = true;
  parts.say.textContent = text;
}

function labelSliders(sliders, fromInputs) {
  const names = fromInputs ? ["x₁", "x₂"] : TEXT.units;
  sliders.slice(0, 2).forEach(({ row }, i) => {
    row.querySelector("label").textContent = fill(TEXT.weight, { name: names[i] });
  });
}

function render({ model, el }) {
  const view = { row: 3, chosen: 0, group: freshId(), units: unitsOf(model) };
  const parts = {
    machine: picture({ width: 300, height: 210 }), plane: picture({ width: SIZE, height: SIZE }),
    table: h("div", {}), say: status(), count: h("p", { style: "margin:.6rem 0 0" }),
    tiles: h("ul", { style: "list-style:none;margin:0;padding:0;display:grid;gap:.4rem;"
      + "grid-template-columns:repeat(auto-fill,minmax(9.2rem,1fr))", "aria-label": TEXT.tilesTitle }),
    giveUp: button(TEXT.giveUp, () => { model.set("revealed", true); model.save_changes(); }),
    ...controls(model, view),
  };
  view.draw = () => draw(model, view, parts);
  view.show = (i) => { view.row = i; view.draw(); };
  const flex = "display:flex;flex-wrap:wrap;gap:.5rem 1.2rem;justify-content:space-around;align-items:center";
  record(model);
  view.draw();
  box(model, el, h("p", {}, model.get("task")), ...(model.get("layers") ? [parts.mode] : []),
    h("div", { style: flex }, parts.machine, parts.plane, parts.table), parts.edit,
    ...parts.sliders.map(({ row }) => row), parts.say,
    h("p", { style: "margin:1rem 0 .4rem;font-weight:600" }, TEXT.tilesTitle), parts.tiles,
    parts.count, buttons(parts.giveUp));
  return listen(model, ["weights", "threshold", "network", "mode", "reached", "reached_network",
    "revealed"], view.draw);
}
export default { render };
