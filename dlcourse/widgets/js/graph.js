// A computation's graph to step through: values forward, gradients backward, inputs to change.
import { h, s, slider, box, status, button, buttons, picture, describe, fill, clamp, listen, freshId, COLORS } from "./common.js";

const TEXT = {
  forward: "Forward one step",
  backward: "Backward one step",
  end: "To the end",
  again: "Start again",
  keys: "Keys: F forward, B backward, E to the end, S start again.",
  inputs: "Change the inputs",
  given: "Inputs as given",
  fixed: "The inputs can't be changed here: the page can't recompute {ops}.",
  area: "The graph. Scroll sideways to see all of it.",
  value: "value",
  grad: "grad",
  constant: "constant",
  undefined: "not defined",
  start: "The inputs are given. Step forward: each operation computes its value from its inputs.",
  computed: "{name} = {formula} = {numbers} = {value}.",
  lossReached: "All values are known. Now go backward, from {root} to the inputs.",
  first: "{d} = 1: the backward pass starts here. {root} changes exactly as much as itself.",
  one: "{d}: {product} = {sum}. What arrives at {user}, times the local derivative.",
  several: "{d}: {parts}; together {sum}.",
  part: "{product} arrives through {use} use ({user})",
  partNext: "{product} through {use} ({user})",
  uses: ["the first", "the second", "the third", "the fourth", "the fifth"],
  laterUse: "use {n}",
  finished: "All gradients are known. Change an input and watch them.",
  flat: "All gradients of the inputs are 0: here no small change of an input changes {root}.",
  moved: "{name} = {value}.",
  notYet: "First go forward to the end: the gradient starts at {root}.",
  forwardDone: "All values are known already. Go backward now.",
  allDone: "Everything is shown. Press “Start again” to step through once more.",
  askFirst: "First type {d}, or press “Show it”.",
  ask: "{d} =",
  check: "Check",
  show: "Show it",
  next: "Next: {d}.",
  right: "Right.",
  wrong: "{d}: not yet. {products}: how much is that?",
  noNumber: "Type a number for {d}, for example −0.5 or 1/3.",
  picture: "Graph with {n} nodes. Values: {values}. Gradients: {gradients}.",
  hidden: "{name} = {formula}, not computed yet",
  none: "none yet",
};

// ---- the operations: value, and one local derivative for each input -----------------------

const sigmoid = (a) => 1 / (1 + Math.exp(-a));
const same = { value: (a) => a, local: () => [1] };

export const OPS = {
  add: { sign: "+", value: (a, b) => a + b, local: () => [1, 1] },
  sub: { sign: "−", value: (a, b) => a - b, local: () => [1, -1] },
  mul: { sign: "×", value: (a, b) => a * b, local: (a, b) => [b, a] },
  div: { sign: "÷", value: (a, b) => a / b, local: (a, b) => [1 / b, -a / (b * b)] },
  power: { sign: "^", value: (a, b) => a ** b, local: (a, b) => [b * a ** (b - 1), a ** b * Math.log(a)] },
  neg: { sign: "−", value: (a) => -a, local: () => [-1] },
  exp: { value: Math.exp, local: (a) => [Math.exp(a)] },
  log: { value: (a) => Math.log(a), local: (a) => [1 / a] },
  sqrt: { value: (a) => Math.sqrt(a), local: (a) => [0.5 / Math.sqrt(a)] },
  square: { value: (a) => a * a, local: (a) => [2 * a] },
  tanh: { value: (a) => Math.tanh(a), local: (a) => [1 - Math.tanh(a) ** 2] },
  sigmoid: { value: sigmoid, local: (a) => [sigmoid(a) * sigmoid(-a)] },
  relu: { value: (a) => Math.max(a, 0), local: (a) => [a > 0 ? 1 : 0] },
  abs: { value: (a) => Math.abs(a), local: (a) => [Math.sign(a)] },
  maximum: { value: (a, b) => Math.max(a, b), local: (a, b) => (a === b ? [0.5, 0.5] : [a > b ? 1 : 0, a < b ? 1 : 0]) },
  minimum: { value: (a, b) => Math.min(a, b), local: (a, b) => (a === b ? [0.5, 0.5] : [a < b ? 1 : 0, a > b ? 1 : 0]) },
  sum: same, mean: same, max: same, reshape: same, // of a single number
};

