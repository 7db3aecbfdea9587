// Tic-tac-toe against a tree search: the reader moves, the program answers and shows its tree.
import { h, s, slider, choice, button, buttons, player, box, status, picture, describe, words, fill, number, listen, COLORS } from "./common.js";

const TEXT = {
  cells: ["top left", "top", "top right", "left", "centre", "right", "bottom left", "bottom", "bottom right"],
  board: "The board. You are {you}.",
  area: "The search tree; arrow keys scroll it",
  free: "{place}: free",
  taken: "{place}: {stone}",
  guide: "What guides its search?",
  guides: ["policy and value of the network", "its policy alone (every position counts as even)", "its value alone (all moves equally likely)", "random games, no network"],
  short: { both: "policy and value", policy: "policy alone", value: "value alone", rollouts: "random games" },
  network: "network",
  simulations: "simulations",
  none: "0 (none)",
  step: "after simulation",
  newGame: "New game: ",
  youBegin: "you begin",
  itBegins: "it begins",
  back: "Take back",
  rows: ["prior P", "visits N", "mean Q"],
  heading: "Its possible moves, and what it knew of each",
  deeper: "The positions that it looked at below each move",
  alone: "No search: it looked no further than this.",
  empty: "Its tree appears here after its first move.",
  legend: ["good for it", "bad for it", "even", "the last simulation shown"],
  yours: "You are {you}: choose a free cell.",
  ends: { 1: "You have won!", 0: "A draw.", "-1": "You have lost." },
  moved: "It played {place}",
  noSearch: "{move} without a search. {why}",
  why: { both: "Its policy gave that move {p}.", policy: "Its policy gave that move {p}.", value: "Its value network judges the position after it best.", rollouts: "A random move." },
  searched: "{move}: {n} of {all} simulations went there. {view}",
  same: "The network's guess alone would have been the same.",
  other: "The network's guess alone would have been {place} ({p}).",
  even: "All moves were equally likely to begin with.",
  path: "Simulation {k}: {path}. Result for it: {result}.",
  result: { new: "{v}, judged at a new position", end: "{v}, the end of a game" },
  tally: "Your games so far: {won} won, {drawn} drawn, {lost} lost.",
  told: { 1: "won", 0: "drawn", "-1": "lost" },
  note: "{told}: {name}, {guide}, {n} simulations",
  tree: "Tree after {k} simulations: {count} positions, up to {deep} moves deep. {list}.",
  column: "{place}: prior {p}, visits {n}, mean {q}",
};

// ---- the game and the network ------------------------------------------------------------

const LINES = [[0, 1, 2], [3, 4, 5], [6, 7, 8], [0, 3, 6], [1, 4, 7], [2, 5, 8], [0, 4, 8], [2, 4, 6]];
const CELLS = [0, 1, 2, 3, 4, 5, 6, 7, 8];

/** -1: the player to move has lost; 0: a draw; null: the game goes on. Signs as in games.py. */
export function outcome(position) {
  if (LINES.some((line) => line.every((cell) => position[cell] === -1))) return -1;
  return position.includes(0) ? null : 0;
}

export const movesOf = (position) => (outcome(position) === null ? CELLS.filter((cell) => position[cell] === 0) : []);

/** The position after a move, as the other player sees it. */
export const play = (position, move) => position.map((stone, cell) => (cell === move ? -1 : 0 - stone));

export const positionAfter = (moves) => moves.reduce(play, CELLS.map(() => 0));

/** x W + b; the numbers of W (row by row) and b start at this place of the weights. */
function layer(x, weights, at, size) {
  const bias = at + x.length * size, out = weights.slice(bias, bias + size);
  x.forEach((v, i) => {
    if (v) for (let j = 0; j < size; j++) out[j] += v * weights[at + i * size + j];
  });
  return [out, bias + size];
}

/** The policy-value network: a probability for each cell, and a value for the player to move. */
export function evaluate({ hidden, weights }, position) {
  let x = [...position.map((v) => Number(v === 1)), ...position.map((v) => Number(v === -1))], at = 0;
  for (const size of hidden) {
    const [z, next] = layer(x, weights, at, size);
    x = z.map((v) => Math.max(v, 0));
    at = next;
  }
  const [logits, next] = layer(x, weights, at, 9), [[value]] = layer(x, weights, next, 1);
  const most = Math.max(...logits.filter((_, cell) => position[cell] === 0));
  const powers = logits.map((z, cell) => (position[cell] === 0 ? Math.exp(z - most) : 0));
  const total = powers.reduce((a, b) => a + b, 0);
  return { priors: powers.map((p) => p / total), value: Math.tanh(value) };
}

