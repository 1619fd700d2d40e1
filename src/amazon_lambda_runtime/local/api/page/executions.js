// Durable executions: their list, and one of them over time. All is asked of the Lambda API.

import * as durable from "./durable.js";
import { functions } from "./api.js";
import { $, clock, h, span } from "./dom.js";
import { draw } from "./operations.js";

// In milliseconds: how often a page that is seen asks.
const EVERY = 1000;
const DOTS = { RUNNING: "running", PAUSING: "paused", PAUSED: "paused", SUCCEEDED: "ok", FAILED: "failed", TIMED_OUT: "failed", STOPPED: "ended" };

let names = []; // of the functions that are durable
let chosen = new URLSearchParams(location.search).get("arn");
let shown = ""; // what the list was made from
let answers = new Map(); // by callback id: what has been typed

async function look() {
  try {
    const lists = await Promise.all(names.map((name) => durable.list(name)));
    paintList(lists.flat().sort((one, other) => other.StartTimestamp - one.StartTimestamp));
    if (chosen) await show(chosen);
    link("live");
  } catch (error) {
    link(error instanceof TypeError ? "disconnected" : "live");
  }
}

function link(word) {
  $("link").textContent = word;
  $("link").className = `link ${word}`;
}

function paintList(executions) {
  $("nothing").hidden = executions.length > 0;
  $("count").textContent = executions.length || "";
  const made = JSON.stringify([chosen, executions]);
  if (made === shown) return;
  shown = made;
  const focused = document.activeElement?.dataset?.arn;
  $("list").replaceChildren(...executions.map(row));
  if (focused) $("list").querySelector(`[data-arn="${CSS.escape(focused)}"]`)?.focus();
}

function row({ DurableExecutionArn: arn, DurableExecutionName: name, Status: status, StartTimestamp: begun, EndTimestamp: ended }) {
  return h("li", {}, h(
    "button",
    { class: "row", type: "button", title: arn, "data-arn": arn, "aria-current": arn === chosen ? "true" : null, "aria-label": `${name}, ${status}`, click: () => choose(arn) },
    h("span", { class: `dot ${DOTS[status] ?? ""}`, title: status }), h("time", {}, clock(begun)),
    h("code", {}, name), h("span", { class: "length" }, ended ? span((ended - begun) * 1000) : ""),
  ));
}

function choose(arn) {
  chosen = arn;
  history.replaceState(null, "", `?arn=${encodeURIComponent(arn)}`);
  trouble("");
  return look();
}

async function show(arn) {
  const [execution, events] = await Promise.all([durable.get(arn), durable.history(arn)]);
  if (arn !== chosen) return;
  $("result").hidden = false;
  const { Status: status, StartTimestamp: begun, EndTimestamp: ended } = execution;
  const open = ["RUNNING", "PAUSING", "PAUSED"].includes(status);
  const now = ended ?? Date.now() / 1000;
  $("status").textContent = status.toLowerCase().replace("_", " ");
  $("status").className = `status ${DOTS[status] ?? ""}`;
  $("stop").disabled = !open;
  $("pause").hidden = status !== "RUNNING";
  $("resume").hidden = !["PAUSED", "PAUSING"].includes(status);
  const replays = Math.max(0, events.filter(({ EventType }) => EventType === "InvocationCompleted").length - 1);
  const facts = [
    ["Name", execution.DurableExecutionName], ["Started", clock(begun)], ["Duration", span((now - begun) * 1000)],
    ["Replays", String(replays)], ["Times out", open ? clock(execution.ExpectedExecutionTimeoutTimestamp) : ""],
  ];
  $("figures").replaceChildren(...facts.filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
  draw($("time"), events, begun, now, open);
  paintCallbacks(events, open);
  paintPayloads(execution);
}

function paintCallbacks(events, open) {
  const waiting = new Map();
  for (const event of events) {
    if (event.EventType === "CallbackStarted") waiting.set(event.Id, event);
    else if (event.EventType.startsWith("Callback")) waiting.delete(event.Id);
  }
  const wanted = open ? [...waiting.values()] : [];
  const ids = wanted.map((event) => event.CallbackStartedDetails.CallbackId);
  const there = [...$("callbacks").children].map((element) => element.dataset.id);
  // What is typed there stays.
  if (ids.join() === there.join()) return;
  $("callbacks").replaceChildren(...wanted.map(callback));
}

function callback({ Name: name, CallbackStartedDetails: { CallbackId: id } }) {
  const text = h("textarea", { "aria-label": `Result of ${name}`, rows: 1, spellcheck: "false", input: () => answers.set(id, text.value) });
  text.value = answers.get(id) ?? '"approved"';
  const button = (label, work) => h("button", { type: "button", click: () => attempt(work) }, label);
  return h(
    "div", { class: "callback", "data-id": id }, h("strong", { title: id }, name ?? "callback"), text,
    button("Succeed", () => durable.succeed(id, text.value)),
    button("Fail", () => durable.fail(id, text.value)),
    button("Heartbeat", () => durable.heartbeat(id)),
  );
}

function paintPayloads({ InputPayload: input, Result: result, Error: error }) {
  const parts = [["Input", input], ["Result", result], ["Error", error && JSON.stringify(error)]].filter(([, text]) => text !== undefined);
  const made = JSON.stringify(parts);
  if ($("payloads").dataset.made === made) return;
  $("payloads").dataset.made = made;
  $("payloads").replaceChildren(...parts.map(([name, text]) => h("div", { class: "payload" }, h("h3", {}, name), h("pre", {}, pretty(text)))));
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function trouble(text) {
  $("trouble").textContent = text;
  $("trouble").hidden = !text;
}

async function attempt(work) {
  try {
    trouble("");
    await work();
  } catch (error) {
    trouble(error.message);
  }
  return look();
}

$("stop").addEventListener("click", () => attempt(() => durable.stop(chosen)));
$("pause").addEventListener("click", () => attempt(() => durable.pause(chosen)));
$("resume").addEventListener("click", () => attempt(() => durable.resume(chosen)));
$("again").addEventListener("click", () => attempt(async () => {
  const { InputPayload: input } = await durable.get(chosen);
  choose(await durable.start(chosen, input));
}));

names = (await functions()).filter(({ durable: is }) => is).map(({ name }) => name);
await look();
setInterval(() => document.hidden || look(), EVERY);
