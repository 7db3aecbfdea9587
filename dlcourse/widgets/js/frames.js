// Pictures that Python computed for every setting on a grid. Sliders choose among them;
// with a kernel, Python computes any other setting.

import { h, button, buttons, describe, slider, player, freshId, box, status } from "./common.js";

const TEXT = {
  exact: "Other values",
  compute: "Compute in Python",
  computing: "Python is computing …",
  number: (label) => `Type a number for ${label}.`,
};

/** Where the frame for the chosen indices stands in the list: the last parameter runs fastest. */
export function frameIndex(at, lengths) {
  return lengths.reduce((index, length, i) => index * length + at[i], 0);
}

function exactValues(model, params, say) {
  const fields = params.map((p) => {
    const id = freshId();
    const numeric = typeof p.values[0] === "number";
    const input = h("input", { type: "text", inputmode: numeric ? "decimal" : "text", id });
    input.value = p.values[p.start];
    return { p, input, numeric, node: h("div", {}, h("label", { for: id }, p.label), input) };
  });
  const compute = button(TEXT.compute, () => {
    const values = {};
    for (const { p, input, numeric } of fields) {
      const text = input.value.trim();
      if (numeric && (text === "" || !Number.isFinite(Number(text)))) {
        say.textContent = TEXT.number(p.label);
        return;
      }
      values[p.name] = numeric ? Number(text) : text;
    }
    say.textContent = TEXT.computing;
    const count = (model.get("request").count ?? 0) + 1; // the same values may be asked again
    model.set("request", { count, values });
    model.save_changes();
  });
  const row = h("div", { class: "dlw-exact" }, ...fields.map((f) => f.node), compute);
  return h("details", { class: "dlw-more" }, h("summary", {}, TEXT.exact), row);
}

function render({ model, el }) {
  const params = model.get("params");
  const lengths = params.map((p) => p.values.length);
  const at = params.map((p) => p.start);
  const [width, height] = model.get("size");
  const img = h("img", { width, height, decoding: "async" });
  const say = status();
  const show = (src, text) => {
    img.src = src;
    describe(img, text);
    say.textContent = text;
  };
  const draw = () => {
    const i = frameIndex(at, lengths);
    show(model.get("images")[i], model.get("texts")[i]);
  };

  const controls = [];
  params.forEach((p, i) => {
    const choose = (k) => {
      at[i] = k;
      draw();
    };
    const range = { min: 0, max: p.values.length - 1, step: 1, value: p.start };
    const handle = slider(p.label, { ...range, format: (k) => p.shown[k] }, choose);
    controls.push(handle.row);
    if (p.play) {
      const play = player(handle, choose, model.get("interval"));
      controls.push(buttons(play));
    }
  });
  if (!model.get("static")) {
    controls.push(exactValues(model, params, say));
    model.on("change:reply", () => {
      const reply = model.get("reply");
      if (reply.error) say.textContent = reply.error;
      else if (reply.image) show(reply.image, reply.text);
    });
  }
  const root = box(model, el, img, ...controls, say);
  // The other frames are fetched when the reader comes near, so that moving a slider is smooth.
  const fetchAll = () => model.get("images").forEach((src) => { new Image().src = src; });
  root.addEventListener("pointerenter", fetchAll, { once: true });
  root.addEventListener("focusin", fetchAll, { once: true });
  draw();
}

export default { render };
