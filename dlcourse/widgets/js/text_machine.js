// A machine that writes: it counts in the page what follows what in a text, then draws letter by letter.
import { h, s, slider, box, status, button, buttons, picture, describe, words, fill, number, clamp, listen, freshId, COLORS } from "./common.js";

const TEXT = {
  memory: "memory",
  temperature: "temperature",
  prompt: "It goes on from",
  again: "Write another text",
  written: "What it writes (underlined: copied, {least} characters or more in a row that stand in its text)",
  next: "Next character after “{end}”",
  curve: "Which memory is best?",
  bits: "bits per character",
  across: "memory (characters)",
  old: "the text it counted",
  fresh: "new text",
  space: "space",
  line: "new line",
  probability: "probability",
  now: "Memory {k} (a {n}-gram), temperature {t}: {fresh} bits per character on new text, {old} on the text it counted. ",
  copied: "{share} % of what it wrote is copied; the longest piece has {longest} characters. ",
  none: "Nothing longer than {least} characters is copied. ",
  loop: "It has run into a loop: its last {n} characters stand in what it wrote before. ",
  greedy: "At temperature 0 it always takes the likeliest character, so every try is the same.",
  nextAlt: "Likeliest next characters: {list}.",
  curveAlt: "Bits per character for memories of 0 to {most}. On new text: {fresh}. On the text it counted: {old}.",
};

// ---- the mathematics ---------------------------------------------------------------------

/** What followed each context of 0 … most characters, and how often: a Map of Maps for each length. */
export function count(text, most) {
  return Array.from({ length: most + 1 }, (_, k) => {
    const table = new Map();
    for (let i = k; i < text.length; i++) {
      const context = text.slice(i - k, i);
      let followers = table.get(context);
      if (!followers) table.set(context, followers = new Map());
      followers.set(text[i], (followers.get(text[i]) ?? 0) + 1);
    }
    return table;
  });
}

const total = (followers) => [...followers.values()].reduce((sum, n) => sum + n, 0);

/** Probabilities of all characters after a context: each longer memory corrects the shorter one. */
export function next(tables, alphabet, context, memory) {
  let p = alphabet.map(() => 1 / alphabet.length);
  for (let k = 0; k <= memory && k <= context.length; k++) {
    const followers = tables[k].get(context.slice(context.length - k));
    if (!followers) break;
    const seen = total(followers), kinds = followers.size;
    p = p.map((q, i) => ((followers.get(alphabet[i]) ?? 0) + kinds * q) / (seen + kinds));
  }
  return p;
}

/** p to the power 1/T, made a distribution again; T = 0 keeps the likeliest alone. */
export function soften(p, temperature) {
  const top = Math.max(...p);
  if (temperature === 0) return p.map((_, i) => (i === p.indexOf(top) ? 1 : 0));
  const powers = p.map((q) => (q / top) ** (1 / temperature)), sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((q) => q / sum);
}

/** Numbers between 0 and 1 from a seed, the same in Python (the generator is called mulberry32). */
export function uniform(seed, n) {
  let a = seed;
  return Array.from({ length: n }, () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  });
}

/** n characters that go on from the prompt. */
export function write(tables, alphabet, prompt, n, { memory, temperature, seed }) {
  let text = prompt;
  for (const u of uniform(seed, n)) {
    const p = soften(next(tables, alphabet, text.slice(-memory || text.length), memory), temperature);
    let i = 0, sum = p[0];
    while (sum <= u && i < p.length - 1) sum += p[++i];
    text += alphabet[i];
  }
  return text.slice(prompt.length);
}

/** Mean of -log2 p over a text, for memories of 0 … most; the first `most` characters only help. */
export function bits(tables, size, text) {
  const most = tables.length - 1, sums = tables.map(() => 0);
  for (let i = most; i < text.length; i++) {
    let p = 1 / size, k = 0;
    for (; k <= most; k++) {
      const followers = tables[k].get(text.slice(i - k, i));
      if (!followers) break;
      const kinds = followers.size;
      followers.sum ??= total(followers);
      p = ((followers.get(text[i]) ?? 0) + kinds * p) / (followers.sum + kinds);
      sums[k] -= Math.log2(p);
    }
    for (; k <= most; k++) sums[k] -= Math.log2(p);
  }
  return sums.map((sum) => sum / (text.length - most));
}

/** All of it at once, as plain data: bits, and for each [context, memory] what comes next and a text. */
export function trial(text, fresh, asked) {
  const tables = count(text, 8), alphabet = [...new Set(text + fresh)].sort();
  return { alphabet: alphabet.join(""), bits: bits(tables, alphabet.length, fresh),
    p: asked.map(([context, memory]) => next(tables, alphabet, context, memory)),
    texts: asked.map(([context, memory], seed) => write(tables, alphabet, context, 80,
      { memory, temperature: [0, 0.5, 1, 2][seed % 4], seed })) };
}

