// A time line of deep learning: events in lanes, a card for the chosen one, and a game of ordering.
import { h, s, slider, box, status, button, buttons, picture, describe, words, fill, clamp, listen, follow, COLORS } from "./common.js";

const TEXT = {
  event: "event",
  legend: { turn: "from {turn} on years are drawn wider", span: "years of chapter {n}: {first} to {last}", own: "event of chapter {n}", other: "other event", chosen: "the event shown" },
  previous: "Previous of chapter {n}",
  next: "Next of chapter {n}",
  game: "Put cards in order",
  back: "Back to the time line",
  picture: "Time line from {first} to {last} with {all} events in {lanes} lanes: {names}. Shaded: {from} to {to}, the years of chapter {n}, which has {own} of the events. Marked now: {year}, {label}.",
  now: "{year}: {title}. Event {i} of {all}, {lane}.",
  said: "Often told:",
  better: "The sources:",
  source: "Source:",
  sources: "Sources:",
  chapter: "In chapter {list}.",
  chapters: "In chapters {list}.",
  and: "and",
  rule: "The earliest on top. Drag a card (with a finger by its dots), or move it with its buttons.",
  earlier: "Up",
  later: "Down",
  move: "{word}: {title}",
  moved: "{title} is now card {i} of {all}.",
  check: "Check",
  another: "Another round",
  fresh: "Round {k} of {all}. Order the cards and check.",
  right: "Right, in {tries}. {moral}",
  tries: ["one try", "{n} tries"],
  wrong: "{n} of {all} cards are at their place. ",
  younger: "“{a}” stands above “{b}”, but is {n} {years} younger.",
  year: ["year", "years"],
};

// ---- the mathematics ---------------------------------------------------------------------

const FIRST = 1940, TURN = 2005, LAST = 2025, EARLY = 0.44; // the axis has two scales, see xOf
const SIDE = 14, ROW = 19, HEAD = 30, FOOT = 30, GAP = 6, DOT = 8;

/** A year's place. The years from 2005 on are drawn wider: as much happened in them as before. */
export function xOf(year, width) {
  const part = year < TURN ? EARLY * ((year - FIRST) / (TURN - FIRST))
    : EARLY + (1 - EARLY) * ((year - TURN) / (LAST - TURN));
  return SIDE + part * (width - 2 * SIDE);
}

/**
 * Where each event and its label stand, so that no two meet: rows are filled from the top.
 * A label stands right of its dot or left of it. measure(text, bold) gives a text's width.
 */
export function layout(events, lanes, width, own, measure = (text) => 7.4 * text.length) {
  const places = {}, bands = [];
  let top = HEAD;
  for (const lane of lanes) {
    const rows = [[[0, measure(lane.name, true) + 16]]]; // the lane's name takes the first row's start
    for (const event of events.filter((e) => e.lane === lane.id)) {
      const x = xOf(event.year, width), long = measure(event.label, own.has(event.id)) + DOT + 4;
      const right = { side: 1, from: x - DOT, to: x + long }, left = { side: -1, from: x - long, to: x + DOT };
      const inside = ({ from, to }) => from >= 0 && to <= width;
      const options = (x < width / 2 ? [right, left] : [left, right]).filter(inside);
      const free = (row) => options.find(({ from, to }) => row.every(([a, b]) => to <= a || from >= b));
      let at = rows.findIndex(free);
      if (at < 0) at = rows.push([]) - 1;
      const option = free(rows[at]) ?? right;
      rows[at].push([option.from, option.to]);
      places[event.id] = { ...option, x, y: top + GAP + (at + 0.5) * ROW };
    }
    const height = rows.length * ROW + 2 * GAP;
    bands.push({ name: lane.name, top, height });
    top += height;
  }
  return { places, bands, height: top + FOOT };
}