// ---- the mathematics ---------------------------------------------------------------------

const isOp = (node) => node.kind === "op";
const hasGradient = (node) => isOp(node) || node.kind === "leaf";
const known = (number) => (number === null ? NaN : number); // JSON has no NaN

/** True if the table computes what Python computed: value and derivatives of this one node. */
export function agrees(node, nodes) {
  const op = OPS[node.op], at = node.inputs.map((i) => known(nodes[i].value));
  if (!op || op.value.length !== at.length) return false;
  const size = Math.max(...at.map(Math.abs));
  const near = (a, b) => !Number.isFinite(a) || b === null
    || Math.abs(a - b) <= 1e-3 * Math.abs(b) + 1e-5 * Math.min(size, 1) + 1e-6 * size;
  const local = op.local(...at);
  return near(op.value(...at), node.value) && node.local.every((slope, i) => near(local[i], slope));
}

/** The names of operations for which the page must trust Python's numbers. */
export const strangers = (nodes) =>
  [...new Set(nodes.filter((node) => isOp(node) && !agrees(node, nodes)).map((node) => node.op))];

/** Values, local derivatives and gradients of all nodes for these inputs ({ name: value }). */
export function compute(nodes, inputs = {}) {
  const live = strangers(nodes).length === 0, values = [], local = [];
  nodes.forEach((node, i) => {
    const at = node.inputs.map((k) => values[k]);
    if (isOp(node) && live) {
      values[i] = OPS[node.op].value(...at);
      local[i] = OPS[node.op].local(...at);
    } else {
      values[i] = known(live ? inputs[node.name] ?? node.value : node.value);
      local[i] = node.local.map(known);
    }
  });
  const grads = nodes.map((node) => (hasGradient(node) ? 0 : null));
  grads[nodes.length - 1] = 1;
  for (let i = nodes.length - 1; i >= 0; i--) {
    nodes[i].inputs.forEach((k, place) => {
      if (grads[k] !== null) grads[k] += grads[i] * local[i][place];
    });
  }
  return { values, local, grads };
}

/** The order of the steps: operations forward, then everything with a gradient backward. */
export function plan(nodes) {
  const ids = nodes.map((_, i) => i);
  return { forward: ids.filter((i) => isOp(nodes[i])), backward: ids.filter((i) => hasGradient(nodes[i])).reverse() };
}

/** Which values and gradients are shown after so many steps, and which node is the last one. */
export function shownAt({ forward, backward }, nodes, step) {
  const back = Math.max(step - forward.length, 0);
  const values = new Set(nodes.keys());
  forward.slice(step).forEach((i) => values.delete(i));
  const grads = new Set(backward.slice(0, back));
  const current = back ? backward[back - 1] : forward[step - 1] ?? null;
  return { values, grads, current, back, asked: backward[back] ?? null };
}

/** Where a value is used: [{ user, place }], in the order of the forward pass. */
export const usesOf = (nodes, i) => nodes.flatMap((node, user) =>
  node.inputs.flatMap((k, place) => (k === i ? [{ user, place }] : [])));

/** What a reader typed, as a number: −0.5, 0,5 and 1/3 count too. NaN if it is none. */
export function parseNumber(text) {
  const parts = text.trim().replace(/\u2212/g, "-").replace(",", ".").split("/");
  if (parts.length > 2 || parts.some((part) => part.trim() === "")) return NaN;
  return parts.length === 2 ? Number(parts[0]) / Number(parts[1]) : Number(parts[0]);
}

/** One per cent off is right: readers round. */
export const isRight = (typed, truth) => Math.abs(typed - truth) <= Math.max(0.01 * Math.abs(truth), 1e-6);

// ---- numbers and formulas in words --------------------------------------------------------

