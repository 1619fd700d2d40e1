// The console: what is chosen, what is shown of it, and what the keys do.

import * as api from "./api.js";
import * as choice from "./choice.js";
import * as editor from "./editor.js";
import * as log from "./log.js";
import * as response from "./response.js";
import * as sources from "./sources.js";
import { $, size } from "./dom.js";
import { parse } from "./json.js";
import { figures, List } from "./past.js";
import { draw, ZOOMS } from "./timeline.js";
import { status, Store } from "./store.js";

// In bytes: what is kept of an answer to this page.
const REPLY_LIMIT = 8 * 1024 * 1024;
// How many answers to this page are kept; the journal has the beginning of each.
const REPLIES = 20;
const SAID = { ok: "succeeded", failed: "failed", finishing: "answered, still at work", running: "running", waiting: "waiting for an environment", ended: "ended without an answer" };

const store = new Store();
const replies = new Map(); // by request id: answers to what this page has invoked
let selected = null; // a request id
let detail = null; // all that the server has of it
let held = []; // its changes that came while that was on its way
let pending = null; // a reply to us that has no request id yet
let raw = false;
let everybody = false; // whether the log of all invocations is shown
let zoom = 3;

// Drawing: once a frame, and only what has changed.

const dirty = new Set();
let moving; // a timer, while something is at work
function soon(...parts) {
  if (!dirty.size) requestAnimationFrame(paint);
  for (const part of parts) dirty.add(part);
}

function paint() {
  const parts = new Set(dirty);
  dirty.clear();
  if (parts.has("head")) paintHead();
  if (parts.has("response")) paintResponse();
  if (parts.has("list")) list.update(store, selected, choice.several());
  if (parts.has("lanes")) {
    clearTimeout(moving);
    const moves = draw($("lanes"), store, { zoom, selected, choose: pick });
    if (moves) moving = setTimeout(() => soon("lanes", "head", "list"), 100);
  }
}

function paintHead() {
  const invocation = store.invocations.get(selected) ?? detail;
  const state = pending ? (pending.refusal ? "refused" : "running") : invocation ? status(invocation) : "";
  const said = pending ? (pending.refusal ? "refused" : "sent") : (SAID[state] ?? "");
  if ($("status").textContent !== said) $("status").textContent = said;
  $("status").className = `status ${state}`;
  $("request-id").textContent = pending ? "" : (selected ?? "");
  // The engine of durable executions has made its event: on its own it means nothing.
  const replayable = detail && !detail.event_cut && detail.kind !== "durable";
  for (const button of [$("replay"), $("edit")]) {
    button.disabled = !replayable;
    button.title = detail?.event_cut ? "The event is longer than what is kept of it" : "";
  }
  const about = invocation && choice.about(invocation.function || $("function").value);
  $("figures").replaceChildren(...(pending || !invocation ? [] : figures(invocation, about, store.now(), choice.several())));
}

// The answer: as this page has received it, or as the journal has kept it.
function source() {
  if (pending) return pending;
  const own = replies.get(selected);
  // The answer to an asynchronous invocation is sent to no client, but the journal has it.
  if (own && (own.kept.length || own.error || (own.done && own.kind !== "Event"))) return own;
  if (!detail) return null;
  const { id, answer, answer_size: total, answered_at: answered, error } = detail;
  const reason = error.length ? (parse(new TextDecoder().decode(error)) ?? { errorType: "Error" }) : null;
  return { id, kept: [answer], total, done: answered !== null, error: reason };
}

function paintResponse() {
  const from = source();
  const failed = Boolean((store.invocations.get(selected) ?? detail)?.failed);
  $("size").textContent = from && (from.total || from.done) ? size(from.total) : "";
  response.paint(from, { key: from?.id ?? selected, raw, failed });
}

function paintLog() {
  const rows = everybody
    ? store.tail.map((line) => log.row(line, pick))
    : (detail?.lines ?? []).map(([at, text]) => log.row({ at, id: selected, text }));
  $("log").classList.toggle("everybody", everybody);
  $("log").replaceChildren(...rows);
  $("log").scrollTop = $("log").scrollHeight;
  const lost = !everybody && detail ? detail.line_count - detail.lines.length : 0;
  $("log-note").textContent = everybody ? "of all invocations" : lost ? `the last ${detail.lines.length} of ${detail.line_count} lines` : "";
  $("log-all").setAttribute("aria-pressed", String(everybody));
}