/** How well cards are ordered: right, how many at their place, known mix-ups, first wrong pair. */
export function judge(order, years, mixups) {
  const wanted = [...order].sort((a, b) => years[a] - years[b]), place = (id) => order.indexOf(id);
  const first = order.findIndex((id, i) => i + 1 < order.length && years[id] > years[order[i + 1]]);
  const met = ({ earlier, later }) => place(earlier) >= 0 && place(later) >= 0 && place(later) < place(earlier);
  return {
    right: first < 0,
    in_place: order.filter((id, i) => id === wanted[i]).length,
    mixups: mixups.map((mixup, i) => (met(mixup) ? i : -1)).filter((i) => i >= 0),
    pair: first < 0 ? [] : [order[first], order[first + 1]],
  };
}

/** The list with one entry moved from place i to place j. */
export function moved(list, i, j) {
  const rest = list.filter((_, k) => k !== i);
  return [...rest.slice(0, j), list[i], ...rest.slice(j)];
}

// ---- the picture -------------------------------------------------------------------------

const FONT = 12, STYLE = `font-size:${FONT}px;`;

/** The width of a text in the picture's letters, from the browser itself. */
function ruler() {
  const pen = document.createElement("canvas").getContext("2d");
  return (text, bold) => {
    pen.font = `${bold ? 700 : 400} ${FONT}px "DejaVu Sans", Verdana, sans-serif`;
    return pen.measureText(text).width;
  };
}

function label(event, { x, y, side }, look) {
  const el = words(x + side * (DOT + 1), y, event.label, `${STYLE}paint-order:stroke;stroke-width:3px;${look}`);
  el.setAttribute("text-anchor", side > 0 ? "start" : "end");
  return el;
}

/** One event: a dot and its label; the shown one stands white on dark. */
function mark(event, place, { own, chosen }, choose) {
  const { x, y, from, to } = place, area = { x: from, y: y - ROW / 2 + 0.5, width: to - from, height: ROW - 1 };
  const ink = chosen ? COLORS.paper : own ? COLORS.ink : COLORS.neutral;
  const fillDot = chosen ? COLORS.paper : own ? COLORS.weights : COLORS.paper;
  const el = s("g", { style: "cursor:pointer", onclick: () => choose(event.id) },
    s("rect", { ...area, rx: 4, fill: chosen ? COLORS.ink : "transparent" }),
    s("circle", { cx: x, cy: y, r: 4, fill: fillDot, "stroke-width": 1.5,
      stroke: chosen ? COLORS.paper : own ? COLORS.weights : COLORS.neutral }),
    label(event, place, `fill:${ink};stroke:${chosen ? COLORS.ink : COLORS.paper};${own ? "font-weight:700" : ""}`));
  el.append(s("title", {}, `${event.year}: ${event.title}`));
  return el;
}

/** Years below, and the place where the scale changes. */
function axis(width, height) {
  const base = height - FOOT, years = width < 500 ? [1950, 1970, 1990, 2010, 2020] : [1950, 1960, 1970, 1980, 1990, 2000, 2010, 2015, 2020];
  const grid = { stroke: COLORS.neutral, "stroke-width": 0.6, opacity: 0.25 }, x = xOf(TURN, width);
  const line = (year, look) => s("line", { x1: xOf(year, width), x2: xOf(year, width), y1: HEAD, y2: base, ...look });
  return [
    ...years.flatMap((year) => [line(year, grid), words(xOf(year, width), base + 13, String(year), "font-size:11px;fill:var(--dlw-neutral)")]),
    line(TURN, { ...grid, "stroke-width": 1, "stroke-dasharray": "1 4", opacity: 0.6 }),
    s("path", { d: `M${x - 6} ${base + 6}l4 -12m4 12l4 -12`, stroke: COLORS.neutral, "stroke-width": 1.6 })];
}

