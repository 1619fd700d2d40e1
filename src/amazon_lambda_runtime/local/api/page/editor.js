// The event editor: a text area over a painted copy of its text.

import { $, size } from "./dom.js";
import { indent, paint, parse } from "./body.js";

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
  if (parse(value) !== undefined) return null;
  try {
    JSON.parse(value);
    return null;
  } catch (error) {
    const where = /line (\d+) column (\d+)/.exec(error.message);
    const what = error.message.replace(/^JSON\.parse: /, "").replace(/ (in JSON )?at (position|line) .*$/, "").replace(/, \.*".*" is not valid JSON$/s, "");
    return where ? `Line ${where[1]}, column ${where[2]}: ${what}` : `Not JSON: ${what}`;
  }
}

editor.addEventListener("input", refresh);