/** Random numbers in [0, 1) from a seed: the same game gives the same tree (mulberry32). */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 4294967296;
  };
}

/** Random moves to the end: 1 if the player to move now wins, 0 for a draw, -1 if not. */
export function rollout(position, rng) {
  let sign = 1, now = position, moves = movesOf(now);
  for (; moves.length; moves = movesOf(now)) {
    now = play(now, moves[Math.floor(rng() * moves.length)]);
    sign = -sign;
  }
  return sign * outcome(now);
}

/** What the search asks for priors and a value. */
export function evaluatorOf(guide, net, rng) {
  const even = CELLS.map(() => 1);
  return (position) => {
    if (guide === "rollouts") return { priors: even, value: rollout(position, rng) };
    const { priors, value } = evaluate(net, position);
    return { priors: guide === "value" ? even : priors, value: guide === "policy" ? 0 : value };
  };
}

// ---- the search, as in tree_search.py ----------------------------------------------------

const newNode = (move, P, position = null) => ({ move, P, N: 0, W: 0, Q: 0, position, value: null, children: [] });

function expand(node, evaluator) {
  const { priors, value } = evaluator(node.position), moves = movesOf(node.position);
  const total = moves.reduce((sum, move) => sum + priors[move], 0);
  node.children = moves.map((move) => newNode(move, priors[move] / total)).sort((a, b) => b.P - a.P);
  node.value = value;
}

function backUp(path) {
  let result = path[path.length - 1].value;
  for (const node of [...path].reverse()) {
    result = -result;
    node.N += 1;
    node.W += result;
    node.Q = node.W / node.N;
  }
}

/** The child with the highest score Q + c P √ΣN / (1 + N). */
export function bestChild(node, c) {
  const explore = c * Math.sqrt(node.N - 1), score = (child) => child.Q + (explore * child.P) / (1 + child.N);
  return node.children.reduce((best, child) => (score(child) > score(best) ? child : best));
}

/** Grow a tree. Returns its root and the path (as moves) of the last simulation. */
export function search(position, evaluator, simulations, c) {
  const root = newNode(-1, 1, position);
  let path = [root];
  expand(root, evaluator);
  backUp(path);
  for (let k = 0; k < simulations; k++) {
    path = [root];
    for (let node = root; node.children.length;) {
      const parent = node;
      node = bestChild(parent, c);
      if (!node.position) {
        node.position = play(parent.position, node.move);
        node.value = outcome(node.position);
      }
      path.push(node);
    }
    const last = path[path.length - 1];
    if (last.value === null) expand(last, evaluator);
    backUp(path);
  }
  return { root, path };
}

/** The most visited move; of equal ones the one with the best mean. Without a search: see below. */
export function decide(root, guide, evaluator, rng) {
  const { children } = root, first = (better) => children.reduce((best, child) => (better(child, best) ? child : best));
  if (root.N > 1) return first((a, b) => a.N > b.N || (a.N === b.N && a.Q > b.Q)).move;
  if (guide === "rollouts") return children[Math.floor(rng() * children.length)].move;
  if (guide !== "value") return children[0].move;
  children.forEach((child) => { // one move ahead: the outcome where the game is over, else the value
    const after = play(root.position, child.move);
    child.Q = -(outcome(after) ?? evaluator(after).value);
  });
  return [...children].sort((a, b) => a.move - b.move).reduce((a, b) => (b.Q > a.Q ? b : a)).move;
}

/** Everything about one decision: the tree, how it was after `step` simulations, and the move. */
export function think(position, net, { guide, simulations, c, seed }, step = simulations) {
  const rng = random(seed), evaluator = evaluatorOf(guide, net, rng), whole = search(position, evaluator, simulations, c);
  const move = decide(whole.root, guide, evaluator, rng);
  if (step >= simulations) return { whole: whole.root, move, ...whole };
  return { whole: whole.root, move, ...search(position, evaluatorOf(guide, net, random(seed)), step, c) };
}