function drawPicture(model, view, choose) {
  const events = model.get("events"), lanes = model.get("lanes"), [from, to] = model.get("years");
  const { width, own, svg, measure } = view, chosen = view.byId[model.get("chosen")];
  const { places, bands, height } = layout(events, lanes, width, own, measure);
  for (const [name, value] of [["viewBox", `0 0 ${width} ${height}`], ["width", width], ["height", height]]) svg.setAttribute(name, value);
  const x = xOf(chosen.year, width), year = words(clamp(x, 18, width - 18), 15, String(chosen.year), `${STYLE}font-weight:700`);
  svg.replaceChildren(
    s("rect", { x: xOf(from, width) - 3, y: HEAD, width: xOf(to, width) - xOf(from, width) + 6, height: height - HEAD - FOOT,
      fill: COLORS.weights, opacity: 0.1 }),
    ...axis(width, height),
    ...bands.flatMap(({ name, top }, i) => [
      s("line", { x1: 0, x2: width, y1: top, y2: top, stroke: COLORS.neutral, "stroke-width": i ? 0.8 : 1.4, opacity: 0.6 }),
      s("text", { x: 6, y: top + GAP + ROW / 2, "dominant-baseline": "central", style: `${STYLE}font-weight:700;fill:${COLORS.activations}` }, name)]),
    s("line", { x1: 0, x2: width, y1: height - FOOT, y2: height - FOOT, stroke: COLORS.neutral, "stroke-width": 1.4, opacity: 0.6 }),
    s("line", { x1: x, x2: x, y1: 24, y2: height - FOOT, stroke: COLORS.ink, "stroke-width": 1, "stroke-dasharray": "2 3" }),
    year,
    ...events.map((e) => mark(e, places[e.id], { own: own.has(e.id), chosen: e === chosen }, choose)));
  describe(svg, fill(TEXT.picture, { first: events[0].year, last: events[events.length - 1].year, all: events.length,
    lanes: lanes.length, names: lanes.map(({ name }) => name).join(", "), from, to, n: model.get("chapter"), own: own.size,
    year: chosen.year, label: chosen.label }));
}

// ---- the card ----------------------------------------------------------------------------

/** "1, 3 and 15" from [1, 3, 15]. */
const listed = (items) => (items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} ${TEXT.and} ${items[items.length - 1]}`);

/** The heading of a source on the book's page of references: "hebb-1949". */
export const anchor = (cite) => `${cite.split(/[ ,]/)[0].toLowerCase()}-${cite.slice(-4)}`;

/** A source as a link; one that is nowhere online leads to the book's references, in the book. */
function sourceNode({ cite, link }, inBook) {
  if (link) return h("a", { href: link, target: "_blank", rel: "noopener" }, cite);
  return inBook ? h("a", { href: `../book/references.html#${anchor(cite)}` }, cite) : cite;
}

function card(model, event) {
  const sources = event.sources.map((key) => model.get("sources")[key]);
  const numbers = [...event.chapters].sort((a, b) => a - b);
  const chapters = fill(numbers.length > 1 ? TEXT.chapters : TEXT.chapter, { list: listed(numbers) });
  const pair = event.said ? [
    h("p", {}, h("strong", {}, TEXT.said), ` “${event.said}”`),
    h("p", {}, h("strong", {}, TEXT.better), ` ${event.better}`)] : [];
  return [
    h("p", { class: "dlw-event" }, h("strong", {}, `${event.year} · ${event.title}`), h("br"), event.who),
    h("p", {}, event.text), ...pair,
    h("p", { class: "dlw-count" }, `${sources.length > 1 ? TEXT.sources : TEXT.source} `,
      ...sources.flatMap((source, i) => [i ? " · " : "", sourceNode(source, model.get("static"))]), `. ${chapters}`)];
}

function legend(model) {
  const [first, last] = model.get("years"), n = model.get("chapter");
  const icon = (...kids) => s("svg", { width: 20, height: 16, "aria-hidden": "true",
    style: "vertical-align:-3px;margin-right:.35rem;background:#fff;border-radius:3px" }, ...kids);
  const dot = (look) => s("circle", { cx: 10, cy: 8, r: 4, "stroke-width": 1.5, ...look });
  const entry = (art, text) => h("span", {}, icon(...art), fill(text, { n, first, last, turn: TURN }));
  const turn = s("path", { d: "M5 14l4 -12m2 12l4 -12", stroke: COLORS.neutral, "stroke-width": 1.6 });
  const shade = s("rect", { x: 1, y: 1, width: 18, height: 14, fill: COLORS.weights, opacity: 0.18 });
  return h("p", { style: "display:flex;flex-wrap:wrap;gap:0 1.2rem;font-size:.85rem;margin:0 0 .5rem" },
    entry([shade], TEXT.legend.span),
    entry([dot({ fill: COLORS.weights, stroke: COLORS.weights })], TEXT.legend.own),
    entry([dot({ fill: COLORS.paper, stroke: COLORS.neutral })], TEXT.legend.other),
    entry([s("rect", { x: 1, y: 1, width: 18, height: 14, rx: 3, fill: COLORS.ink }), dot({ fill: COLORS.paper, stroke: COLORS.paper })], TEXT.legend.chosen),
    entry([turn], TEXT.legend.turn));
}

