// The event editor: a text area over a painted copy of its text.

import { $, size } from "./dom.js";
import { paint } from "./body.js";
import { faultAt, indent } from "./json.js";

const editor = $("editor");
const verdict = $("verdict");

export const text = () => editor.value;

export function set(value) {
  editor.value = value;
  refresh();
}

export const format = () => set(indent(editor.value));

// Return whether the text is an event, and show what is wrong with it otherwise.
export function refresh() {
  const value = editor.value;
  // The last line is only there if something follows it.
  $("paint").replaceChildren(...paint(value), "\n");
  const bytes = new TextEncoder().encode(value).length;
  const problem = value.trim() === "" ? null : fault(value);
  verdict.classList.toggle("bad", problem !== null);
  editor.setAttribute("aria-invalid", String(problem !== null));
  verdict.textContent = problem ?? (value.trim() === "" ? "Empty: the event is {}" : `Valid JSON, ${size(bytes)}`);
  return problem === null;
}

function fault(value) {
  try {
    JSON.parse(value);
    return null;
  } catch (error) {
    const before = value.slice(0, faultAt(value)).split("\n");
    const what = error.message
      .replace(/^JSON\.parse: /, "")
      .replace(/ (in JSON )?at (position|line) .*$/s, "")
      .replace(/, \.*".*" is not valid JSON$/s, "");
    return `Line ${before.length}, column ${before.at(-1).length + 1}: ${what}`;
  }
}

editor.addEventListener("input", refresh);