/** At most about seven characters: 12, −0.333, 1.2e−5. */
export function short(v) {
  if (Number.isNaN(v)) return TEXT.undefined;
  if (!Number.isFinite(v)) return v > 0 ? "∞" : "−∞";
  const size = Math.abs(v), minus = (text) => text.replace(/-/g, "−").replace("+", "");
  if (size < 1e-13) return "0";
  const far = size < 9.5e-10 || size >= 9.5e9; // a long exponent leaves room for one digit only
  if (size < 0.01 || size >= 99999.5) return minus(v.toExponential(far ? 0 : 1));
  const decimals = clamp(2 - Math.floor(Math.log10(size)), 0, 4);
  return minus(String(Number(v.toFixed(decimals))));
}

const bracket = (text) => (text.startsWith("−") ? `(${text})` : text);
const nameOf = (node) => (node.kind === "number" ? short(known(node.value)) : node.name);

/** The node's operation written out, with these texts for its inputs. */
function formula(node, texts) {
  const { sign } = OPS[node.op] || {};
  if (node.op === "neg") return `−${bracket(texts[0])}`;
  if (sign && texts.length === 2) {
    const base = node.op === "power" ? bracket(texts[0]) : texts[0];
    return `${base} ${sign} ${bracket(texts[1])}`;
  }
  return `${node.op}(${texts.join(", ")})`;
}

const inNames = (nodes, i) => formula(nodes[i], nodes[i].inputs.map((k) => nameOf(nodes[k])));

/** "dL/dw" */
const slope = (nodes, i) => `d${nodes[nodes.length - 1].name}/d${nodes[i].name}`;

export function forwardSentence(nodes, { values }, i) {
  const numbers = formula(nodes[i], nodes[i].inputs.map((k) => short(values[k])));
  return fill(TEXT.computed,
    { name: nodes[i].name, formula: inNames(nodes, i), numbers, value: short(values[i]) });
}

const product = ({ grads, local }, { user, place }) => `${short(grads[user])} × ${bracket(short(local[user][place]))}`;

export function backwardSentence(nodes, numbers, i) {
  const d = slope(nodes, i), sum = short(numbers.grads[i]), uses = usesOf(nodes, i);
  const root = nodes[nodes.length - 1].name;
  if (i === nodes.length - 1) return fill(TEXT.first, { d, root });
  const user = nodes[uses[0].user].name;
  if (uses.length === 1) return fill(TEXT.one, { d, sum, user, product: product(numbers, uses[0]) });
  const parts = uses.map((use, n) => fill(n ? TEXT.partNext : TEXT.part, {
    product: product(numbers, use), user: nodes[use.user].name,
    use: TEXT.uses[n] ?? fill(TEXT.laterUse, { n: n + 1 }) }));
  return fill(TEXT.several, { d, sum, parts: parts.join(", ") });
}

// ---- the layout: layers from left to right (Sugiyama, Tagawa and Toda 1981) ----------------

const CARD = { w: 100, h: 68, low: 46 }, GAP = { x: 62, y: 16 }, BEND = 20, PAD = 10;

/** The layer of each node: its longest path from an input. An input stands just before its use. */
export function layersOf(nodes) {
  const layer = nodes.map(() => 0);
  nodes.forEach((node, i) => node.inputs.forEach((k) => { layer[i] = Math.max(layer[i], layer[k] + 1); }));
  nodes.forEach((node, i) => {
    if (!isOp(node)) layer[i] = Math.min(...usesOf(nodes, i).map(({ user }) => layer[user])) - 1;
  });
  return layer;
}

