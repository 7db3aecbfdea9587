// AlexNet's ingredients: six measured networks, chosen by what was taken away.
import { h, s, slider, choice, box, status, buttons, player, picture, describe, words, fill, number, listen, COLORS } from "./common.js";

const TEXT = {
  choose: "Take away:",
  pictures: "training pictures",
  updates: "updates so far",
  network: "The network",
  curves: "Errors while it learns",
  spread: "All six: wrong test pictures [%]",
  wrong: "wrong pictures [%]",
  steps: "updates",
  legend: ["nothing taken away, test", "shown, test (shaded: {starts} starts)", "shown, training"],
  spreadLegend: "mean, and range of {starts} starts",
  layers: { conv: "{n} kernels", units: "{n} units", out: "10 scores", image: "picture, 16 x 16" },
  parts: { relu: "ReLU", tanh: "tanh", norm: "norm", wide: "pool 3 x 3", narrow: "pool 2 x 2", drop: "dropout" },
  gone: "\u2715",
  now: "{n} training pictures, {updates} updates: each picture was seen {times}. With all four ingredients {full} % of the test pictures are wrong ({low} to {high} with {starts} starts).",
  once: "once at most", often: "about {k} times",
  own: "\nWithout {name}: {error} % ({low} to {high}). {verdict} ",
  none: "\nWith none of the four: {error} % ({low} to {high}). {verdict} ",
  verdicts: ["Better, with every start.", "The ranges overlap: no clear difference.", "Worse, with every start."],
  train: "Training error {train} %. Place {rank} of {count}.",
  seen: "The network. Taken away: {name}. From top to bottom: four convolutions, two hidden layers, ten scores.",
  drawn: "After {updates} updates: test error with nothing taken away {full} percent, of the network shown {error} percent; its training error {train} percent.",
  dots: "Test errors by what was taken away: {list} percent.",
};

// ---- the mathematics ---------------------------------------------------------------------

/** The networks in the order of their test error at this checkpoint, best first. */
export function ranking(runs, pictures, at) {
  const error = (code) => runs[code][String(pictures)].test[at];
  return Object.keys(runs).sort((a, b) => error(a) - error(b) || (a < b ? -1 : 1));
}

/** -1 if every start of `chosen` is better than every start of `full`, 1 if worse, else 0. */
export function verdict(chosen, full, at) {
  if (chosen.high[at] < full.low[at]) return -1;
  return chosen.low[at] > full.high[at] ? 1 : 0;
}

/** How often each picture has been seen, in batches of 32. */
export const passes = (updates, pictures) => (updates * 32) / pictures;

/** A round upper end for an axis of percentages. */
export const ceiling = (most) => [10, 20, 40, 60, 80, 100].find((v) => v >= most) ?? 100;

// ---- pictures ----------------------------------------------------------------------------

const WIDE = 316, TALL = 300, BROAD = 400, LOW = 212;
const quiet = "font-size:11px;fill:var(--dlw-neutral)", small = "font-size:11px";
const heading = (x, text) => words(x, 13, text, "font-size:13px;font-weight:600");
const big = (n) => n.toLocaleString("en");
const grid = { stroke: COLORS.neutral, "stroke-width": 0.5, opacity: 0.35 };

/** One piece of the network: a box with its name, or a dashed empty place where it is missing. */
function piece(x, y, text, color, state = "here") {
  const look = state === "gone" ? { fill: "#fff", stroke: COLORS.neutral, "stroke-width": 1, "stroke-dasharray": "3 3" }
    : { fill: `color-mix(in srgb, ${color} 14%, white)`, stroke: color, "stroke-width": state === "other" ? 2.4 : 1.1 };
  return s("g", {}, s("rect", { x, y, width: 71, height: 24, rx: 4, ...look }),
    words(x + 35.5, y + 12, state === "gone" ? TEXT.gone : text, state === "other" ? `${small};font-weight:600` : small));
}

function drawNetwork(pic, code, name) {
  const has = [...code].map((c) => c !== "-"), { parts, layers } = TEXT;
  const act = has[0] ? [parts.relu, COLORS.activations] : [parts.tanh, COLORS.activations, "other"];
  const norm = [parts.norm, COLORS.loss, has[1] ? "here" : "gone"];
  const pool = has[2] ? [parts.wide, COLORS.neutral] : [parts.narrow, COLORS.neutral, "other"];
  const drop = [parts.drop, COLORS.gradients, has[3] ? "here" : "gone"];
  const conv = (n) => [fill(layers.conv, { n }), COLORS.weights], units = [fill(layers.units, { n: 128 }), COLORS.weights];
  const rows = [[conv(6), act, norm, pool], [conv(12), act, norm, pool], [conv(18), act],
    [conv(12), act, pool], [units, act, drop], [units, act, drop], [[layers.out, COLORS.weights]]];
  const X = (k) => 4 + k * 78, y = (r) => 50 + r * 35, middle = X(0) + 35.5;
  const way = rows.map((row, r) => `M${middle} ${y(r) - (r ? 6 : 10)}V${y(r) + 12}H${X(row.length - 1) + 35.5}`
    + (r < rows.length - 1 ? `V${y(r) + 29}H${middle}` : "")).join("");
  pic.replaceChildren(heading(WIDE / 2, TEXT.network), words(54, 32, layers.image, small),
    s("path", { d: way, fill: "none", stroke: COLORS.neutral, "stroke-width": 1.2 }),
    ...rows.flatMap((row, r) => row.map((entry, k) => piece(X(k), y(r), ...entry))));
  describe(pic, fill(TEXT.seen, { name }));
}