// ---- the game ----------------------------------------------------------------------------

/** Cards can be dragged by pen, finger or mouse: a card follows the pointer from place to place. */
function draggable(list, move) {
  let held = null; // the list keeps the pointer: a card that is put elsewhere would lose it
  list.addEventListener("pointerdown", (event) => {
    held = event.target.closest("button") ? null : event.target.closest("li");
    if (!held) return;
    list.setPointerCapture(event.pointerId);
    held.classList.add("dlw-held");
  });
  list.addEventListener("pointermove", (event) => {
    if (!held) return;
    const others = [...list.children].filter((kid) => kid !== held);
    const above = others.filter((kid) => {
      const { top, height } = kid.getBoundingClientRect();
      return top + height / 2 < event.clientY;
    });
    move(held, above.length);
  });
  const drop = () => {
    held?.classList.remove("dlw-held");
    held = null;
  };
  list.addEventListener("pointerup", drop);
  list.addEventListener("pointercancel", drop);
}

/** The card game: its own small state, drawn into one element. */
function game(model, view, say) {
  const list = h("ol", { class: "dlw-order" }), state = { at: 0, order: [], tries: 0 };
  const rounds = model.get("rounds"), mixups = model.get("mixups");
  const years = Object.fromEntries(model.get("events").map(({ id, year }) => [id, year]));
  const tell = (text, look) => {
    say.textContent = text;
    say.classList.toggle("dlw-right", look === "right");
    say.classList.toggle("dlw-wrong", look === "wrong");
  };
  const place = (el, to) => {
    const from = state.order.indexOf(el.dataset.event), target = clamp(to, 0, state.order.length - 1);
    if (from === target) return false;
    state.order = moved(state.order, from, target);
    const rest = [...list.children].filter((kid) => kid !== el);
    list.insertBefore(el, rest[target] ?? null);
    list.querySelectorAll("output").forEach((out) => { out.textContent = ""; });
    return true;
  };
  const step = (el, by, source) => {
    const { title } = view.byId[el.dataset.event];
    place(el, state.order.indexOf(el.dataset.event) + by);
    source.focus(); // an element that is put elsewhere loses the focus
    tell(fill(TEXT.moved, { title, i: state.order.indexOf(el.dataset.event) + 1, all: state.order.length }));
  };
  const cardOf = (id) => {
    const { title, who } = view.byId[id];
    const el = h("li", { "data-event": id }), name = (word) => ({ "aria-label": fill(TEXT.move, { word, title }) });
    const up = button(TEXT.earlier, () => step(el, -1, up), name(TEXT.earlier));
    const down = button(TEXT.later, () => step(el, 1, down), name(TEXT.later));
    el.append(h("span", { class: "dlw-grip", "aria-hidden": "true" }, "⠿"), h("span", {}, h("strong", {}, title), h("br"), who, " ", h("output", {})),
      h("span", { class: "dlw-moves" }, up, down));
    return el;
  };
  const deal = (at) => {
    Object.assign(state, { at, order: [...rounds[at].cards], tries: 0 });
    list.replaceChildren(...state.order.map(cardOf));
    tell(fill(TEXT.fresh, { k: at + 1, all: rounds.length }));
  };
  const told = (result) => {
    const [a, b] = result.pair, gap = years[a] - years[b];
    const known = result.mixups.slice(0, 2).map((i) => mixups[i].text);
    const plain = fill(TEXT.younger, { a: view.byId[a].title, b: view.byId[b].title, n: gap, years: TEXT.year[gap > 1 ? 1 : 0] });
    return fill(TEXT.wrong, { n: result.in_place, all: state.order.length }) + (known.length ? known.join("\n") : plain);
  };
  const check = () => {
    const result = judge(state.order, years, mixups);
    state.tries += 1;
    if (!result.right) return tell(told(result), "wrong");
    list.querySelectorAll("output").forEach((out, i) => { out.textContent = `(${years[state.order[i]]})`; });
    const tries = fill(TEXT.tries[state.tries > 1 ? 1 : 0], { n: state.tries });
    model.set("solved", [...new Set([...model.get("solved"), state.at + 1])]);
    model.save_changes();
    return tell(fill(TEXT.right, { tries, moral: rounds[state.at].moral }), "right");
  };
  draggable(list, place);
  const row = (back) => buttons(button(TEXT.check, check), button(TEXT.another, () => deal((state.at + 1) % rounds.length)), back);
  return { list, row, deal, state };
}