/** Columns of items. A line that skips layers gets a place to pass in each of them. */
function columnsOf(nodes) {
  const layer = layersOf(nodes), columns = Array.from({ length: Math.max(...layer) + 1 }, () => []);
  const height = (node) => (hasGradient(node) ? Math.max(CARD.h, 28 * node.inputs.length) : CARD.low);
  const cards = nodes.map((node, id) => ({ id, h: height(node), x: layer[id], ins: [], outs: [] }));
  const bends = {};
  const add = (item) => { columns[item.x].push(item); return item; };
  const bend = (id, x) => (bends[`${id} ${x}`] ??= add({ id: null, h: BEND, x, ins: [], outs: [] }));
  const link = (a, b, slot) => { a.outs.push({ item: b, slot }); b.ins.push({ item: a, slot }); };
  const edges = [], seen = new Set();
  const visit = (id) => { // inputs first and in their order: a tree gets no crossings
    if (seen.has(id)) return;
    seen.add(id);
    nodes[id].inputs.forEach(visit);
    nodes[id].inputs.forEach((from, place) => {
      const path = [cards[from]];
      for (let x = layer[from] + 1; x < layer[id]; x++) path.push(bend(from, x));
      path.push(cards[id]);
      const slot = (place + 0.5) / nodes[id].inputs.length - 0.5;
      path.slice(1).forEach((item, k) => {
        if (item.id !== null || !item.ins.length) link(path[k], item, item.id === null ? 0 : slot);
      });
      edges.push({ from, to: id, place, path });
    });
    add(cards[id]);
  };
  visit(nodes.length - 1);
  return { columns, cards, edges };
}

const meanOf = (list) => list.reduce((a, b) => a + b, 0) / list.length;
const portOf = (item, slot) => item.y + slot * item.h * 0.9;

/** The height at which an item would like to stand: level with its neighbours on one side. */
function wish(item, side) {
  const heights = item[side].map(({ item: other, slot }) => (side === "outs"
    ? portOf(other, slot) : other.y - slot * item.h * 0.9));
  return heights.length ? meanOf(heights) : item.y;
}

/** Stack a column from the top, near the wishes, without overlaps; then centre it on them. */
function settle(column, side) {
  const wishes = new Map(column.map((item) => [item, wish(item, side)]));
  let floor = -Infinity;
  for (const item of column) {
    item.y = Math.max(wishes.get(item), floor + item.h / 2);
    floor = item.y + item.h / 2 + GAP.y;
  }
  const shift = meanOf(column.map((item) => wishes.get(item) - item.y));
  column.forEach((item) => { item.y += shift; });
}

/** Pairs of lines that cross between neighbouring columns. */
function crossings(columns) {
  let count = 0;
  for (const column of columns) {
    const lines = column.flatMap((item) => item.outs.map((out) => [item.y, portOf(out.item, out.slot)]));
    lines.forEach(([a, b], i) => lines.slice(i + 1).forEach(([c, d]) => { count += (a - c) * (b - d) < 0 ? 1 : 0; }));
  }
  return count;
}

/** Order each column by the barycentre of its neighbours, back and forth; keep the best order. */
function arrange(columns) {
  const rightToLeft = [...columns].reverse();
  columns.forEach((column) => column.forEach((item, i) => { item.y = i * (CARD.h + GAP.y); }));
  const smooth = () => {
    columns.forEach((column) => settle(column, "ins"));
    rightToLeft.forEach((column) => settle(column, "outs"));
    columns.forEach((column) => settle(column, "ins"));
  };
  smooth();
  let best = { count: crossings(columns), orders: columns.map((column) => [...column]) };
  for (let sweep = 0; sweep < 8 && best.count; sweep++) {
    const side = sweep % 2 ? "ins" : "outs", ordered = sweep % 2 ? columns : rightToLeft;
    ordered.forEach((column) => {
      const key = new Map(column.map((item) => [item, wish(item, side)]));
      column.sort((a, b) => key.get(a) - key.get(b));
      settle(column, side);
    });
    const count = crossings(columns);
    if (count < best.count) best = { count, orders: columns.map((column) => [...column]) };
  }
  columns.forEach((column, x) => column.splice(0, column.length, ...best.orders[x]));
  smooth();
}

/** Where everything stands: cards { x, y, w, h }, edges { d, x, y } (x, y: the label), the size. */
export function layout(nodes) {
  const { columns, cards, edges } = columnsOf(nodes);
  arrange(columns);
  const all = columns.flat(), top = Math.min(...all.map((item) => item.y - item.h / 2)) - PAD;
  all.forEach((item) => { item.y -= top; item.left = PAD + item.x * (CARD.w + GAP.x); });
  const width = PAD * 2 + columns.length * (CARD.w + GAP.x) - GAP.x;
  const height = Math.max(...all.map((item) => item.y + item.h / 2)) + PAD;
  return {
    width, height,
    cards: cards.map((c) => ({ x: c.left, y: c.y - c.h / 2, w: CARD.w, h: c.h })),
    edges: edges.map((edge) => ({ ...edge, path: undefined, ...route(edge, nodes) })),
  };
}