/** Which characters of what was written lie in a piece of `least` or more that stands in the text. */
export function copies(written, text, least) {
  const marks = Array(written.length).fill(false);
  let longest = 0;
  for (let i = 0; i + least <= written.length; i++) {
    if (!text.includes(written.slice(i, i + least))) continue;
    let end = i + least;
    while (end < written.length && text.includes(written.slice(i, end + 1))) end++;
    longest = Math.max(longest, end - i);
    marks.fill(true, i, end);
  }
  return { marks, longest };
}

// ---- pictures ----------------------------------------------------------------------------

const WIDE = 320, HIGH = 236, LEFT = 38, RIGHT = 12, TOP = 34, BASE = HIGH - 44, SHOWN = 9;
const quiet = "font-size:11px;fill:var(--dlw-neutral)";
const name = (c) => (c === " " ? TEXT.space : c === "\n" ? TEXT.line : c);
const title = (text) => words(WIDE / 2, 12, text, "font-size:13px;font-weight:600");

function drawNext(svg, p, alphabet, end) {
  const order = p.map((q, i) => [q, i]).sort((a, b) => b[0] - a[0] || a[1] - b[1]).slice(0, SHOWN);
  const row = (HIGH - TOP - 12) / SHOWN, first = 66, room = WIDE - first - 52;
  svg.replaceChildren(title(fill(TEXT.next, { end })), ...order.flatMap(([q, i], k) => {
    const y = TOP + (k + 0.5) * row, letter = name(alphabet[i]), long = letter.length > 1;
    return [words(first - (long ? 36 : 16), y, letter, long ? quiet : "font-weight:600"),
      s("rect", { x: first, y: y - row / 2 + 3, width: Math.max(q * room, 1), height: row - 6, fill: COLORS.activations }),
      words(first + q * room + 24, y, `${number(100 * q, q < 0.1 ? 1 : 0)} %`, quiet)];
  }));
  const list = order.slice(0, 5).map(([q, i]) => `${name(alphabet[i])} ${number(100 * q, 0)} %`).join(", ");
  describe(svg, fill(TEXT.nextAlt, { list }));
}

function drawCurve(svg, old, fresh, memory) {
  const most = old.length - 1, high = Math.ceil(Math.max(...old, ...fresh));
  const X = (k) => LEFT + 10 + (k / most) * (WIDE - LEFT - RIGHT - 20), Y = (v) => BASE - (v / high) * (BASE - TOP);
  const line = (values, color, dash) => s("polyline", { points: values.map((v, k) => `${X(k)},${Y(v)}`).join(" "),
    fill: "none", stroke: color, "stroke-width": 2.4, "stroke-dasharray": dash });
  const dot = (values, color, square) => (square
    ? s("rect", { x: X(memory) - 5, y: Y(values[memory]) - 5, width: 10, height: 10, fill: color })
    : s("circle", { cx: X(memory), cy: Y(values[memory]), r: 5.5, fill: color }));
  const faint = { stroke: COLORS.neutral, "stroke-width": 0.5, opacity: 0.35 };
  const key = (x, y, text, color, dash) => [s("line", { x1: x - 32, x2: x - 6, y1: y, y2: y, stroke: color,
    "stroke-width": 2.4, "stroke-dasharray": dash }), s("text", { x, y, "dominant-baseline": "central", style: quiet }, text)];
  svg.replaceChildren(title(TEXT.curve),
    ...Array.from({ length: high + 1 }, (_, v) => v).flatMap((v) => [s("line", { x1: LEFT, x2: WIDE - RIGHT, y1: Y(v), y2: Y(v), ...faint }),
      words(LEFT - 12, Y(v), String(v), quiet)]),
    ...old.map((_, k) => words(X(k), BASE + 13, String(k), quiet)), words((LEFT + WIDE) / 2, HIGH - 10, TEXT.across, quiet),
    s("line", { x1: X(memory), x2: X(memory), y1: TOP, y2: BASE, stroke: COLORS.ink, "stroke-width": 1, "stroke-dasharray": "2 3" }),
    line(old, COLORS.class0, "6 4"), line(fresh, COLORS.class1, null), dot(old, COLORS.class0, false), dot(fresh, COLORS.class1, true),
    ...key(WIDE - 150, TOP + 6, TEXT.fresh, COLORS.class1, null), ...key(WIDE - 150, TOP + 22, TEXT.old, COLORS.class0, "6 4"));
  const list = (values) => values.map((v) => number(v)).join(", ");
  describe(svg, fill(TEXT.curveAlt, { most, fresh: list(fresh), old: list(old) }));
}

/** The written text: the prompt quiet, copied pieces underlined. */
function drawText(paper, prompt, written, marks) {
  const pieces = [];
  [...written].forEach((c, i) => {
    if (pieces.length && pieces[pieces.length - 1].copied === marks[i]) pieces[pieces.length - 1].text += c;
    else pieces.push({ text: c, copied: marks[i] });
  });
  const under = "text-decoration:underline 2px;text-underline-offset:3px;background:color-mix(in srgb, var(--dlw-class1) 16%, transparent)";
  paper.replaceChildren(h("span", { style: "opacity:.7" }, prompt),
    ...pieces.map(({ text, copied }) => h("span", copied ? { style: under, "data-copied": "" } : {}, text)));
}