// Choosing an invocation.

async function select(id) {
  pending = null;
  if (id !== selected) detail = null;
  selected = id;
  soon("head", "response", "list", "lanes");
  if (!detail) paintLog();
  await load(id);
}

// The same from outside the list, where the keys go on from there.
function pick(id) {
  list.takeFocus();
  return select(id);
}

let loads = 0;
async function load(id) {
  // What starts an execution is no invocation of the function: the journal has those that it needs.
  if (replies.get(id)?.durable) return;
  held = [];
  loads += 1;
  const mine = loads;
  let whole;
  try {
    whole = await api.invocation(id);
  } catch {
    return; // Forgotten meanwhile, or the server has gone: the link says so.
  }
  if (mine !== loads || id !== selected) return; // the next one is on its way
  for (const name of ["event", "answer", "error"]) whole[name] = api.bytes(whole[name]);
  detail = whole;
  const late = held;
  held = null;
  late.forEach(follow);
  paintLog();
  soon("head", "response");
}

// A change of the chosen invocation. It may overtake what is being loaded.
function follow(change) {
  if (change.type === "invocation") soon("head");
  if (held) {
    held.push(change);
  } else if (change.type === "line" && detail && change.number > detail.line_count) {
    detail.lines.push([change.at, change.text]);
    detail.line_count = change.number;
    if (!everybody) log.append($("log"), log.row(change));
  } else if (change.type === "piece" && detail) {
    detail.answer_size = change.size;
    if (change.offset === detail.answer.length) detail.answer = api.join([detail.answer, api.bytes(change.data)]);
    soon("response");
  } else if (change.type === "invocation" && detail && change.answered_at !== detail.answered_at) {
    // An answer is there; or none any more, for it is another attempt.
    load(change.id);
  }
}

// The journal.

let feed = null;
function listen() {
  feed = new EventSource("/console/journal");
  feed.addEventListener("open", () => link("live"));
  feed.addEventListener("error", () => link("disconnected"));
  feed.addEventListener("message", ({ data }) => hear(JSON.parse(data)));
}

function link(word) {
  $("link").textContent = word;
  $("link").className = `link ${word}`;
}

function hear(change) {
  store.apply(change);
  if (change.type === "snapshot") {
    if (everybody) paintLog();
    soon("list", "lanes", "head");
    if (selected) load(selected);
    sources.refresh();
    return;
  }
  if (change.type === "sources") sources.refresh();
  if (change.type === "invocation" && pending && change.trace_id.includes(pending.root)) adopt(change.id, pending);
  if (change.id && change.id === selected) follow(change);
  if (change.type === "line" && everybody) log.append($("log"), log.row(change, pick));
  if (change.type === "invocation" || change.type === "environment") soon("list", "lanes");
}

// A hidden page disconnects: browsers open only six connections to a server, and tabs share them.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) feed?.close();
  else listen();
});

// Invoking.

class Reply {
  constructor(root, kind, durable) {
    Object.assign(this, { root, kind, durable, id: null, kept: [], total: 0, done: false, error: null, refusal: null });
  }

  piece(data) {
    const room = REPLY_LIMIT - Math.min(this.total, REPLY_LIMIT);
    if (room) this.kept.push(data.subarray(0, room));
    this.total += data.length;
    soon("response");
  }

  named(id) {
    adopt(id, this);
  }

  ended(error) {
    this.error = error;
    this.done = true;
    soon("response", "head");
  }
}

function adopt(id, reply) {
  if (reply.id || !id) return;
  reply.id = id;
  replies.set(id, reply);
  if (replies.size > REPLIES) replies.delete(replies.keys().next().value);
  if (pending === reply) select(id);
}