const FRAME = { left: 44, right: WIDE - 16, top: 32, bottom: TALL - 46 };
const across = (k, list) => FRAME.left + (k / (list.length - 1)) * (FRAME.right - FRAME.left);
const Y = (v) => FRAME.bottom - (v / 100) * (FRAME.bottom - FRAME.top);

function axes(list) {
  const turned = words(0, 0, TEXT.wrong, quiet);
  turned.setAttribute("transform", `translate(9 ${(FRAME.top + FRAME.bottom) / 2}) rotate(-90)`);
  return [...[0, 25, 50, 75, 100].flatMap((v) => [s("line", { x1: FRAME.left, x2: FRAME.right, y1: Y(v), y2: Y(v), ...grid }),
    words(FRAME.left - 13, Y(v), String(v), quiet)]),
  ...list.map((v, k) => words(across(k, list), FRAME.bottom + 13, String(v), quiet)),
  turned, words((FRAME.left + FRAME.right) / 2, FRAME.bottom + 31, TEXT.steps, quiet)];
}

function drawCurves(pic, own, full, list, at) {
  const point = (v, k) => `${across(k, list).toFixed(1)},${Y(v).toFixed(1)}`;
  const curve = (values, look) => s("polyline", { points: values.map(point).join(" "), fill: "none", "stroke-linejoin": "round", ...look });
  const band = [...own.high.map(point), ...own.low.map(point).reverse()].join(" ");
  const dot = (v, color, r) => s("circle", { cx: across(at, list), cy: Y(v), r, fill: color, stroke: "#fff", "stroke-width": 1.5 });
  const here = { x1: across(at, list), x2: across(at, list), y1: FRAME.top, y2: FRAME.bottom, stroke: COLORS.ink, opacity: 0.35 };
  pic.replaceChildren(heading(WIDE / 2, TEXT.curves), ...axes(list), s("line", here),
    s("polygon", { points: band, fill: COLORS.gradients, opacity: 0.2 }),
    curve(own.train, { stroke: COLORS.gradients, "stroke-width": 1.7, "stroke-dasharray": "2 4" }),
    curve(own.test, { stroke: COLORS.gradients, "stroke-width": 2.6 }),
    curve(full.test, { stroke: COLORS.weights, "stroke-width": 2, "stroke-dasharray": "7 4" }),
    dot(own.train[at], COLORS.gradients, 3.5), dot(own.test[at], COLORS.gradients, 5.5), dot(full.test[at], COLORS.weights, 4));
  describe(pic, fill(TEXT.drawn, { updates: big(list[at]), full: number(full.test[at], 1), error: number(own.test[at], 1), train: number(own.train[at], 1) }));
}

/** All six networks: a dot for the mean, a bar from the best to the worst start. */
function drawSpread(pic, model, at) {
  const runs = model.get("runs"), n = String(model.get("pictures")), names = model.get("names"), codes = model.get("codes");
  const all = codes.map((code) => runs[code][n]), left = 104, right = BROAD - 56, row = (k) => 40 + k * 24;
  const top = ceiling(Math.max(...all.map(({ high }) => high[at]))), X = (v) => left + (v / top) * (right - left);
  const ticks = [0, 1, 2, 3, 4].map((k) => (k * top) / 4);
  const full = X(all[0].test[at]);
  const rows = all.flatMap((curves, k) => {
    const shown = names[k] === model.get("away"), color = shown ? COLORS.gradients : k === 0 ? COLORS.weights : COLORS.neutral;
    const ends = { x1: X(curves.low[at]), x2: X(curves.high[at]), y1: row(k), y2: row(k), "stroke-linecap": "round" };
    return [words(left - 53, row(k), names[k], shown ? "font-size:12px;font-weight:600" : "font-size:12px"),
      s("line", { ...ends, stroke: color, "stroke-width": 5, opacity: 0.4 }),
      s("circle", { cx: X(curves.test[at]), cy: row(k), r: shown ? 6.5 : 5, fill: color, stroke: "#fff", "stroke-width": 1.5 }),
      words(right + 32, row(k), number(curves.test[at], 1), shown ? "font-size:12px;font-weight:600" : "font-size:12px")];
  });
  pic.replaceChildren(heading((left + right) / 2, TEXT.spread),
    ...ticks.flatMap((v) => [s("line", { x1: X(v), x2: X(v), y1: 28, y2: 172, ...grid }), words(X(v), 184, String(v), quiet)]),
    s("line", { x1: full, x2: full, y1: 28, y2: 172, stroke: COLORS.weights, "stroke-width": 1, "stroke-dasharray": "7 4" }),
    ...rows, words((left + right) / 2, 202, fill(TEXT.spreadLegend, { starts: model.get("starts") }), quiet));
  describe(pic, fill(TEXT.dots, { list: names.map((name, k) => `${name} ${number(all[k].test[at], 1)}`).join(", ") }));
}