// ---- putting it together -----------------------------------------------------------------

/** How many characters at the end stand already further left: a loop, if they are many. */
export function loopLength(written, least = 25) {
  const end = written.slice(-least);
  return written.length > least && written.slice(0, -1).includes(end) ? least : 0;
}

const short = (t) => number(t, 1);

function sentence(model, view) {
  const k = model.get("memory"), t = model.get("temperature"), least = model.get("least");
  const share = Math.round((100 * view.marks.filter(Boolean).length) / view.marks.length);
  const loop = loopLength(view.written);
  return fill(TEXT.now, { k, n: k + 1, t: short(t), fresh: number(view.fresh[k]), old: number(view.old[k]) })
    + (view.longest ? fill(TEXT.copied, { share, longest: view.longest }) : fill(TEXT.none, { least: least - 1 }))
    + (loop ? fill(TEXT.loop, { n: loop }) : "") + (t === 0 ? TEXT.greedy : "");
}

function compute(model, view) {
  const [memory, temperature, seed] = ["memory", "temperature", "seed"].map((key) => model.get(key));
  view.prompt = [...model.get("prompt")].filter((c) => view.alphabet.includes(c)).join("");
  view.written = write(view.tables, view.alphabet, view.prompt, model.get("length"), { memory, temperature, seed });
  Object.assign(view, copies(view.written, model.get("text"), model.get("least")));
  view.p = soften(next(view.tables, view.alphabet, view.prompt, memory), temperature);
}

function draw(model, view, parts) {
  compute(model, view);
  const end = view.prompt.slice(-8).replace(/\n/g, " ");
  drawNext(parts.next, view.p, view.alphabet, end);
  drawCurve(parts.curve, view.old, view.fresh, model.get("memory"));
  drawText(parts.paper, view.prompt, view.written, view.marks);
  parts.say.textContent = sentence(model, view);
}

/** Tell Python what was written. */
function store(model, view) {
  model.set("written", view.written);
  model.set("copied", view.marks.filter(Boolean).length / view.marks.length);
  model.set("bits", view.fresh[model.get("memory")]);
  model.save_changes();
}

function promptField(model, onChange) {
  const id = freshId();
  const input = h("input", { type: "text", id, value: model.get("prompt"), maxlength: 60, style: "width:min(100%, 22rem)",
    oninput: () => onChange(input.value) });
  return { input, row: h("div", { style: "margin:.6rem 0" }, h("label", { for: id, class: "dlw-ask" }, TEXT.prompt), input) };
}

function render({ model, el }) {
  const text = model.get("text"), most = model.get("most"), tables = count(text, most);
  const alphabet = [...new Set(text + model.get("fresh"))].sort();
  const view = { tables, alphabet, old: bits(tables, alphabet.length, text), fresh: bits(tables, alphabet.length, model.get("fresh")) };
  const parts = { next: picture({ width: WIDE, height: HIGH }), curve: picture({ width: WIDE, height: HIGH }), say: status(),
    paper: h("div", { style: "min-height:9.5em;padding:.7rem .9rem;margin:.2rem 0 .8rem;border:1px solid var(--line);border-radius:.4rem;"
      + "font-family:Georgia, 'DejaVu Serif', serif;white-space:pre-wrap;overflow-wrap:anywhere" }) };
  const show = () => draw(model, view, parts);
  const set = (key, value) => {
    model.set(key, value); // the listeners below draw
    store(model, view);
  };
  const memory = slider(TEXT.memory, { min: 0, max: most, step: 1, value: clamp(model.get("memory"), 0, most) },
    (k) => set("memory", k));
  const heat = slider(TEXT.temperature, { min: 0, max: 2, step: 0.1, value: model.get("temperature"), format: short },
    (t) => set("temperature", t));
  const field = promptField(model, (value) => set("prompt", value));
  show();
  const flex = "display:flex;flex-wrap:wrap;gap:0 .8rem;justify-content:center";
  box(model, el, h("p", {}, model.get("task")), memory.row, heat.row, field.row,
    h("p", { style: "font-size:.85rem;margin:0" }, fill(TEXT.written, { least: model.get("least") })), parts.paper,
    buttons(button(TEXT.again, () => set("seed", model.get("seed") + 1))), h("div", { style: `${flex};margin-top:.9rem` }, parts.next, parts.curve),
    parts.say);
  const sync = (key, put) => listen(model, [key], () => { put(model.get(key)); show(); });
  const ends = [sync("memory", memory.set), sync("temperature", heat.set), sync("seed", () => {}),
    sync("prompt", (value) => { if (field.input.value !== value) field.input.value = value; })];
  return () => ends.forEach((end) => end());
}
export default { render };
