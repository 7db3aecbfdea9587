// A prediction, made before the result is seen. Outcome shows it again beside the result.

import { h, button, buttons, choice, freshId, predictions, rich, box, status } from "./common.js";

const TEXT = {
  record: "Record my prediction",
  none: "No prediction yet. Make one before you look at the result.",
  choose: "Choose or type a prediction first.",
  recorded: (said) => `Recorded: ${said}. Now run on and compare.`,
};

/** A typed number or null. A comma is read as a decimal point; empty text is no number. */
export function readNumber(text) {
  const clean = text.trim().replace(",", ".");
  if (clean === "" || !Number.isFinite(Number(clean))) return null;
  return Number(clean);
}

/** What was said, with its unit, as it is shown. */
export const words = (said, unit) => (unit && typeof said === "number" ? `${said} ${unit}` : `${said}`);

function numberField(model, change) {
  const id = freshId();
  const input = h("input", {
    type: "text",
    inputmode: "decimal",
    id,
    autocomplete: "off",
    oninput: () => change(readNumber(input.value)),
  });
  const label = h("label", { for: id, class: "dlw-ask" }, ...rich(model.get("question")));
  const node = h("div", {}, label, h("div", { class: "dlw-field" }, input, ` ${model.get("unit")}`));
  return { node, show: (said) => { input.value = said; } };
}

function optionField(model, change) {
  const options = model.get("options");
  const node = choice(model.get("question"), options, (i) => change(options[i]));
  const show = (said) => {
    const input = node.querySelectorAll("input")[options.indexOf(said)];
    if (input) input.checked = true;
  };
  return { node, show };
}

function render({ model, el }) {
  const live = !model.get("static");
  const say = status();
  let draft = null;
  const make = model.get("number") ? numberField : optionField;
  const field = make(model, (said) => { draft = said; });

  const show = (said) => {
    const none = said === null || said === undefined;
    say.textContent = none ? TEXT.none : TEXT.recorded(words(said, model.get("unit")));
    if (none) return;
    draft = said;
    field.show(said);
  };

  const record = button(TEXT.record, () => {
    if (draft === null) {
      say.textContent = TEXT.choose;
      return;
    }
    model.set("said", draft);
    model.save_changes();
    if (!live) predictions.save(model.get("key"), draft);
    show(draft);
  });

  box(model, el, field.node, buttons(record), say);
  show(live ? model.get("said") : predictions.load(model.get("key")));
}

export default { render };
