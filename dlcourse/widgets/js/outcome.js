// The reader's prediction beside what happened.

import { h, predictions, rich, box, status } from "./common.js";

const TEXT = {
  said: "You said",
  did: "It did",
  none: "no prediction",
  nothing: "You made no prediction here, and that is fine. The next one is worth a guess.",
  same: "Your prediction came true.",
  high: "Your prediction was too high.",
  low: "Your prediction was too low.",
  different: "Your prediction was different. Find the step where the two part ways.",
};

/** "none", "same", "high", "low" or "different". within: how far a number may be off. */
export function compare(said, did, within = 0) {
  if (said === null || said === undefined) return "none";
  if (typeof said !== "number" || typeof did !== "number") {
    return String(said) === String(did) ? "same" : "different";
  }
  if (Math.abs(said - did) <= within) return "same";
  return said > did ? "high" : "low";
}

const card = (title, node) => h("div", { class: "dlw-card" }, h("dt", {}, title), node);

function render({ model, el }) {
  const live = !model.get("static");
  const saidNode = h("dd", {});
  const didNode = h("dd", {}, model.get("did_text"));
  const say = status();
  const cards = h("dl", { class: "dlw-cards" }, card(TEXT.said, saidNode), card(TEXT.did, didNode));
  const text = h("p", {}, ...rich(model.get("text")));

  const draw = () => {
    const said = live ? model.get("said") : predictions.load(model.get("key"));
    const result = compare(said, model.get("did"), model.get("within"));
    const unit = typeof said === "number" && model.get("unit") ? ` ${model.get("unit")}` : "";
    saidNode.textContent = result === "none" ? TEXT.none : `${said}${unit}`;
    say.classList.toggle("dlw-right", result === "same");
    say.textContent = result === "none" ? TEXT.nothing : TEXT[result];
  };

  box(model, el, cards, ...(model.get("text") ? [text] : []), say);
  if (live) model.on("change:said", draw);
  else {
    document.addEventListener("dlw-prediction", (event) => {
      if (event.detail === model.get("key")) draw();
    });
  }
  draw();
}

export default { render };