function legend(starts) {
  const line = (look) => s("svg", { width: 30, height: 12, "aria-hidden": "true", style: "vertical-align:-1px;margin-right:.35rem;background:#fff;border-radius:3px" },
    s("line", { x1: 2, x2: 28, y1: 6, y2: 6, ...look }));
  const looks = [{ stroke: COLORS.weights, "stroke-width": 2, "stroke-dasharray": "7 4" }, { stroke: COLORS.gradients, "stroke-width": 2.6 },
    { stroke: COLORS.gradients, "stroke-width": 1.7, "stroke-dasharray": "2 4" }];
  return h("p", { style: "display:flex;flex-wrap:wrap;gap:0 1.2rem;font-size:.85rem;margin:0 0 .5rem" },
    ...looks.map((look, i) => h("span", {}, line(look), fill(TEXT.legend[i], { starts }))));
}

// ---- state and words ---------------------------------------------------------------------

function times(model) {
  const k = passes(model.get("updates"), model.get("pictures"));
  return k <= 1 ? TEXT.once : fill(TEXT.often, { k: k < 10 ? number(k, 1) : number(k, 0) });
}

function sentence(model, own, full, at, rank) {
  const names = model.get("names"), name = model.get("away"), one = (v) => number(v, 1);
  const head = fill(TEXT.now, { n: big(model.get("pictures")), updates: big(model.get("updates")), times: times(model),
    full: one(full.test[at]), low: one(full.low[at]), high: one(full.high[at]), starts: model.get("starts") });
  const tail = fill(TEXT.train, { train: one(own.train[at]), rank, count: names.length });
  if (name === names[0]) return `${head}\n${tail}`;
  const told = name === names[names.length - 1] ? TEXT.none : TEXT.own;
  return head + fill(told, { name, error: one(own.test[at]), low: one(own.low[at]), high: one(own.high[at]),
    verdict: TEXT.verdicts[verdict(own, full, at) + 1] }) + tail;
}

/** What the traits choose: the code, the checkpoint, and the curves of the two networks. */
function chosen(model) {
  const codes = model.get("codes"), runs = model.get("runs"), n = String(model.get("pictures"));
  const code = codes[Math.max(model.get("names").indexOf(model.get("away")), 0)];
  const at = Math.max(model.get("checkpoints").indexOf(model.get("updates")), 0);
  return { code, at, own: runs[code][n], full: runs[codes[0]][n] };
}

function draw(model, parts) {
  const { code, at, own, full } = chosen(model);
  drawNetwork(parts.network, code, model.get("away"));
  drawCurves(parts.curves, own, full, model.get("checkpoints"), at);
  drawSpread(parts.spread, model, at);
  parts.choice.querySelectorAll("input").forEach((input, i) => { input.checked = model.get("codes")[i] === code; });
  parts.pictures.set(Math.max(model.get("amounts").indexOf(model.get("pictures")), 0));
  parts.updates.set(at);
  const rank = ranking(model.get("runs"), model.get("pictures"), at).indexOf(code) + 1;
  parts.say.textContent = sentence(model, own, full, at, rank).replaceAll(" %", "\u00a0%");
}

function render({ model, el }) {
  const redraw = () => draw(model, parts);
  const set = (name, value) => {
    model.set(name, value);
    const { own, at } = chosen(model);
    model.set("error", own.test[at]);
    redraw();
    model.save_changes();
  };
  const pick = (text, list, name) => slider(text, { min: 0, max: model.get(list).length - 1, step: 1,
    value: Math.max(model.get(list).indexOf(model.get(name)), 0), format: (k) => big(model.get(list)[k]) },
  (k) => set(name, model.get(list)[k]));
  const parts = { say: status(), network: picture({ width: WIDE, height: TALL }), curves: picture({ width: WIDE, height: TALL }),
    spread: picture({ width: BROAD, height: LOW }),
    choice: choice(TEXT.choose, model.get("names"), (i) => set("away", model.get("names")[i])),
    pictures: pick(TEXT.pictures, "amounts", "pictures"), updates: pick(TEXT.updates, "checkpoints", "updates") };
  parts.choice.style = "display:flex;flex-wrap:wrap;gap:0 1.1rem";
  const flex = "display:flex;flex-wrap:wrap;gap:0 .6rem;justify-content:center";
  box(model, el, h("p", {}, model.get("task")), parts.choice, parts.pictures.row, parts.updates.row,
    buttons(player(parts.updates, (k) => set("updates", model.get("checkpoints")[k]), 700)),
    h("div", { style: `${flex};margin-top:.9rem` }, parts.network, parts.curves), legend(model.get("starts")), parts.spread, parts.say);
  redraw();
  return listen(model, ["away", "pictures", "updates"], redraw);
}

export default { render };
