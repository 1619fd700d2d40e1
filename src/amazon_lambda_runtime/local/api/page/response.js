// The answer on the screen: none yet, a stream that grows, or all of it.

import { join } from "./api.js";
import { problem, show } from "./body.js";
import { $, h, size } from "./dom.js";

// In bytes: what is shown of an answer.
const LIMIT = 1024 * 1024;

const box = $("response");
let live = null; // a stream on the screen: {key, own, element, decoder, shown}

const nothing = (text, more = "") => h("p", { class: `nothing ${more}` }, text);

// What can be done here, while nothing has been.
function invitation() {
  const name = encodeURIComponent($("function").value || "function");
  const command = `curl ${location.origin}/2015-03-31/functions/${name}/invocations -d '{}'`;
  return h(
    "div",
    { class: "nothing invitation" },
    h("p", {}, h("strong", {}, "Run it: "), "press Invoke (", h("kbd", {}, "Ctrl"), " ", h("kbd", {}, "Enter"), ") to send the event beside this, or start from a sample event."),
    h("p", {}, "Or call it from a terminal, an SDK or the AWS CLI, and watch it here:"),
    h("pre", {}, command),
  );
}

// `from` is {kept, total, done, error, refusal}, or null: `kept` are the first pieces of `total`
// bytes, `error` is why a stream broke off, `refusal` why there is nothing. `key` says whose it is.
export function paint(from, { key, raw, failed }) {
  if (from && !from.done && from.total && !from.refusal) return grow(from, key);
  live = null;
  if (!from) box.replaceChildren(key ? nothing("…") : invitation());
  else if (from.refusal) box.replaceChildren(problem(from.refusal));
  else if (!from.done) box.replaceChildren(nothing("Waiting for the answer", "waiting"));
  else box.replaceChildren(...whole(from, raw, failed));
}

// Append what has come since the last time.
function grow(from, key) {
  // Our own answer takes over from the journal's: they need not be cut at the same places.
  const own = from.root !== undefined;
  if (!live || live.key !== key || live.own !== own) {
    live = { key, own, element: h("pre", { class: "live" }), decoder: new TextDecoder(), shown: 0 };
    box.replaceChildren(live.element);
  }
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 24;
  let offset = 0;
  for (const piece of from.kept) {
    const fresh = piece.subarray(Math.max(0, live.shown - offset));
    offset += piece.length;
    if (fresh.length && live.shown < LIMIT) {
      live.element.append(live.decoder.decode(fresh, { stream: true }));
      live.shown += fresh.length;
    }
  }
  if (atEnd) box.scrollTop = box.scrollHeight;
}

function whole({ kept, total, error }, raw, failed) {
  const data = join(kept);
  const shown = Math.min(data.length, LIMIT);
  const partial = shown < total;
  const parts = [];
  if (data.length) parts.push(...show(data.subarray(0, shown), { raw, partial, failed: failed && !error }));
  if (partial) parts.push(h("p", { class: "note" }, `The first ${size(shown)} of ${size(total)}.`));
  if (error && data.length) parts.push(h("p", { class: "note" }, "The stream broke off:"));
  if (error) parts.push(problem(error));
  return parts.length ? parts : [nothing("The answer is empty.")];
}
