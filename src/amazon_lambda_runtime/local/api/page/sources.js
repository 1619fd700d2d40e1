// The view of the triggers, in the place of the event. It asks for them while it is looked at.

import * as api from "./api.js";
import { $, h } from "./dom.js";
import { Card } from "./source.js";

// In milliseconds.
const EVERY = 2000;

let cards = []; // by their numbers
let then = null;
let timer;
let asking = false;
let stale = false; // whether something has changed since it was asked

export const isOpen = () => !$("sources").hidden;

// `actions.look(words)` shows the invocations that have these words, `actions.choose(id)` one.
export function start(actions) {
  then = {
    look: actions.look,
    acted: ({ requestId }) => {
      refresh();
      if (requestId) actions.choose(requestId);
    },
  };
  return refresh();
}

// Ask for the triggers now, and again and again while they are in view.
export async function refresh() {
  stale = true;
  if (asking || !then) return;
  asking = true;
  clearTimeout(timer);
  while (stale) {
    stale = false;
    try {
      show(await api.sources());
      fault("");
    } catch (error) {
      fault(`The triggers cannot be had: ${error.message}`);
    }
  }
  asking = false;
  timer = setTimeout(() => isOpen() && !document.hidden && refresh(), EVERY);
}

function fault(text) {
  if ($("sources-fault").textContent !== text) $("sources-fault").textContent = text;
}

// Sources are only ever added, until the server is another one.
function show(sources) {
  if (!cards.every((card, number) => sources[number] && card.is(sources[number]))) {
    cards = [];
    $("groups").replaceChildren();
  }
  sources.forEach((source, number) => {
    if (number < cards.length) return cards[number].update(source);
    // The others are not moved: somebody may be writing there.
    const card = new Card(source, number, then);
    cards.push(card);
    group(source.function).querySelector("ul").append(card.element);
  });
  document.body.classList.toggle("triggered", sources.length > 0);
  for (const element of document.querySelectorAll(".with-triggers")) element.hidden = !sources.length;
  if (!sources.length) close();
}

const groupOf = (name) => [...$("groups").children].find((each) => each.dataset.function === name);

function group(name) {
  if (!groupOf(name)) {
    $("groups").append(h("section", { class: "group", "aria-label": name, "data-function": name }, h("h3", {}, name), h("ul")));
  }
  return groupOf(name);
}

export function open() {
  if (isOpen() || !cards.length) return;
  $("sources").hidden = false;
  $("event").hidden = true;
  $("to-event").focus();
  refresh();
}

export function close() {
  if (!isOpen()) return;
  $("sources").hidden = true;
  $("event").hidden = false;
  $("to-sources").focus();
}

$("to-sources").addEventListener("click", open);
$("to-event").addEventListener("click", close);
// The function that has been chosen comes into sight.
$("function").addEventListener("change", () => {
  const chosen = groupOf($("function").value);
  if (chosen && isOpen()) $("groups").scrollTop = chosen.offsetTop - $("groups").offsetTop;
});