function route({ path, to, place }, nodes) {
  const slot = (place + 0.5) / nodes[to].inputs.length - 0.5;
  let d = `M${path[0].left + CARD.w} ${path[0].y}`;
  path.slice(1).forEach((item, k) => {
    const x0 = path[k].left + CARD.w, y0 = path[k].y, x1 = item.left;
    const y1 = item.id === null ? item.y : portOf(item, slot);
    d += `C${x0 + 0.35 * GAP.x} ${y0} ${x1 - 0.7 * GAP.x} ${y1} ${x1} ${y1}`;
    if (item.id === null) d += `H${x1 + CARD.w}`;
  });
  const end = path[path.length - 1];
  return { d, x: end.left - 6, y: portOf(end, slot) };
}

// ---- drawing -----------------------------------------------------------------------------

const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

function letters(x, y, text, anchor, style) {
  return s("text", { x, y, "text-anchor": anchor, "dominant-baseline": "central", style }, text);
}

/** One line of a card: a word, a number, and the colour of what it is. */
function line(card, y, word, number, colour) {
  return [
    s("rect", { x: card.x + 4, y: y - 9, width: card.w - 8, height: 18, rx: 3, fill: colour, opacity: 0.15 }),
    letters(card.x + 7, y, word, "start", "font-size:10px"),
    letters(card.x + card.w - 6, y, number, "end", "font-size:12px"),
  ];
}

function colourOf(node, isRoot) {
  if (isRoot) return COLORS.loss;
  return { op: COLORS.activations, leaf: COLORS.weights }[node.kind] ?? COLORS.neutral;
}

function drawCard(nodes, i, card, numbers, shown) {
  const node = nodes[i], { x, y, w, h: tall } = card, colour = colourOf(node, i === nodes.length - 1);
  const number = (v) => (Number.isNaN(v) ? "?" : short(v));
  const sign = isOp(node) ? cut(OPS[node.op]?.sign ?? node.op, 8) : "";
  const middle = y + tall / 2;
  const first = hasGradient(node) ? middle + 1 : middle + 9;
  const now = i === shown.current;
  return s("g", { "data-node": i },
    s("title", {}, isOp(node) ? `${node.name} = ${inNames(nodes, i)}` : node.name),
    s("rect", { x, y, width: w, height: tall, rx: 8, fill: COLORS.paper, stroke: colour, "stroke-width": now ? 4 : 2 }),
    letters(x + 8, first - 21, node.kind === "number" ? TEXT.constant : cut(node.name, sign.length > 2 ? 5 : 8),
      "start", "font-size:12px;font-weight:700"),
    ...(sign ? [letters(x + w - 8, first - 21, sign, "end", `font-size:${sign.length > 2 ? 10 : 15}px;font-weight:600`)] : []),
    ...(shown.values.has(i) ? line(card, first, TEXT.value, number(numbers.values[i]), colour) : []),
    ...(shown.grads.has(i) ? line(card, first + 21, TEXT.grad, number(numbers.grads[i]), COLORS.gradients) : []));
}

/** An edge, and its local derivative once the backward pass has used it. */
function drawEdge(nodes, edge, numbers, shown) {
  const used = shown.grads.has(edge.from), now = shown.current === edge.from && shown.back > 0;
  const look = { fill: "none", stroke: used ? COLORS.gradients : COLORS.neutral,
    "stroke-width": now ? 4 : 2, opacity: used ? 1 : 0.6, "data-edge": `${edge.from} ${edge.to} ${edge.place}` };
  const v = numbers.local[edge.to][edge.place], text = Number.isNaN(v) ? "?" : short(v);
  const wide = 7.1 * text.length + 7, x = edge.x - wide;
  const label = used ? [s("g", {},
    s("title", {}, `d${nodes[edge.to].name}/d${nodes[edge.from].name}`),
    s("rect", { x, y: edge.y - 9, width: wide, height: 18, rx: 4, fill: COLORS.paper, stroke: COLORS.gradients }),
    letters(x + wide / 2, edge.y, text, "middle", "font-size:11px"))] : [];
  return { path: s("path", { d: edge.d, ...look }), label };
}

