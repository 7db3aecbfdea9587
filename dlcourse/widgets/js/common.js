// What every widget shares: elements, sliders, buttons, the box around them, its status sentence.
// A widget's file starts with one line that names what it takes from here, for example
//   import { h, s, slider, box, status } from "./common.js";

const SVG = "http://www.w3.org/2000/svg";
const TEXT = { play: "Play", pause: "Pause" };
const FOCUSABLE = ["input", "button", "select", "textarea", "summary"];
const OWN_KEYS = "data-lm-suppress-shortcuts"; // keys pressed here belong to the widget

// ---- small pure helpers -----------------------------------------------------------------

export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** A number with a fixed count of decimals and a true minus sign; never "-0.00". */
export function number(value, decimals = 2) {
  const text = Math.abs(value).toFixed(decimals);
  const zero = Number(text) === 0;
  return value < 0 && !zero ? `\u2212${text}` : text;
}

/** A sentence with gaps: fill("{a} and {b}", { a: 1, b: 2 }). */
export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => values[key]);

/** The course's colours, the same in every picture. */
export const COLORS = Object.fromEntries(
  ["weights", "activations", "gradients", "loss", "class0", "class1", "neutral", "paper", "ink"]
    .map((name) => [name, `var(--dlw-${name})`]),
);

/** Calls react() when one of these traits changes. Returns the function that ends it. */
export function listen(model, names, react) {
  names.forEach((name) => model.on(`change:${name}`, react));
  return () => names.forEach((name) => model.off(`change:${name}`, react));
}

// ---- elements ---------------------------------------------------------------------------

// One counter for the whole page: several widgets' scripts must not make the same id twice.
export function freshId() {
  window.dlwCount = (window.dlwCount || 0) + 1;
  return `dlw-${window.dlwCount}`;
}

/** An HTML element. Attributes that start with "on" are event listeners. */
export function h(tag, attrs = {}, ...kids) {
  const { svg, ...rest } = attrs;
  const el = svg ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [key, value] of Object.entries(rest)) {
    if (key.startsWith("on")) el.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== null && value !== false) {
      el.setAttribute(key, value === true ? "" : value);
    }
  }
  // JupyterLab binds the arrow keys to any focused element of a notebook (selector ":focus"). It
  // looks upwards from that element and stops at the first match, so the sign that switches its
  // shortcuts off must stand on the control itself. On the box around it comes too late.
  if (FOCUSABLE.includes(tag) || "tabindex" in rest) el.setAttribute(OWN_KEYS, "true");
  el.append(...kids);
  return el;
}

/** An SVG element. */
export const s = (tag, attrs = {}, ...kids) => h(tag, { svg: true, ...attrs }, ...kids);

/** Text in which `code` stands between backticks, as a list of nodes. */
export function rich(text) {
  const parts = text.split("`");
  return parts.map((part, i) => (i % 2 === 1 ? h("code", {}, part) : part));
}

/** A picture on white paper. Say what it shows with describe(). */
export function picture({ width, height }, ...kids) {
  const viewBox = `0 0 ${width} ${height}`;
  return s("svg", { viewBox, width, height, role: "img", class: "dlw-paper" }, ...kids);
}

/** The text that stands in for a picture (svg or img). */
export function describe(el, text) {
  el.setAttribute(el.tagName.toLowerCase() === "img" ? "alt" : "aria-label", text);
}

/** Words in a picture, centred on (x, y). Give colour and size in style: it beats the CSS. */
export function words(x, y, text, style = "") {
  const attrs = { x, y, "text-anchor": "middle", "dominant-baseline": "central", style };
  return s("text", attrs, text);
}

/** Calls react() after the page has given this element another width. Returns what ends it. */
export function follow(el, react) {
  const watch = new ResizeObserver(() => requestAnimationFrame(react));
  watch.observe(el);
  return () => watch.disconnect();
}

// ---- controls ---------------------------------------------------------------------------

export function button(text, onClick, attrs = {}) {
  return h("button", { type: "button", onclick: onClick, ...attrs }, text);
}

export const buttons = (...kids) => h("div", { class: "dlw-buttons" }, ...kids);

