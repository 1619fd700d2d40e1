// Lines of the log: whose they are, how grave, and what they say.

import { clock, h, short } from "./dom.js";
import { parse } from "./json.js";

const PLATFORM = /^(START|END|REPORT|INIT_START|INIT_REPORT|EXTENSION|XRAY|RESTORE_START|RESTORE_REPORT)\b/;
const LEVELS = {
  TRACE: "debug", DEBUG: "debug", INFO: "info", NOTICE: "info", WARN: "warning", WARNING: "warning",
  ERROR: "error", CRITICAL: "error", FATAL: "error",
};
// [LEVEL] tab time tab request id tab message: what AWS's runtimes for Python write.
const GRADED = /^\[([A-Z]+)\](?:\t([^\t]*)\t([^\t]*)\t|\s+)?/;

export function grade(text) {
  if (PLATFORM.test(text)) return { level: "platform", word: "", text };
  const graded = GRADED.exec(text);
  if (graded && graded[1] in LEVELS) {
    return { level: LEVELS[graded[1]], word: graded[1], text: text.slice(graded[0].length) };
  }
  if (text.startsWith("{")) {
    const document = parse(text);
    const word = String(document?.level ?? document?.log_level ?? "").toUpperCase();
    if (word in LEVELS) return { level: LEVELS[word], word, text };
  }
  if (/Task timed out after|^Traceback |Runtime exited/.test(text)) return { level: "error", word: "", text };
  return { level: "plain", word: "", text };
}

// Among the lines of all invocations each says whose it is; of one, its heading does.
function whose(id, choose) {
  if (!id) return h("span", { class: "whose" }, "–");
  return h("button", { class: "whose", type: "button", title: id, tabindex: "-1", click: () => choose(id) }, short(id));
}

// Return an element for a line. `choose`, if given, is called with the request id clicked on.
export function row({ at, id, text }, choose) {
  const line = grade(text);
  return h(
    "div",
    { class: `line ${line.level}` },
    h("time", {}, clock(at)),
    choose ? whose(id, choose) : null,
    line.word ? h("span", { class: "level" }, line.word) : null,
    // A runtime joins the lines of one record with carriage returns.
    h("span", { class: "text" }, line.text.replaceAll("\r", "\n").replaceAll("\t", "  ")),
  );
}

// Append to a scrolled element; it stays at its end if it was there.
export function append(element, ...rows) {
  const atEnd = element.scrollHeight - element.scrollTop - element.clientHeight < 24;
  element.append(...rows);
  while (element.childElementCount > 1000) element.firstElementChild.remove();
  if (atEnd) element.scrollTop = element.scrollHeight;
}
