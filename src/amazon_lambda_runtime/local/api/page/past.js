// The invocations of the past: their list, and the figures of one.

import { $, clock, h, named, span } from "./dom.js";
import { duration, status } from "./store.js";

const WORDS = { ok: "succeeded", failed: "failed", finishing: "answered", running: "running", waiting: "waiting", ended: "ended without an answer" };
const KINDS = { RequestResponse: "", Event: "event", stream: "stream", url: "url", sqs: "sqs", durable: "durable" };

export class List {
  #rows = new Map(); // by request id: the elements of a row, and what they were made from
  #actions;
  #takes = false;

  constructor(actions) {
    this.#actions = actions;
    $("filter").addEventListener("input", () => this.#filter());
    $("list").addEventListener("keydown", (event) => this.#move(event));
  }

  // `several`: each row says its function, and so does its label.
  update(store, selected, several = false) {
    for (const [id, row] of this.#rows) {
      if (!store.invocations.has(id)) {
        row.item.remove();
        this.#rows.delete(id);
      }
    }
    const now = store.now();
    for (const invocation of store.invocations.values()) {
      const row = this.#rows.get(invocation.id) ?? this.#add(invocation);
      row.invocation = invocation;
      const state = status(invocation);
      const ms = duration(invocation, now);
      const length = ms === null ? "" : span(ms);
      if (row.state !== state || row.length.textContent !== length || row.several !== several) {
        row.state = state;
        row.several = several;
        row.dot.className = `dot ${state}`;
        row.dot.title = WORDS[state];
        row.length.textContent = length;
        row.cold.textContent = invocation.cold ? "cold" : "";
        row.where.textContent = invocation.environment === null ? "" : `#${invocation.environment}`;
        row.http.textContent = invocation.status ?? "";
        row.http.className = invocation.status >= 400 ? "http bad" : "http";
        row.button.setAttribute("aria-label", `${several ? `${invocation.function}, ` : ""}${named(invocation)}${invocation.status ? `, ${invocation.status}` : ""}, ${WORDS[state]}${length ? `, ${length}` : ""}${invocation.cold ? ", cold start" : ""}`);
      }
      const chosen = invocation.id === selected;
      if (chosen !== row.chosen) {
        row.chosen = chosen;
        if (chosen) row.button.setAttribute("aria-current", "true");
        else row.button.removeAttribute("aria-current");
        if (chosen) this.#follow(row);
      }
    }
    $("nothing").hidden = this.#rows.size > 0;
    this.#filter();
    this.#rove();
  }

  // Show the invocations that have these words.
  look(words) {
    $("filter").value = words;
    this.#filter();
    this.#rove();
  }

  // The row that is chosen next gets the focus, wherever it is now.
  takeFocus() {
    this.#takes = true;
  }

  #follow({ button, item }) {
    const within = this.#takes || $("list").contains(document.activeElement);
    this.#takes = false;
    if (item.hidden) return;
    // The list is scrolled and not the page, which may be at the answer.
    const box = $("list");
    const at = item.offsetTop - box.offsetTop;
    box.scrollTop = Math.min(at, Math.max(box.scrollTop, at + item.offsetHeight - box.clientHeight));
    if (within) button.focus({ preventScroll: true });
  }

  focus() {
    const target = $("list").querySelector("[aria-current]") ?? $("list").querySelector("li:not([hidden]) .row");
    if (target) target.focus();
    else $("filter").focus();
  }

  #add(invocation) {
    const { id, kind, method, accepted_at: at } = invocation;
    const row = {
      dot: h("span", { class: "dot" }),
      length: h("span", { class: "length" }),
      cold: h("span", { class: "cold" }),
      where: h("span", { class: "where" }),
      http: h("span", { class: "http" }),
    };
    row.button = h(
      "button",
      { class: "row", type: "button", tabindex: "-1", title: method ? `${method} ${invocation.path}\n${id}` : id, "data-id": id, click: () => this.#actions.select(id) },
      row.dot, h("time", {}, clock(at)), h("span", { class: "of" }, invocation.function), h("code", {}, named(invocation)),
      h("span", { class: "tags" }, method ? row.http : h("span", { class: "kind" }, KINDS[kind] ?? kind), row.cold), row.where, row.length,
    );
    const again = h("button", { class: "again", type: "button", tabindex: "-1", "aria-label": `Replay ${named(invocation)}`, title: "Replay", click: () => this.#actions.replay(id) }, "↻");
    row.item = h("li", {}, row.button, again);
    $("list").prepend(row.item);
    this.#rows.set(id, row);
    return row;
  }

  #filter() {
    const wanted = $("filter").value.trim();
    const words = wanted.toLowerCase().split(/\s+/);
    let found = 0;
    for (const [id, { item, state, invocation }] of this.#rows) {
      const text = `${id} ${KINDS[invocation.kind] ?? ""} ${invocation.kind} ${invocation.method ?? ""} ${invocation.path ?? ""} ${invocation.status ?? ""} ${invocation.function} ${WORDS[state]} ${invocation.cold ? "cold" : ""} #${invocation.environment}`;
      item.hidden = !words.every((word) => text.toLowerCase().includes(word));
      found += !item.hidden;
    }
    const said = wanted && !found && this.#rows.size ? `No invocation has “${wanted}” in its id, request, type, function, state or environment.` : "";
    if ($("not-found").textContent !== said) $("not-found").textContent = said;
    $("count").textContent = wanted ? `${found} of ${this.#rows.size}` : this.#rows.size || "";
  }

  // One row is in the tab order; the arrows move among them.
  #rove(target = $("list").querySelector("[aria-current]") ?? $("list").querySelector("li:not([hidden]) .row")) {
    for (const button of $("list").querySelectorAll("button[tabindex='0']")) button.tabIndex = -1;
    if (!target) return;
    target.tabIndex = 0;
    target.nextElementSibling.tabIndex = 0;
  }

  #move(event) {
    const rows = [...$("list").querySelectorAll("li:not([hidden]) .row")];
    const at = rows.findIndex((row) => row.parentElement.contains(document.activeElement));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1, j: at + 1, k: at - 1 }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const row = rows[Math.max(0, Math.min(rows.length - 1, to))];
    if (!row) return;
    this.#rove(row);
    row.focus();
    row.click();
  }
}