/** A labelled slider. format(value) gives the words that are shown and read aloud. */
export function slider(text, { min, max, step, value, format = String }, onInput) {
  const id = freshId();
  const out = h("output", { for: id });
  const input = h("input", { type: "range", id, min, max, step });
  const show = () => {
    const words = format(Number(input.value));
    out.textContent = words;
    input.setAttribute("aria-valuetext", words);
  };
  const set = (v) => {
    input.value = v;
    show();
  };
  set(value);
  input.addEventListener("input", () => {
    show();
    onInput(Number(input.value));
  });
  const row = h("div", { class: "dlw-row" }, h("label", { for: id }, ...rich(text)), input, out);
  return { row, input, set, get: () => Number(input.value) };
}

/** A group of radio buttons with its question. pick(i) is called when option i is chosen. */
export function choice(question, options, pick) {
  const name = freshId();
  const rows = options.map((text, i) => {
    const id = `${name}-${i}`;
    const input = h("input", { type: "radio", name, id, value: i, onchange: () => pick(i) });
    return h("div", { class: "dlw-option" }, input, h("label", { for: id }, ...rich(text)));
  });
  return h("fieldset", { class: "dlw-choice" }, h("legend", {}, ...rich(question)), ...rows);
}

/** A button that plays a slider from its start (or from where it stands) to its end. */
export function player(handle, onInput, interval = 500) {
  let timer = null;
  const { input } = handle;
  const stop = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = TEXT.play;
  };
  const go = (value) => {
    handle.set(value);
    onInput(handle.get());
  };
  const tick = () => {
    // The page or the notebook may have dropped the widget while it was playing.
    if (!input.isConnected || handle.get() >= Number(input.max)) return stop();
    return go(handle.get() + Number(input.step));
  };
  const play = button(TEXT.play, () => {
    if (timer !== null) return stop();
    if (handle.get() >= Number(input.max)) go(Number(input.min));
    play.textContent = TEXT.pause;
    timer = setInterval(tick, interval);
    return undefined;
  });
  input.addEventListener("input", () => timer !== null && stop());
  return play;
}

// ---- predictions, remembered by the page and by the browser ------------------------------

const STORE = "dlcourse-prediction:";

export const predictions = {
  save(key, said) {
    (window.dlwPredictions ??= {})[key] = said;
    try {
      localStorage.setItem(STORE + key, JSON.stringify(said));
    } catch {
      // A private window may refuse storage. The prediction then lasts as long as the page.
    }
    document.dispatchEvent(new CustomEvent("dlw-prediction", { detail: key }));
  },

  load(key) {
    if (window.dlwPredictions && key in window.dlwPredictions) return window.dlwPredictions[key];
    try {
      return JSON.parse(localStorage.getItem(STORE + key));
    } catch {
      return null; // no storage here: no prediction was kept
    }
  },
};

// ---- the box and its sentence -----------------------------------------------------------

/** The sentence that says in words what the widget shows now. Set its textContent. */
export const status = () => h("p", { class: "dlw-status", role: "status" });

/** The widget's frame: named by its label, always with a status sentence. */
export function box(model, el, ...kids) {
  const id = freshId();
  const title = h("p", { class: "dlw-title", id }, model.get("label"));
  const root = h("div", { class: "dlw-box", role: "group", "aria-labelledby": id }, title, ...kids);
  el.append(root);
  // After the first drawing, so that a widget which forgot a description is seen in its tests.
  setTimeout(() => root.isConnected && faults(root).forEach((text) => console.error(text)), 0);
  return root;
}

/** What a widget forgot: used by box() and by the tests. */
export function faults(root) {
  const name = root.querySelector(".dlw-title")?.textContent.trim();
  const found = name ? [] : ["A widget has no label."];
  const say = root.querySelector('[role="status"]');
  if (!say || !say.textContent.trim()) found.push(`${name}: the status sentence is empty.`);
  for (const pic of root.querySelectorAll('svg[role="img"], img')) {
    const text = pic.getAttribute(pic.tagName === "IMG" ? "alt" : "aria-label");
    if (!text) found.push(`${name}: a picture has no description.`);
  }
  for (const control of root.querySelectorAll(`${FOCUSABLE.join(", ")}, [tabindex]`)) {
    if (!control.hasAttribute(OWN_KEYS)) found.push(`${name}: make <${control.tagName}> with h().`);
  }
  return found;
}
