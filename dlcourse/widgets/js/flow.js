// The size of the gradient at every layer of a deep network, on a logarithmic axis.
import { h, s, slider, box, status, choice, picture, describe, words, fill, clamp, listen, freshId, COLORS } from "./common.js";

const TEXT = {
  activation: "Hidden units",
  depth: "hidden layers",
  gain: "gain of the weights",
  shortcut: "with shortcuts: each hidden layer adds its output (divided by their number) to its input",
  quantity: "Bars show",
  quantities: ["the signal: the gradient that arrives at each layer", "the weights' gradient"],
  axis: "layer, from the first to the last",
  scale: "size / size at the last layer",
  short: ["signal", "weights' gradient"],
  with: "with shortcuts",
  without: "no shortcuts",
  setting: "{depth} hidden layers of {name} units, gain {gain}, {shortcut}.",
  result: "{quantity}, first / last = {ratio}: {verdict}",
  verdicts: {
    silent: "the first layer hears nothing.",
    faint: "the first layer hears a whisper.",
    even: "the first layer hears about as much as the last.",
    loud: "the gradient grows on its way to the first layer.",
    explodes: "the gradient explodes.",
    none: "the last layer itself gets no gradient.",
  },
  trap: "Careful: with ReLU this ratio hardly depends on the gain, though the signal vanishes or "
    + "explodes. A weight's gradient is the layer's input times the signal, and on the way forward "
    + "the input changes by about the same factor as the signal on the way back. Look at the signal.",
  picture: "Bar chart on a logarithmic axis: {quantity} at each layer, divided by that at the last "
    + "layer. Layer 1 to {n}: {list}.",
};

// ---- the mathematics ---------------------------------------------------------------------

/** The sizes at every layer for one setting. */
export function sizesOf(data, { activation, depth, gain, shortcut, quantity }) {
  const a = data.activations.indexOf(activation), d = data.depths.indexOf(depth);
  return data[quantity][a][d][data.gains.indexOf(gain)][shortcut ? 1 : 0];
}

/** Every layer's size divided by the last layer's. */
export const relative = (sizes) => sizes.map((v) => v / sizes[sizes.length - 1]);

export const ratioOf = (sizes) => sizes[0] / sizes[sizes.length - 1];

/** Which words fit the ratio first / last. */
export function verdict(ratio) {
  if (!Number.isFinite(ratio)) return "none";
  if (ratio < 1e-6) return "silent";
  if (ratio < 1e-2) return "faint";
  if (ratio <= 1e2) return "even";
  return ratio <= 1e3 ? "loud" : "explodes";
}

/** Decades [low, high] that hold all ratios of one quantity: the axis is the same everywhere. */
export function decades(data, quantity) {
  const logs = data[quantity].flat(3).flatMap(relative).map(Math.log10).filter(Number.isFinite);
  const low = Math.min(-3, ...logs), high = Math.max(3, ...logs);
  return [3 * Math.floor(low / 3), 3 * Math.ceil(high / 3)];
}

/** A size in words: 0.023, 1.5, 3e−13. */
export function shown(value) {
  if (value === 0 || !Number.isFinite(value)) return value === 0 ? "0" : "–";
  if (value >= 0.01 && value < 1000) return String(Number(value.toPrecision(2)));
  return value.toExponential(0).replace("+", "").replace("-", "−");
}

const RAISED = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
export const power = (k) => (k === 0 ? "1" : `10${[...String(k)].map((c) => RAISED[c]).join("")}`);

// ---- the picture -------------------------------------------------------------------------

const SIZE = { width: 640, height: 270 }, LEFT = 70, RIGHT = 8, TOP = 10, BOTTOM = 48;
const SMALL = "font-size:12px;fill:var(--dlw-neutral)";

function grid([low, high], y) {
  const gap = 3 * Math.ceil((high - low) / 24), lines = [];
  for (let k = Math.ceil(low / gap) * gap; k <= high; k += gap) {
    lines.push(
      s("line", { x1: LEFT, x2: SIZE.width - RIGHT, y1: y(k), y2: y(k), stroke: COLORS.neutral,
        "stroke-width": k === 0 ? 1.5 : 0.5, opacity: k === 0 ? 1 : 0.3 }),
      words(LEFT - 24, y(k), power(k), SMALL));
  }
  return lines;
}