// ---- together ----------------------------------------------------------------------------

function sentence(model, view) {
  const events = model.get("events"), event = view.byId[model.get("chosen")];
  const lane = model.get("lanes").find(({ id }) => id === event.lane).name;
  return fill(TEXT.now, { year: event.year, title: event.title, i: events.indexOf(event) + 1, all: events.length, lane });
}

function render({ model, el }) {
  const events = model.get("events"), n = model.get("chapter"), ids = events.map(({ id }) => id);
  const own = new Set(events.filter((event) => event.chapters.includes(n)).map(({ id }) => id));
  const view = { own, width: 660, svg: picture({ width: 660, height: 400 }), measure: ruler(),
    byId: Object.fromEntries(events.map((event) => [event.id, event])) };
  const say = status(), shown = h("div", { class: "dlw-card" }), frame = h("div", {});
  const draw = () => {
    drawPicture(model, view, choose);
    shown.replaceChildren(...card(model, view.byId[model.get("chosen")]));
    row.set(ids.indexOf(model.get("chosen")));
    if (model.get("mode") === "explore") say.textContent = sentence(model, view);
  };
  const choose = (id) => {
    model.set("chosen", id);
    model.save_changes();
    draw();
  };
  const row = slider(TEXT.event, { min: 0, max: ids.length - 1, step: 1, value: ids.indexOf(model.get("chosen")),
    format: (i) => `${events[i].year}` }, (i) => choose(ids[i]));
  const jump = (by) => () => {
    const mine = ids.filter((id) => own.has(id)), at = ids.indexOf(model.get("chosen"));
    const later = mine.filter((id) => (ids.indexOf(id) - at) * by > 0);
    choose(later.length ? later[by > 0 ? 0 : later.length - 1] : mine[by > 0 ? 0 : mine.length - 1]);
  };
  const play = game(model, view, say);
  const mode = (name) => {
    model.set("mode", name);
    model.save_changes();
    turn();
  };
  const part = (...kids) => h("div", {}, ...kids);
  const steps = buttons(button(fill(TEXT.previous, { n }), jump(-1)), button(fill(TEXT.next, { n }), jump(1)), button(TEXT.game, () => mode("order")));
  const explore = part(row.row, steps, h("div", { style: "height:.9rem" }), legend(model), frame, shown);
  const order = part(h("p", {}, TEXT.rule), play.list, play.row(button(TEXT.back, () => mode("explore"))));
  const turn = () => {
    const playing = model.get("mode") === "order";
    explore.hidden = playing;
    order.hidden = !playing;
    say.classList.remove("dlw-right", "dlw-wrong");
    if (playing) play.deal(play.state.at);
    else draw();
  };
  frame.append(view.svg);
  box(model, el, h("p", {}, model.get("task")), explore, order, say);
  const fit = () => {
    const width = Math.round(clamp(frame.clientWidth || 660, 280, 680));
    if (width !== view.width && frame.clientWidth) {
      view.width = width;
      draw();
    }
  };
  draw();
  turn();
  fit();
  const ends = [follow(frame, fit), listen(model, ["chosen"], draw), listen(model, ["mode"], turn)];
  return () => ends.forEach((end) => end());
}
export default { render };
