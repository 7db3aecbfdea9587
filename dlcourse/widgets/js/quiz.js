// A quiz of several questions. Every option has its own feedback; the score is told in words.

import { h, button, buttons, choice, rich, box, status } from "./common.js";

const TEXT = {
  check: "Check",
  checkLabel: (n) => `Check question ${n}`,
  count: (n, all) => `Question ${n} of ${all}`,
  choose: "Choose an answer first.",
  right: "Right. ",
  wrong: "Not yet. ",
  progress: (done, all) => `${done} of ${all} questions answered.`,
  score: (right, all) =>
    right === all
      ? `All ${all} questions answered, each one right at the first try.`
      : `All ${all} questions answered, ${right} of them right at the first try. ` +
        "The others are worth a second look.",
};

/** The status sentence. firsts: the first option chosen per question, or -1 for none yet. */
export function verdict(firsts, answers) {
  const done = firsts.filter((pick) => pick >= 0).length;
  if (done < answers.length) return TEXT.progress(done, answers.length);
  const right = firsts.filter((pick, i) => pick === answers[i]).length;
  return TEXT.score(right, answers.length);
}

function question(item, n, all, onCheck) {
  const feedback = h("p", { class: "dlw-feedback", "aria-live": "polite" });
  let picked = -1;
  const options = item.options.map(([text]) => text);
  const field = choice(item.question, options, (i) => {
    picked = i;
  });
  const check = button(
    TEXT.check,
    () => {
      const right = picked === item.answer;
      feedback.classList.toggle("dlw-right", right);
      feedback.classList.toggle("dlw-wrong", picked >= 0 && !right);
      if (picked < 0) return feedback.replaceChildren(TEXT.choose);
      feedback.replaceChildren(right ? TEXT.right : TEXT.wrong, ...rich(item.options[picked][1]));
      return onCheck(picked);
    },
    { "aria-label": TEXT.checkLabel(n) },
  );
  const heading = h("p", { class: "dlw-count" }, TEXT.count(n, all));
  return h("div", { class: "dlw-question" }, heading, field, buttons(check), feedback);
}

function render({ model, el }) {
  const items = model.get("items");
  const answers = items.map((item) => item.answer);
  const firsts = items.map(() => -1);
  const say = status();
  const questions = items.map((item, i) =>
    question(item, i + 1, items.length, (picked) => {
      if (firsts[i] < 0) firsts[i] = picked;
      say.textContent = verdict(firsts, answers);
      model.set("first_answers", [...firsts]);
      model.save_changes();
    }),
  );
  say.textContent = verdict(firsts, answers);
  box(model, el, ...questions, say);
}

export default { render };