function drawGraph(svg, nodes, place, numbers, shown) {
  const edges = place.edges.map((edge) => drawEdge(nodes, edge, numbers, shown));
  svg.replaceChildren(...edges.map(({ path }) => path), ...edges.flatMap(({ label }) => label),
    ...place.cards.map((card, i) => drawCard(nodes, i, card, numbers, shown)));
}

function inWords(nodes, numbers, shown) {
  const values = nodes.flatMap((node, i) => {
    if (node.kind === "number") return [];
    const text = { name: node.name, formula: isOp(node) ? inNames(nodes, i) : "", value: short(numbers.values[i]) };
    if (!shown.values.has(i)) return [fill(TEXT.hidden, text)];
    return [isOp(node) ? `${node.name} = ${text.formula} = ${text.value}` : `${node.name} = ${text.value}`];
  });
  const gradients = [...shown.grads].map((i) => `${slope(nodes, i)} = ${short(numbers.grads[i])}`);
  return fill(TEXT.picture, { n: nodes.length, values: values.join(", "), gradients: gradients.join(", ") || TEXT.none });
}

// ---- state and steps ---------------------------------------------------------------------

function look(model, view, asked = model.get("step")) {
  const nodes = model.get("nodes"), most = view.plan.forward.length + view.plan.backward.length;
  const step = clamp(asked, 0, most);
  return { nodes, step, shown: shownAt(view.plan, nodes, step), numbers: compute(nodes, model.get("values")) };
}

/** What happened in the last step, in words. */
function tell(model, view, asked) {
  const { nodes, step, shown, numbers } = look(model, view, asked), root = nodes[nodes.length - 1].name;
  const { forward, backward } = view.plan, lines = [];
  if (shown.back) lines.push(backwardSentence(nodes, numbers, shown.current));
  else if (shown.current !== null) lines.push(forwardSentence(nodes, numbers, shown.current));
  else lines.push(TEXT.start);
  if (step === forward.length) lines.push(fill(TEXT.lossReached, { root }));
  if (shown.back === backward.length) lines.push(TEXT.finished);
  else if (shown.back && model.get("guess")) lines.push(fill(TEXT.next, { d: slope(nodes, shown.asked) }));
  return lines.join("\n");
}

function goTo(model, view, step, before = "") {
  view.note = `${before} ${tell(model, view, step)}`.trim();
  view.noted = step; // so that the listener, which Python's steps need too, leaves this note alone
  model.set("step", step);
  model.save_changes();
}

/** Why a button does nothing now; "" if it does something. The reader hears it. */
function refusal(model, view, which) {
  const { nodes, shown, step } = look(model, view), { forward, backward } = view.plan;
  const over = shown.back === backward.length;
  if (which === "again") return step ? "" : TEXT.start;
  if (over) return TEXT.allDone;
  if (which === "forward" && step >= forward.length) return TEXT.forwardDone;
  if (which === "backward" && step < forward.length) return fill(TEXT.notYet, { root: nodes[nodes.length - 1].name });
  const asking = which === "backward" && model.get("guess") && shown.back > 0;
  return asking ? fill(TEXT.askFirst, { d: slope(nodes, shown.asked) }) : "";
}

function press(model, view, which) {
  const told = refusal(model, view, which), { step } = look(model, view);
  const { forward, backward } = view.plan;
  if (told) {
    view.note = told;
    return view.draw();
  }
  const end = step < forward.length ? forward.length : forward.length + backward.length;
  return goTo(model, view, { forward: step + 1, backward: step + 1, end, again: 0 }[which]);
}

function answer(model, view, field) {
  const { nodes, shown, numbers, step } = look(model, view), i = shown.asked;
  const typed = parseNumber(field.value), d = slope(nodes, i);
  if (Number.isNaN(typed)) view.note = fill(TEXT.noNumber, { d });
  else if (isRight(typed, numbers.grads[i])) {
    field.value = "";
    return goTo(model, view, step + 1, TEXT.right);
  } else {
    const products = usesOf(nodes, i).map((use) => product(numbers, use)).join(" + ");
    view.note = fill(TEXT.wrong, { d, products });
  }
  return view.draw();
}

