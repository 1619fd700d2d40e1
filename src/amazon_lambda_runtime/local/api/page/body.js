// How payloads are shown: JSON with its parts told apart, text as it is, bytes in hexadecimal.

import { h } from "./dom.js";
import { indent, layOut, parse } from "./json.js";

// In characters: what follows in longer JSON has no colours, which would be too many elements.
const PAINT_LIMIT = 100_000;
// In bytes.
const HEX_LIMIT = 4096;

const TOKEN = /("(?:\\.|[^"\\])*"?)(\s*:)?|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|\b(true|false|null)\b/g;

// Return text nodes and elements for JSON, whole or half-written.
export function paint(text) {
  const nodes = [];
  let end = 0;
  for (const token of text.slice(0, PAINT_LIMIT).matchAll(TOKEN)) {
    if (token.index > end) nodes.push(text.slice(end, token.index));
    const [whole, string, colon, number] = token;
    if (string !== undefined) {
      nodes.push(h("span", { class: colon ? "key" : "string" }, string));
      if (colon) nodes.push(colon);
    } else {
      nodes.push(h("span", { class: number !== undefined ? "number" : "word" }, whole));
    }
    end = token.index + whole.length;
  }
  nodes.push(text.slice(end));
  return nodes;
}

export function decode(data) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(data);
  } catch {
    return null;
  }
}

// Return elements for a payload. `partial`: it may end in the middle of a character or a document.
export function show(data, { raw = false, partial = false, failed = false } = {}) {
  const text = partial ? new TextDecoder().decode(data, { stream: true }) : decode(data);
  if (text === null) return [hexDump(data)];
  if (raw) return [h("pre", {}, text)];
  const prelude = text.indexOf("\0".repeat(8));
  if (prelude > 0 && text.startsWith("{")) {
    // An HTTP response that is streamed: its status and headers come first.
    return [pretty(text.slice(0, prelude)), h("pre", { class: "after-head" }, text.slice(prelude + 8))];
  }
  if (partial) return [h("pre", {}, ...(/^\s*[{[]/.test(text) ? paint(layOut(text)) : [text]))];
  const document = parse(text);
  if (failed && document && typeof document === "object" && "errorType" in document) {
    return [problem(document)];
  }
  return [document === undefined ? h("pre", {}, text) : pretty(text)];
}

function pretty(text) {
  return h("pre", {}, ...paint(indent(text)));
}

// An error document: what happened first, then where, then whatever else it says.
export function problem(document) {
  const { errorType, errorMessage, stackTrace, requestId, ...rest } = document;
  const stack = Array.isArray(stackTrace) ? stackTrace : [];
  return h(
    "div",
    { class: "problem", role: "alert" },
    h("p", { class: "error-type" }, String(errorType)),
    h("pre", { class: "error-message" }, String(errorMessage ?? "")),
    stack.length
      ? h("ol", { class: "stack", "aria-label": "Stack" },
          ...stack.map((entry) => h("li", {}, typeof entry === "string" ? entry.replace(/\n$/, "") : JSON.stringify(entry))))
      : null,
    Object.keys(rest).length ? pretty(JSON.stringify(rest)) : null,
  );
}

function hexDump(data) {
  const rows = [];
  for (let at = 0; at < Math.min(data.length, HEX_LIMIT); at += 16) {
    const row = [...data.subarray(at, at + 16)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = row.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : "·")).join("");
    rows.push(`${at.toString(16).padStart(6, "0")}  ${hex.padEnd(47)}  ${text}`);
  }
  if (data.length > HEX_LIMIT) rows.push(`… ${data.length - HEX_LIMIT} more bytes`);
  return h("pre", { class: "hex" }, rows.join("\n"));
}