// ---- the picture of the tree -------------------------------------------------------------

const WIDE = 456, LEFT = 66, ROOM = WIDE - LEFT - 6, TOP = 172, LOW = 352, HIGH = 386, BOARDS = 108, SMALL = 11;
const quiet = "font-size:12px;fill:var(--dlw-neutral)", plain = "font-size:12px;paint-order:stroke;stroke:#fff;stroke-width:3px";

const visited = (node) => node.children.filter((child) => child.N > 0);
const size = (node) => 1 + visited(node).reduce((sum, child) => sum + size(child), 0);
const depth = (node) => Math.max(0, ...visited(node).map((child) => 1 + depth(child)));
const leaves = (node) => visited(node).reduce((sum, child) => sum + leaves(child), 0) || 1;
const sorted = (nodes) => [...nodes].sort((a, b) => a.move - b.move);
const columns = (root) => sorted(root.children).map((child, k, all) => ({ child, x: LEFT + ((k + 0.5) * ROOM) / all.length, width: ROOM / all.length }));

/** A place for each position of the whole tree, so that nothing moves while it grows: path -> [x, y]. */
export function layout(root) {
  const places = {}, gap = Math.min((LOW - TOP) / Math.max(depth(root) - 2, 1), 60);
  const spread = (node, path, low, high, level) => {
    const kids = sorted(visited(node)), all = kids.reduce((sum, kid) => sum + leaves(kid), 0);
    let from = low;
    kids.forEach((kid) => {
      const to = from + ((high - low) * leaves(kid)) / all, key = `${path}/${kid.move}`;
      places[key] = [(from + to) / 2, TOP + gap * (level - 2)];
      spread(kid, key, from, to, level + 1);
      from = to;
    });
  };
  spread(root, "", LEFT, LEFT + ROOM, 1);
  columns(root).forEach(({ child, x }) => { places[`/${child.move}`] = [x, BOARDS]; });
  return places;
}

const tint = (q) => (q > 0.05 ? COLORS.class0 : q < -0.05 ? COLORS.class1 : COLORS.neutral);

/** A position of the tree: a circle if it is good for the program, a square if it is bad. */
function dot([x, y], N, q, least) {
  const r = Math.min(least + 0.75 * Math.log2(N), 6.5), look = { fill: tint(q), opacity: (0.45 + 0.55 * Math.abs(q)).toFixed(2) };
  return q < -0.05 ? s("rect", { x: x - r, y: y - r, width: 2 * r, height: 2 * r, ...look }) : s("circle", { cx: x, cy: y, r, ...look });
}

/** A board so small that it fits between the lines; the new stone is drawn bold. */
function smallBoard(position, move, [x, y], chosen) {
  const ink = { fill: "none", stroke: COLORS.ink }, parts = [];
  const sign = position.reduce((sum, v) => sum + Math.abs(v), 0) % 2 ? -1 : 1; // X moves at even counts
  CELLS.forEach((cell) => {
    const stone = (cell === move ? 1 : position[cell]) * sign, cx = x + ((cell % 3) - 1) * SMALL, cy = y + (Math.floor(cell / 3) - 1) * SMALL;
    const look = { ...ink, "stroke-width": cell === move ? 2.4 : 1, opacity: cell === move ? 1 : 0.6 }, r = 3;
    if (stone === 1) parts.push(s("path", { d: `M${cx - r},${cy - r}l${2 * r},${2 * r}M${cx + r},${cy - r}l${-2 * r},${2 * r}`, ...look }));
    if (stone === -1) parts.push(s("circle", { cx, cy, r: r + 0.6, ...look }));
  });
  const half = SMALL * 1.5;
  return [s("rect", { x: x - half, y: y - half, width: 2 * half, height: 2 * half, rx: 2, fill: "#fff", stroke: COLORS.ink, "stroke-width": chosen ? 2.6 : 0.7 }), ...parts];
}

function edges(node, path, places, found = []) {
  visited(node).forEach((kid) => {
    const key = `${path}/${kid.move}`, [x, y] = places[key];
    if (path) found.push(s("line", { x1: places[path][0], y1: places[path][1], x2: x, y2: y, stroke: COLORS.neutral, "stroke-width": 0.7, opacity: 0.45 }));
    edges(kid, key, places, found);
  });
  return found;
}