// ---- changing the inputs ------------------------------------------------------------------

/** A round range around zero that holds the value. */
export function reach(value) {
  const most = Math.max(2 * Math.abs(value), 2), power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].map((k) => k * power).find((v) => v >= most * (1 - 1e-9));
}

/** Stores the values of all nodes; JSON has no NaN, so what is not defined becomes null. */
function store(model, inputs) {
  const nodes = model.get("nodes"), { values } = compute(nodes, inputs);
  const all = Object.fromEntries(nodes.map((node, i) => [node.name, Number.isFinite(values[i]) ? values[i] : null]));
  if (JSON.stringify(all) !== JSON.stringify(model.get("values"))) model.set("values", all);
  model.save_changes();
}

function change(model, view, name, value) {
  store(model, { ...model.get("values"), [name]: value });
  const { nodes, shown, numbers } = look(model, view), root = nodes.length - 1;
  const facts = shown.values.has(root) ? [`${nodes[root].name} = ${short(numbers.values[root])}`] : [];
  const leaves = [...shown.grads].filter((i) => !isOp(nodes[i])).reverse();
  leaves.forEach((i) => facts.push(`${slope(nodes, i)} = ${short(numbers.grads[i])}`));
  const all = leaves.length && leaves.length === nodes.filter((node) => node.kind === "leaf").length;
  const flat = all && leaves.every((i) => Math.abs(numbers.grads[i]) < 1e-9);
  view.note = `${fill(TEXT.moved, { name, value: short(value) })}${facts.length ? ` ${facts.join(", ")}.` : ""}`
    + (flat ? ` ${fill(TEXT.flat, { root: nodes[root].name })}` : "");
  view.draw();
}

function inputRow(model, view, node) {
  const most = reach(known(node.value) || 0);
  const row = slider(node.name, { min: -most, max: most, step: most / 100, value: node.value ?? 0, format: short },
    (v) => change(model, view, node.name, Number(v.toPrecision(6))));
  const field = h("input", { type: "number", step: "any", "aria-label": node.name, style: "width:5.5rem" });
  field.addEventListener("input", () => {
    if (field.value !== "" && Number.isFinite(Number(field.value))) change(model, view, node.name, Number(field.value));
  });
  row.row.querySelector("output").replaceWith(field);
  const set = (value) => {
    const range = Math.max(reach(value), most);
    Object.assign(row.input, { min: -range, max: range, step: range / 100 });
    row.set(value);
    row.input.setAttribute("aria-valuetext", short(value));
    if (field !== document.activeElement || Number(field.value) !== value) field.value = value;
  };
  return { name: node.name, row: row.row, set };
}

/** The inputs that can be changed, as they are met when one reads the formula. */
export function changeable(nodes) {
  const order = [], visit = (i) => {
    if (order.includes(i)) return;
    nodes[i].inputs.forEach(visit);
    order.push(i);
  };
  visit(nodes.length - 1);
  return order.map((i) => nodes[i]).filter((node) => ["leaf", "constant"].includes(node.kind));
}

function inputPanel(model, view) {
  const nodes = model.get("nodes"), odd = strangers(nodes);
  if (odd.length) return { node: h("p", {}, fill(TEXT.fixed, { ops: odd.join(", ") })), rows: [] };
  const rows = changeable(nodes).map((node) => inputRow(model, view, node));
  const given = button(TEXT.given, () => {
    store(model, Object.fromEntries(nodes.map((node) => [node.name, node.value])));
    view.note = TEXT.given;
    view.draw();
  });
  const many = rows.length > 4;
  const kids = [...rows.map(({ row }) => row), buttons(given)];
  const node = many ? h("details", { class: "dlw-more" }, h("summary", {}, TEXT.inputs), ...kids)
    : h("div", { role: "group", "aria-label": TEXT.inputs, style: "margin-top:.8rem" }, ...kids);
  return { node, rows };
}

// ---- putting it together -----------------------------------------------------------------