// Return the terms of the REPORT line, as far as they are known.
export function figures(invocation, about, now, several) {
  const ms = duration(invocation, now);
  const found = [];
  if (several) found.push(["Function", invocation.function]);
  if (invocation.method) found.push(["Request", `${invocation.method} ${invocation.path}${invocation.status ? ` → ${invocation.status}` : ""}`]);
  if (ms !== null) found.push(["Duration", span(ms), about?.timeout ? gauge(ms / 1000 / about.timeout) : null]);
  if (invocation.duration_ms !== null) found.push(["Billed", `${Math.ceil(invocation.duration_ms + (invocation.init_ms ?? 0))} ms`]);
  if (invocation.init_ms !== null) found.push(["Init", span(invocation.init_ms)]);
  if (invocation.memory_used !== null) {
    found.push(["Memory", `${invocation.memory_used}${about?.memory ? ` / ${about.memory}` : ""} MB`, about?.memory ? gauge(invocation.memory_used / about.memory) : null]);
  }
  if (invocation.environment !== null) found.push(["Environment", `#${invocation.environment}${invocation.cold ? " cold" : ""}`]);
  found.push(["Type", invocation.kind]);
  return found.map(([name, value, extra]) => h("div", {}, h("dt", {}, name), h("dd", {}, value, extra)));
}

function gauge(share) {
  const fill = h("i");
  fill.style.width = `${Math.min(100, Math.max(1, share * 100))}%`;
  return h("span", { class: share > 0.8 ? "gauge high" : "gauge", "aria-hidden": "true" }, fill);
}