function dots(node, path, places, least, side = 1, found = []) {
  visited(node).forEach((kid) => {
    const key = `${path}/${kid.move}`;
    if (path) found.push(dot(places[key], kid.N, side * kid.Q, least));
    dots(kid, key, places, least, -side, found);
  });
  return found;
}

/** The table above the tree: one column for each possible move. */
function table(root, move, searched) {
  const cell = (x, y, text, share, width, color) => [
    s("rect", { x: x - width / 2 + 2, y: y - 9, width: Math.max(share * (width - 4), 0), height: 18, fill: color, opacity: 0.28 }),
    words(x, y, text, plain)];
  const all = Math.max(root.N - 1, 1);
  return [words(WIDE / 2, 10, TEXT.heading, quiet), ...TEXT.rows.map((text, i) => words(LEFT / 2 - 2, 32 + 22 * i, text, quiet)),
    ...columns(root).flatMap(({ child, x, width }) => [
      ...cell(x, 32, number(child.P), child.P, width, COLORS.weights),
      ...cell(x, 54, searched ? String(child.N) : "–", child.N / all, width, COLORS.activations),
      words(x, 76, child.N || child.Q ? number(child.Q) : "–", plain),
      ...smallBoard(root.position, child.move, [x, BOARDS], child.move === move)])];
}

function drawTree(svg, view) {
  const { thought } = view;
  if (!thought) {
    svg.replaceChildren(words(WIDE / 2, HIGH / 2, TEXT.empty, quiet));
    return describe(svg, TEXT.empty);
  }
  const { root, whole, path, move } = thought, searched = whole.N > 1, places = layout(whole);
  const keys = path.slice(1).map((_, i) => path.slice(1, i + 2).map((node) => `/${node.move}`).join(""));
  const way = keys.map((key) => places[key].join(",")).join(" ");
  svg.replaceChildren(...edges(root, "", places),
    s("polyline", { points: way, fill: "none", stroke: COLORS.ink, "stroke-width": 2.4, "stroke-linejoin": "round" }),
    ...dots(root, "", places, leaves(whole) > 90 ? 1.3 : 2.3), ...table(root, move, searched), words(WIDE / 2, searched ? HIGH - 8 : TOP, searched ? TEXT.deeper : TEXT.alone, quiet));
  const list = columns(root).map(({ child }) => fill(TEXT.column, { place: TEXT.cells[child.move], p: number(child.P), n: child.N, q: number(child.Q) })).join("; ");
  return describe(svg, fill(TEXT.tree, { k: root.N - 1, count: size(root), deep: depth(root), list }));
}

// ---- state and words ---------------------------------------------------------------------

const itsTurn = (model) => !isOwn(model, model.get("moves").length);

/** Whether move number k is the reader's. */
const isOwn = (model, k) => (k % 2 === 0) === (model.get("begins") === "you");

/** The moves before the program's last decision (or the reader's), null where there is none. */
function before(model, own) {
  const moves = model.get("moves"), last = moves.map((_, k) => k).filter((k) => isOwn(model, k) === own).pop();
  return last === undefined ? null : moves.slice(0, last);
}

/** The result of a finished game for the reader, else null. */
export function resultFor(moves, youBegin) {
  const end = outcome(positionAfter(moves));
  if (end === null || end === 0) return end;
  return (moves.length % 2 === 1) === youBegin ? 1 : -1; // who moved last has won
}

function ponder(model, view, moves, step) {
  const settings = { guide: model.get("guide"), simulations: model.get("simulations"), c: model.get("c"),
    seed: moves.reduce((sum, move) => 10 * sum + move + 1, view.round) };
  return think(positionAfter(moves), model.get("nets")[model.get("net")], settings, step);
}

/** Let the program move if it is its turn, and note how a game has ended. */
function answer(model, view) {
  if (itsTurn(model) && outcome(positionAfter(model.get("moves"))) === null) {
    const moves = model.get("moves");
    model.set("moves", [...moves, ponder(model, view, moves).move]);
  }
  const result = resultFor(model.get("moves"), model.get("begins") === "you");
  if (result !== null && !view.counted) {
    const name = model.get("names")[model.get("net")], guide = TEXT.short[model.get("guide")];
    model.set("games", [...model.get("games"), fill(TEXT.note, { told: TEXT.told[result], name, guide, n: model.get("simulations") })]);
  }
  view.counted = result !== null;
}