function bars(ratios, [low, high], y) {
  const step = (SIZE.width - LEFT - RIGHT) / ratios.length, every = Math.ceil(24 / step);
  return ratios.flatMap((ratio, i) => {
    const end = y(clamp(Number.isNaN(ratio) ? 0 : Math.log10(ratio), low, high)), zero = y(0);
    const x = LEFT + i * step, top = Math.min(end, zero), tall = Math.max(Math.abs(end - zero), 2);
    const bar = s("rect", { x: x + 0.15 * step, width: 0.7 * step, y: top, height: tall,
      fill: COLORS.gradients, "data-layer": i + 1 });
    const label = words(x + step / 2, SIZE.height - BOTTOM + 14, String(i + 1), SMALL);
    return i % every === 0 ? [bar, label] : [bar];
  });
}

function drawBars(svg, ratios, range) {
  const room = SIZE.height - TOP - BOTTOM, [low, high] = range;
  const y = (k) => TOP + room * ((high - k) / (high - low));
  const side = words(0, 0, TEXT.scale, SMALL);
  side.setAttribute("transform", `translate(12 ${TOP + room / 2}) rotate(-90)`);
  const foot = words((LEFT + SIZE.width) / 2, SIZE.height - 12, TEXT.axis, SMALL);
  svg.replaceChildren(...grid(range, y), ...bars(ratios, range, y), side, foot);
}

// ---- controls and drawing ----------------------------------------------------------------

const SETTINGS = ["activation", "depth", "gain", "shortcut", "quantity"];
const QUANTITIES = ["signal", "weights"];

function put(model, name, value) {
  model.set(name, value);
  model.save_changes();
}

/** A slider over a list of values. */
function listSlider(model, text, name, values) {
  const range = { min: 0, max: values.length - 1, step: 1, value: 0 };
  return slider(text, { ...range, format: (i) => String(values[i]) },
    (i) => put(model, name, values[i]));
}

function checkbox(model) {
  const id = freshId();
  const input = h("input", { type: "checkbox", id,
    onchange: () => put(model, "shortcut", input.checked) });
  return { input, row: h("div", { class: "dlw-option" }, input, h("label", { for: id }, TEXT.shortcut)) };
}

function controls(model) {
  const data = model.get("data");
  const activation = choice(TEXT.activation, data.names,
    (i) => put(model, "activation", data.activations[i]));
  const quantity = choice(TEXT.quantity, TEXT.quantities, (i) => put(model, "quantity", QUANTITIES[i]));
  for (const field of [activation, quantity]) {
    field.style.cssText = "display:flex;flex-wrap:wrap;gap:0 1.1rem";
  }
  return {
    activation,
    quantity,
    depth: listSlider(model, TEXT.depth, "depth", data.depths),
    gain: listSlider(model, TEXT.gain, "gain", data.gains),
    shortcut: checkbox(model),
  };
}

function showSetting(data, now, parts) {
  const pick = (field, i) => { field.querySelectorAll("input")[i].checked = true; };
  pick(parts.activation, data.activations.indexOf(now.activation));
  pick(parts.quantity, QUANTITIES.indexOf(now.quantity));
  parts.depth.set(data.depths.indexOf(now.depth));
  parts.gain.set(data.gains.indexOf(now.gain));
  parts.shortcut.input.checked = now.shortcut;
}

/** The status sentences for one setting. */
export function sentence(data, now) {
  const name = data.names[data.activations.indexOf(now.activation)];
  const ratio = ratioOf(sizesOf(data, now)), words = TEXT.short[QUANTITIES.indexOf(now.quantity)];
  const setting = fill(TEXT.setting, { name, depth: now.depth, gain: now.gain,
    shortcut: now.shortcut ? TEXT.with : TEXT.without });
  const quantity = words[0].toUpperCase() + words.slice(1);
  const result = fill(TEXT.result, { quantity, ratio: shown(ratio), verdict: TEXT.verdicts[verdict(ratio)] });
  const trap = now.activation === "relu" && now.quantity === "weights" && !now.shortcut;
  return `${setting}\n${result}${trap ? `\n${TEXT.trap}` : ""}`;
}

function draw(model, parts) {
  const data = model.get("data");
  const now = Object.fromEntries(SETTINGS.map((name) => [name, model.get(name)]));
  const ratios = relative(sizesOf(data, now));
  drawBars(parts.chart, ratios, decades(data, now.quantity));
  describe(parts.chart, fill(TEXT.picture, { quantity: TEXT.short[QUANTITIES.indexOf(now.quantity)],
    n: ratios.length, list: ratios.map(shown).join(", ") }));
  showSetting(data, now, parts);
  parts.say.textContent = sentence(data, now);
}

function render({ model, el }) {
  const parts = { chart: picture(SIZE), say: status(), ...controls(model) };
  draw(model, parts);
  box(model, el, h("p", {}, model.get("task")), parts.chart, parts.activation, parts.depth.row,
    parts.gain.row, parts.shortcut.row, parts.quantity, parts.say);
  return listen(model, SETTINGS, () => draw(model, parts));
}
export default { render };
