// JSON as text: laid out, readable, and where it is wrong.

export function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// Lay JSON out, if it is JSON.
export const indent = (text) => (parse(text) === undefined ? text : layOut(text));

// Lay JSON out, whole or cut, without reading its values: a number too long for JavaScript stays as
// it is.
export function layOut(text) {
  let depth = 0;
  const line = () => "\n" + "  ".repeat(Math.max(0, depth));
  const out = [];
  for (const [token] of text.matchAll(/"(?:\\.|[^"\\])*"?|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    const last = out.at(-1);
    if (token === "{" || token === "[") {
      depth += 1;
      out.push(token, line());
    } else if (token === "}" || token === "]") {
      depth -= 1;
      if (out.at(-2) === (token === "}" ? "{" : "[") && last.startsWith("\n")) out.pop();
      else out.push(line());
      out.push(token);
    } else if (token === ",") out.push(",", line());
    else if (token === ":") out.push(": ");
    else out.push(token.startsWith('"') ? readable(token) : token);
  }
  return out.join("");
}

const ESCAPE = /\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})|\\./g;
// Not what controls, joins, spaces or turns the direction of text: that could not be seen.
const SEEN = /^[\p{L}\p{N}\p{P}\p{S}]$/u;

// Write escaped letters as themselves: Python's json escapes all that is not ASCII.
function readable(string) {
  return string.replace(ESCAPE, (escape, high, low, one) => {
    const units = [high, low, one].filter(Boolean).map((hex) => parseInt(hex, 16));
    const letter = String.fromCharCode(...units);
    return letter > "\u007f" && SEEN.test(letter) ? letter : escape;
  });
}

const SPACE = /[ \t\n\r]*/y;
const VALUE = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

// Return where text that is not JSON stops being it. Not every browser's message says so.
export function faultAt(text) {
  const open = [];
  let at = 0;
  let wanted = "value";
  const skip = (pattern) => {
    pattern.lastIndex = at;
    const found = pattern.test(text);
    if (found) at = pattern.lastIndex;
    return found;
  };
  for (;;) {
    skip(SPACE);
    const next = text[at];
    const after = () => (open.length ? "comma" : "end");
    if ((wanted === "comma" || wanted === "first") && next === open.at(-1)) {
      at += 1;
      open.pop();
      wanted = after();
    } else if (wanted === "comma" && next === ",") {
      at += 1;
      wanted = open.at(-1) === "}" ? "key" : "value";
    } else if (wanted === "colon" && next === ":") {
      at += 1;
      wanted = "value";
    } else if (wanted === "key" || (wanted === "first" && open.at(-1) === "}")) {
      if (next !== '"' || !skip(VALUE)) return at;
      wanted = "colon";
    } else if (wanted !== "value" && wanted !== "first") return at;
    else if (next === "{" || next === "[") {
      at += 1;
      open.push(next === "{" ? "}" : "]");
      wanted = "first";
    } else {
      if (!skip(VALUE)) return at;
      wanted = after();
    }
  }
}