function decisionWords(model, { whole, move }) {
  const guide = model.get("guide"), moved = fill(TEXT.moved, { place: TEXT.cells[move] });
  const chosen = whole.children.find((child) => child.move === move), top = whole.children[0];
  if (whole.N === 1) return fill(TEXT.noSearch, { move: moved, why: fill(TEXT.why[guide], { p: number(chosen.P) }) });
  const uniform = guide === "value" || guide === "rollouts";
  const view = uniform ? TEXT.even : top === chosen ? TEXT.same : fill(TEXT.other, { place: TEXT.cells[top.move], p: number(top.P) });
  return fill(TEXT.searched, { move: moved, n: chosen.N, all: whole.N - 1, view });
}

function pathWords({ root, path }) {
  const last = path[path.length - 1], value = (path.length % 2 ? 1 : -1) * last.value;
  const result = fill(last.children.length ? TEXT.result.new : TEXT.result.end, { v: number(value) });
  return fill(TEXT.path, { k: root.N - 1, path: path.slice(1).map((node) => TEXT.cells[node.move]).join(" → "), result });
}

function sentence(model, view) {
  const moves = model.get("moves"), result = resultFor(moves, model.get("begins") === "you"), lines = [];
  if (view.thought) lines.push(decisionWords(model, view.thought));
  if (view.thought && view.thought.path.length > 1) lines.push(pathWords(view.thought));
  lines.push(result === null ? fill(TEXT.yours, { you: model.get("begins") === "you" ? "X" : "O" }) : TEXT.ends[result]);
  const games = model.get("games"), count = (told) => games.filter((note) => note.startsWith(told)).length;
  if (games.length) lines.push(fill(TEXT.tally, { won: count("won"), drawn: count("drawn"), lost: count("lost") }));
  return lines.join("\n");
}

// ---- putting it together -----------------------------------------------------------------

const CELL = "width:3.4rem;height:3.4rem;min-height:0;padding:0;font-size:1.7rem;font-weight:700;line-height:1;"
  + "background:var(--dlw-paper);border:1px solid var(--dlw-neutral);border-radius:.3rem;";

function boardOf(pick) {
  const cells = CELLS.map((cell) => button("", () => pick(cell), { style: CELL }));
  const grid = h("div", { role: "group", style: "display:grid;grid-template-columns:repeat(3,3.4rem);gap:.25rem;margin:0 auto 1rem" }, ...cells);
  const show = (moves, you) => {
    grid.setAttribute("aria-label", fill(TEXT.board, { you }));
    cells.forEach((cell, i) => {
      const when = moves.indexOf(i), stone = when < 0 ? "" : when % 2 ? "O" : "X";
      cell.textContent = stone;
      cell.setAttribute("aria-label", fill(stone ? TEXT.taken : TEXT.free, { place: TEXT.cells[i], stone }));
      cell.style.color = stone === "O" ? "var(--dlw-class1)" : "var(--dlw-class0)";
      cell.style.boxShadow = when >= 0 && when === moves.length - 1 ? "inset 0 0 0 3px var(--dlw-activations)" : "none";
    });
  };
  return { grid, show };
}

function legend() {
  const icon = (...kids) => s("svg", { width: 22, height: 14, "aria-hidden": "true", style: "vertical-align:-2px;margin-right:.3rem;background:#fff;border-radius:3px" }, ...kids);
  const arts = [dot([11, 7], 1, 0.9, 5), dot([11, 7], 1, -0.9, 4.5), dot([11, 7], 1, 0, 5), s("line", { x1: 2, x2: 20, y1: 7, y2: 7, stroke: COLORS.ink, "stroke-width": 2.4 })];
  return h("p", { style: "display:flex;flex-wrap:wrap;gap:0 1.2rem;font-size:.85rem" },
    ...arts.map((art, i) => h("span", { style: "white-space:nowrap" }, icon(art), TEXT.legend[i])));
}