function guessRow(model, view) {
  const id = freshId(), label = h("label", { for: id, style: "font-weight:600" });
  const field = h("input", { type: "text", id, inputmode: "text", autocomplete: "off" });
  const check = () => answer(model, view, field);
  field.addEventListener("keydown", (event) => event.key === "Enter" && check());
  const row = h("div", { class: "dlw-buttons" }, label, field, button(TEXT.check, check),
    button(TEXT.show, () => { field.value = ""; goTo(model, view, look(model, view).step + 1); }));
  const set = (text) => {
    label.textContent = text ?? "";
    if (text === null && row.contains(document.activeElement)) view.surface.focus();
    row.style.display = text === null ? "none" : "flex";
  };
  return { row, set };
}

function stepButtons(model, view) {
  const names = { forward: "f", backward: "b", end: "e", again: "s" };
  const all = Object.entries(names).map(([which, key]) =>
    [which, button(TEXT[which], () => press(model, view, which), { "aria-keyshortcuts": key })]);
  const onKey = (event) => {
    const typing = event.target.matches('input[type="text"], input[type="number"]');
    const which = Object.keys(names).find((name) => names[name] === event.key.toLowerCase());
    if (typing || !which || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    press(model, view, which);
  };
  // aria-disabled and not disabled: a disabled button would lose the focus, and the keys with it.
  const show = () => all.forEach(([which, node]) => {
    const off = refusal(model, view, which) !== "";
    node.setAttribute("aria-disabled", String(off));
    node.style.opacity = off ? 0.6 : 1;
  });
  return { row: buttons(...all.map(([, node]) => node)), onKey, show };
}

/** Scroll sideways, so that the node of the last step is in sight. */
function follow(view, card) {
  const { surface } = view, scale = view.svg.getBoundingClientRect().width / view.place.width;
  if (card && scale) surface.scrollLeft = (card.x + card.w / 2) * scale - surface.clientWidth / 2;
}

function draw(model, view, parts) {
  const { nodes, shown, numbers } = look(model, view);
  drawGraph(view.svg, nodes, view.place, numbers, shown);
  describe(view.svg, inWords(nodes, numbers, shown));
  parts.say.textContent = view.note;
  parts.steps.show();
  parts.inputs.rows.forEach(({ name, set }) => {
    const value = model.get("values")[name];
    if (value !== null && value !== undefined) set(value);
  });
  const asking = model.get("guess") && shown.back > 0 && shown.asked !== null;
  parts.guess.set(asking ? fill(TEXT.ask, { d: slope(nodes, shown.asked) }) : null);
  if (view.last !== shown.current) follow(view, view.place.cards[shown.current]);
  view.last = shown.current;
}

function render({ model, el }) {
  const nodes = model.get("nodes"), place = layout(nodes), svg = picture(place);
  svg.style.cssText = `width:100%;min-width:${0.9 * place.width}px;max-width:${place.width}px;margin:0 auto`;
  const surface = h("div", { tabindex: 0, role: "group", "aria-label": TEXT.area,
    style: "overflow-x:auto;margin:0 0 .6rem;background:var(--dlw-paper);border-radius:.35rem" }, svg);
  const view = { plan: plan(nodes), place, svg, surface, last: null };
  const parts = { say: status(), steps: stepButtons(model, view), inputs: inputPanel(model, view), guess: guessRow(model, view) };
  view.draw = () => draw(model, view, parts);
  const restep = () => {
    if (view.noted !== model.get("step")) view.note = tell(model, view);
    view.noted = null;
    view.draw();
  };
  restep();
  const root = box(model, el, h("p", {}, model.get("task")), surface, parts.steps.row, ...(model.get("guess") ? [parts.guess.row] : []), parts.say,
    parts.inputs.node, h("p", { style: "font-size:.85rem;margin:.8rem 0 0" }, TEXT.keys));
  root.style.maxWidth = "60rem"; // graphs are wide
  root.addEventListener("keydown", parts.steps.onKey);
  const given = listen(model, ["values"], () => { store(model, model.get("values")); view.draw(); });
  const stepped = listen(model, ["step"], restep);
  return () => { given(); stepped(); };
}
export default { render };