async function invoke(name, kind, event) {
  const random = [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const root = `1-${Math.floor(Date.now() / 1000).toString(16).padStart(8, "0")}-${random}`;
  const reply = (pending = new Reply(root, kind, Boolean(choice.about(name)?.durable)));
  selected = detail = null;
  paintLog();
  soon("head", "response", "list", "lanes");
  reveal($("result"));
  try {
    await api.invoke(choice.target(name), kind, event, `Root=${root}`, reply);
  } catch (error) {
    const failure = { errorType: error.name, errorMessage: error.message };
    if (reply.id) reply.ended(failure);
    else reply.refusal = failure;
    soon("head", "response");
  }
}

// Scroll to it if it cannot be seen: on a narrow screen the answer is below the event.
function reveal(element) {
  const { top, bottom } = element.getBoundingClientRect();
  if (top > innerHeight * 0.6 || bottom < innerHeight * 0.2) element.scrollIntoView({ block: "start" });
}

function invokeEditor() {
  if (!editor.refresh()) return $("editor").focus();
  return invoke($("function").value, $("kind").value, editor.text().trim() || "{}");
}

async function replay(id) {
  const past = await api.invocation(id);
  if (past.event_cut || past.kind === "durable") return;
  const kind = past.kind === "Event" || past.kind === "stream" ? past.kind : "RequestResponse";
  const name = choice.about(past.function) ? past.function : $("function").value;
  await invoke(name, kind, api.bytes(past.event));
}

function edit() {
  if (!detail || detail.event_cut) return;
  sources.close();
  choice.place(new TextDecoder().decode(detail.event));
  $("editor").focus();
  $("editor").setSelectionRange(0, 0);
}

// Buttons and keys.

const list = new List({ select, replay });
const toggleLog = () => {
  everybody = !everybody;
  paintLog();
};
const zoomBy = (step) => {
  zoom = Math.min(ZOOMS.length - 1, Math.max(0, zoom + step));
  soon("lanes");
};

$("invoke").addEventListener("click", invokeEditor);
$("format").addEventListener("click", () => editor.format());
$("replay").addEventListener("click", () => selected && replay(selected));
$("edit").addEventListener("click", edit);
$("log-all").addEventListener("click", toggleLog);
$("zoom-in").addEventListener("click", () => zoomBy(-1));
$("zoom-out").addEventListener("click", () => zoomBy(1));
$("help-open").addEventListener("click", () => $("help").showModal());
$("raw").addEventListener("click", () => {
  raw = !raw;
  $("raw").setAttribute("aria-pressed", String(raw));
  soon("response");
});
$("copy").addEventListener("click", async () => {
  const from = source();
  if (!from?.kept.length) return;
  await navigator.clipboard.writeText(new TextDecoder().decode(api.join(from.kept)));
  $("copy").textContent = "Copied";
  setTimeout(() => ($("copy").textContent = "Copy"), 1200);
});
new ResizeObserver(() => soon("lanes")).observe($("lanes"));
// The time since the last burst is on the time line.
setInterval(() => document.hidden || soon("lanes"), 5000);

// Keys of the event bring it into view.
const atEvent = (id) => {
  sources.close();
  $(id).focus();
};
const KEYS = {
  "?": () => $("help").showModal(),
  "/": () => list.focus(),
  e: () => atEvent("editor"),
  s: () => atEvent("sample"),
  t: () => (sources.isOpen() ? sources.close() : sources.open()),
  r: () => selected && replay(selected),
  l: edit,
  a: toggleLog,
};

document.addEventListener("keydown", (event) => {
  if ($("help").open) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    if (!sources.isOpen()) invokeEditor();
  } else if (event.altKey && event.code === "KeyF") {
    event.preventDefault();
    editor.format();
  } else if (event.key === "Escape") {
    document.activeElement.blur();
  } else if (!event.ctrlKey && !event.metaKey && !event.altKey && event.key in KEYS && !event.target.closest("input, textarea, select")) {
    event.preventDefault();
    KEYS[event.key]();
  }
});

// The start.

soon("head", "response", "list", "lanes");
listen();
await choice.start();
soon("head", "response", "list");
await sources.start({
  look: (words) => {
    list.look(words);
    reveal($("past"));
  },
  choose: (id) => {
    pick(id);
    reveal($("result"));
  },
});
const asked = new URLSearchParams(location.search).get("invocation");
if (asked) pick(asked);
soon("response");
document.documentElement.dataset.ready = "yes";
