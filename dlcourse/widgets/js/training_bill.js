// The bill of one training run: from parameters and tokens to days, dollars and tonnes of CO2.
import { h, s, slider, box, status, button, buttons, picture, describe, words, fill, number, clamp, listen, COLORS } from "./common.js";

const TEXT = {
  utilisation: "utilisation",
  price: "price of a chip-hour",
  grid: "carbon per kWh",
  chips: "number of chips",
  shown: { utilisation: "{v} %", price: "{v} USD", grid: "{v} g" },
  cards: ["operations", "chip-years", "days", "energy", "cost", "CO₂e"],
  units: ["", "", "", "MWh", "million USD", "t"],
  reset: "Back to the start",
  cost: "cost in million dollars",
  carbon: "CO₂e in tonnes",
  now: "{n} at {u} % of the peak: {days} days, or {years} chip-years. At {price} USD an hour that is "
    + "{cost} million USD. Energy: {energy} MWh; at {grid} g per kWh that is {carbon} t of CO₂e.",
  one: "1 chip",
  many: "{n} chips",
  range: "\nSo far you have reached {c0} to {c1} million USD (a factor of {cf}) and {t0} to {t1} t (a factor of {tf}), all for the same model.",
  costAlt: "Logarithmic axis of the cost, from {lo} to {hi} million dollars. Now: {now}. Reached so far: {a} to {b}. {marks}",
  carbonAlt: "Logarithmic axis of emissions, from {lo} to {hi} tonnes. Now: {now}. Reached so far: {a} to {b}. {marks}",
  mark: "{name}: {v}.",
};

// ---- the mathematics ---------------------------------------------------------------------

const HOUR = 3600, YEAR = 24 * 365.25;

/** All quantities of the bill. Units: FLOP, hours, years, days, MWh, million dollars, tonnes. */
export function bill({ parameters, tokens, peak, watts, pue, chips, utilisation, price, grid }) {
  const flop = 6 * parameters * tokens;
  const hours = flop / (peak * (utilisation / 100)) / HOUR; // of one chip
  const energy = (hours * watts * pue) / 1e6;
  return { flop, hours, years: hours / YEAR, days: hours / chips / 24, energy,
    cost: (hours * price) / 1e6, carbon: (energy * grid) / 1000 };
}

/** A number with about three digits, thousands set apart: 0.123, 4.68, 14.8, 552, 3,140. */
export function short(v) {
  if (v >= 1000) return Math.round(v >= 1e5 ? Number(v.toPrecision(3)) : v).toLocaleString("en-US");
  return number(v, v >= 100 ? 0 : v >= 10 ? 1 : v >= 0.1 ? 2 : 3);
}

/** 3.14e23 as 3.14·10²³ */
export function power(v) {
  const exponent = Math.floor(Math.log10(v)), digits = "⁰¹²³⁴⁵⁶⁷⁸⁹";
  return `${number(v / 10 ** exponent)}·10${[...String(exponent)].map((d) => digits[d]).join("")}`;
}

/** The smallest and the largest value so far. */
export const widen = (range, v) => (range ? [Math.min(range[0], v), Math.max(range[1], v)] : [v, v]);

// ---- pictures ----------------------------------------------------------------------------

const WIDE = 400, HIGH = 104, LEFT = 24, RIGHT = 30, AXIS = 62;
const quiet = "font-size:11px;fill:var(--dlw-neutral)";

/** One logarithmic axis: the reader's value, the range reached so far, published estimates. */
function drawAxis(svg, { title, lo, hi, value, range, marks, alt }) {
  const share = (v) => Math.log10(clamp(v, lo, hi) / lo) / Math.log10(hi / lo);
  const X = (v) => LEFT + share(v) * (WIDE - LEFT - RIGHT);
  const ticks = Array.from({ length: Math.round(Math.log10(hi / lo)) + 1 }, (_, i) => lo * 10 ** i);
  const mark = ([name, v]) => [s("line", { x1: X(v), x2: X(v), y1: AXIS - 13, y2: AXIS + 7, stroke: COLORS.ink, "stroke-width": 1.6 }),
    words(clamp(X(v), 90, WIDE - 90), AXIS - 21, `${name}: ${v}`, quiet)];
  svg.replaceChildren(
    s("text", { x: LEFT, y: 16, style: "font-weight:600" }, title),
    s("rect", { x: X(range[0]), y: AXIS - 6, width: Math.max(X(range[1]) - X(range[0]), 2), height: 12, rx: 3, fill: COLORS.weights, opacity: 0.28 }),
    s("line", { x1: LEFT, x2: WIDE - RIGHT, y1: AXIS, y2: AXIS, stroke: COLORS.neutral, "stroke-width": 1 }),
    ...ticks.flatMap((v) => [s("line", { x1: X(v), x2: X(v), y1: AXIS - 4, y2: AXIS + 4, stroke: COLORS.neutral, "stroke-width": 1 }),
      words(X(v), AXIS + 32, v < 1000 ? String(Number(v.toPrecision(1))) : v.toLocaleString("en-US"), quiet)]),
    ...marks.flatMap(mark),
    s("circle", { cx: X(value), cy: AXIS, r: 7, fill: COLORS.gradients, stroke: "#fff", "stroke-width": 1.3 }));
  describe(svg, fill(alt, { lo: short(lo), hi: short(hi), now: short(value), a: short(range[0]), b: short(range[1]),
    marks: marks.map(([name, v]) => fill(TEXT.mark, { name, v })).join(" ") }));
}

