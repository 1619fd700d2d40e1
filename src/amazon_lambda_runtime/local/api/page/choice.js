// The choices: the function, the sample event and its fields.

import * as api from "./api.js";
import * as editor from "./editor.js";
import { $, h } from "./dom.js";
import { options } from "./samples.js";

let functions = [];
let samples = [];

// A durable function is invoked with a qualifier.
export const target = (name) => (about(name)?.durable ? `${name}:$LATEST` : name);
export const several = () => functions.length > 1;
export const about = (name) => functions.find((one) => one.name === name);

function showFunction() {
  const chosen = about($("function").value);
  const facts = chosen ? [
    ["Handler", chosen.handler],
    ["Memory", chosen.memory && `${chosen.memory} MB`],
    ["Timeout", chosen.timeout && `${chosen.timeout} s`],
    ["Concurrency", String(chosen.concurrency)],
    ["URL", chosen.url && h("a", /^https?:/.test(chosen.url) ? { href: chosen.url, target: "_blank", rel: "noopener noreferrer" } : {}, chosen.url)],
    ["Queues", chosen.queues.join(", ")],
  ] : [];
  $("facts").replaceChildren(...facts.filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
  editor.set(recall() ?? "{}");
}

const key = () => `event of ${$("function").value}`;
function remember() {
  try {
    localStorage.setItem(key(), editor.text());
  } catch {
    // Too long, or not allowed: it is only a convenience.
  }
}

function recall() {
  try {
    return localStorage.getItem(key());
  } catch {
    return null;
  }
}

// A field that is not text by default is written as JSON.
const asText = (value) => (typeof value === "string" ? value : JSON.stringify(value));

function showFields(fields) {
  $("fields").replaceChildren(...Object.entries(fields).map(([name, value]) =>
    h("label", {}, h("span", {}, name), h("input", { name, value: asText(value), autocomplete: "off", spellcheck: "false" }))));
  $("fields").hidden = !Object.keys(fields).length;
}

let asked = 0;
async function loadSample(fields) {
  const name = $("sample").value;
  if (!name) return;
  asked += 1;
  const mine = asked;
  try {
    const event = await api.sample(name, fields);
    if (mine !== asked) return; // another key has been pressed meanwhile
    editor.set(JSON.stringify(event, null, 2));
    remember();
  } catch (error) {
    if (mine !== asked) return;
    $("verdict").textContent = error.message;
    $("verdict").classList.add("bad");
  }
}

// Put an event into the editor that is not a sample.
export function place(text) {
  $("sample").value = "";
  showFields({});
  editor.set(text);
  editor.format();
  remember();
}

$("function").addEventListener("change", showFunction);
$("sample").addEventListener("change", () => {
  const sample = samples.find(({ name }) => name === $("sample").value);
  $("sample").title = sample?.description ?? "";
  showFields(sample?.fields ?? {});
  loadSample({});
});
$("sample-search").addEventListener("input", () => {
  const chosen = $("sample").value;
  $("sample").replaceChildren(...options(samples, $("sample-search").value));
  $("sample").value = chosen;
  // What was chosen may not be among them any more.
  if ($("sample").selectedIndex < 0) $("sample").value = "";
});
$("sample-search").addEventListener("keydown", (event) => {
  const [first] = $("sample").querySelectorAll("optgroup option");
  if (event.key !== "Enter" || event.ctrlKey || event.metaKey || !first) return;
  event.preventDefault();
  $("sample").value = first.value;
  $("sample").dispatchEvent(new Event("change"));
});
$("fields").addEventListener("input", () => loadSample(Object.fromEntries(new FormData($("fields")))));
$("fields").addEventListener("submit", (event) => event.preventDefault());
$("editor").addEventListener("input", remember);

export async function start() {
  try {
    functions = await api.functions();
    $("executions").hidden = !functions.some(({ durable }) => durable);
    $("function").replaceChildren(...functions.map(({ name }) => h("option", { value: name }, name)));
    document.body.classList.toggle("several", several());
    showFunction();
  } catch (error) {
    $("verdict").textContent = `The functions cannot be had: ${error.message}`;
  }
  try {
    samples = await api.samples();
  } catch {
    samples = []; // The editor does without.
  }
  $("sample").replaceChildren(...options(samples, ""));
  $("sample").hidden = $("sample-search").hidden = !samples.length;
}