function draw(model, view, parts) {
  const moves = model.get("moves"), decided = before(model, false), n = model.get("simulations");
  const step = Math.min(model.get("step"), n);
  view.thought = decided ? ponder(model, view, decided, step) : null;
  parts.board.show(moves, model.get("begins") === "you" ? "X" : "O");
  drawTree(parts.tree, view);
  parts.step.input.max = n;
  parts.step.set(step);
  parts.grow.style.display = n && view.thought ? "" : "none";
  parts.say.textContent = sentence(model, view);
}

function controls(model, change) {
  const levels = model.get("levels"), names = model.get("names"), guides = model.get("guides");
  const guide = choice(TEXT.guide, TEXT.guides, (i) => change("guide", guides[i]));
  const net = slider(TEXT.network, { min: 0, max: names.length - 1, step: 1, value: model.get("net"), format: (i) => names[i] }, (i) => change("net", i));
  const simulations = slider(TEXT.simulations, { min: 0, max: levels.length - 1, step: 1, value: levels.indexOf(model.get("simulations")),
    format: (i) => (levels[i] ? String(levels[i]) : TEXT.none) }, (i) => change("simulations", levels[i]));
  net.row.querySelector("output").style.whiteSpace = "normal"; // names may be long
  net.row.style.display = names.length > 1 ? "" : "none";
  const tell = () => { guide.querySelectorAll("input")[guides.indexOf(model.get("guide"))].checked = true; net.set(model.get("net")); simulations.set(levels.indexOf(model.get("simulations"))); };
  tell();
  return { guide, net, simulations, tell };
}

function render({ model, el }) {
  const view = { thought: null, counted: false, round: 1, busy: false };
  const redraw = () => draw(model, view, parts);
  /** Change traits, let the program answer, draw once. */
  const go = (changes) => {
    view.busy = true;
    Object.entries({ step: model.get("levels").at(-1), ...changes }).forEach(([name, value]) => model.set(name, value));
    answer(model, view);
    view.busy = false;
    redraw();
    model.save_changes();
  };
  const pick = (cell) => {
    const moves = model.get("moves");
    if (!itsTurn(model) && movesOf(positionAfter(moves)).includes(cell)) go({ moves: [...moves, cell] });
  };
  const start = (begins) => { view.round += 1; go({ begins, moves: [] }); };
  // With another setting the program decides once more, from where it last did.
  const change = (name, value) => go({ [name]: value, moves: before(model, false) ?? model.get("moves") });
  const takeBack = () => go({ moves: before(model, true) ?? model.get("moves") });
  const show = (k) => go({ step: k });
  const step = slider(TEXT.step, { min: 0, max: model.get("simulations"), step: 1, value: 0 }, show);
  const rows = controls(model, change);
  const parts = { board: boardOf(pick), tree: picture({ width: WIDE, height: HIGH }), say: status(), step,
    grow: h("div", {}, step.row, buttons(player(step, show, 60))) };
  parts.tree.style.minWidth = "25rem"; // narrow pages scroll it: smaller numbers can't be read
  answer(model, view);
  redraw();
  const flex = "display:flex;flex-wrap:wrap;gap:.5rem .8rem;justify-content:center;align-items:flex-start";
  const look = "padding:.3rem .5rem;font-size:.9rem";
  const begin = (text, who) => button(text, () => start(who), { "aria-label": TEXT.newGame + text, style: look });
  const games = buttons(h("span", { "aria-hidden": "true", style: "flex-basis:100%;margin-bottom:-.4rem" }, TEXT.newGame),
    begin(TEXT.youBegin, "you"), begin(TEXT.itBegins, "it"), button(TEXT.back, takeBack, { style: look }));
  games.style.gap = ".4rem";
  const side = h("div", { style: "flex:none;width:11rem;margin-bottom:.8rem" }, parts.board.grid, games);
  const scroll = h("div", { tabindex: 0, role: "group", "aria-label": TEXT.area, style: "max-width:100%;overflow-x:auto" }, parts.tree);
  box(model, el, h("p", {}, model.get("task")), h("div", { style: flex }, side, scroll), legend(), parts.say, parts.grow, rows.net.row, rows.simulations.row, rows.guide);
  const heard = () => {
    if (view.busy) return;
    rows.tell();
    answer(model, view);
    redraw();
  };
  return listen(model, ["moves", "begins", "guide", "net", "simulations", "step"], heard);
}
export default { render };