function cards(values) {
  const grid = "display:grid;grid-template-columns:repeat(auto-fit,minmax(min(12rem,44%),1fr));gap:.6rem;margin:.8rem 0";
  return h("div", { style: grid }, ...TEXT.cards.map((name, i) => h("dl", { class: "dlw-card", style: "margin:0" },
    h("dt", {}, name), h("dd", { style: "margin:0" }, `${values[i]} ${TEXT.units[i]}`.trim()))));
}

// ---- putting it together -----------------------------------------------------------------

const FIXED = ["parameters", "tokens", "peak", "watts", "pue"], MOVED = ["utilisation", "price", "grid", "chips"];
const settings = (model) => Object.fromEntries([...FIXED, ...MOVED].map((key) => [key, model.get(key)]));

function sentence(now, view, all) {
  const { cost: c, carbon: t } = view;
  const moved = c[1] / c[0] > 1.005 || t[1] / t[0] > 1.005;
  return fill(TEXT.now, { n: all.chips === 1 ? TEXT.one : fill(TEXT.many, { n: all.chips.toLocaleString("en-US") }), u: number(all.utilisation, 1), days: short(now.days), years: short(now.years),
    price: number(all.price), cost: short(now.cost), energy: short(now.energy), grid: all.grid, carbon: short(now.carbon) })
    + (moved ? fill(TEXT.range, { c0: short(c[0]), c1: short(c[1]), cf: short(c[1] / c[0]),
      t0: short(t[0]), t1: short(t[1]), tf: short(t[1] / t[0]) }) : "");
}

function draw(model, view, parts) {
  const all = settings(model), now = bill(all);
  view.cost = widen(view.cost, now.cost);
  view.carbon = widen(view.carbon, now.carbon);
  parts.cards.replaceChildren(cards([power(now.flop), short(now.years), short(now.days), short(now.energy), short(now.cost), short(now.carbon)]));
  drawAxis(parts.cost, { title: TEXT.cost, lo: 0.1, hi: 1000, value: now.cost, range: view.cost, marks: model.get("costs"), alt: TEXT.costAlt });
  drawAxis(parts.carbon, { title: TEXT.carbon, lo: 1, hi: 10000, value: now.carbon, range: view.carbon, marks: model.get("emissions"), alt: TEXT.carbonAlt });
  parts.say.textContent = sentence(now, view, all);
  return now;
}

function controls(model, set) {
  const chips = model.get("choices"), place = () => Math.max(chips.indexOf(model.get("chips")), 0);
  const row = (key, min, max, step, digits) => slider(TEXT[key], { min, max, step, value: model.get(key),
    format: (v) => fill(TEXT.shown[key], { v: number(v, digits) }) }, (v) => set(key, v));
  const count = slider(TEXT.chips, { min: 0, max: chips.length - 1, step: 1, value: place(),
    format: (i) => chips[i].toLocaleString("en-US") }, (i) => set("chips", chips[i]));
  return { utilisation: row("utilisation", 5, 60, 0.1, 1), price: row("price", 0.5, 10, 0.1, 2),
    grid: row("grid", 20, 800, 1, 0), chips: { ...count, set: () => count.set(place()) } };
}

function render({ model, el }) {
  const start = settings(model), view = {};
  const parts = { cards: h("div", {}), cost: picture({ width: WIDE, height: HIGH }), carbon: picture({ width: WIDE, height: HIGH }), say: status() };
  const set = (key, value) => {
    model.set(key, value); // the listeners below draw
    const { cost, carbon, days } = bill(settings(model));
    model.set("bill", { cost, carbon, days });
    model.save_changes();
  };
  const rows = controls(model, set);
  draw(model, view, parts);
  box(model, el, h("p", {}, model.get("task")), ...MOVED.map((key) => rows[key].row),
    buttons(button(TEXT.reset, () => MOVED.forEach((key) => set(key, start[key])))), parts.cards, parts.cost, parts.carbon, parts.say);
  const ends = MOVED.map((key) => listen(model, [key], () => { rows[key].set(model.get(key)); draw(model, view, parts); }));
  return () => ends.forEach((end) => end());
}
export default { render };
