// What the page asks of the server: the console's own routes, and Lambda's Invoke APIs.

import { frames } from "./frames.js";

async function json(path, options) {
  const response = await fetch(path, options);
  const document = await response.json();
  if (!response.ok) throw new Error(document.Message ?? response.statusText);
  return document;
}

export const functions = () => json("/console/functions");
export const samples = () => json("/console/samples");
export const sample = (name, fields) =>
  json(`/console/samples/${encodeURIComponent(name)}?${new URLSearchParams(fields)}`);
export const sources = () => json("/console/sources");
export const act = (number, action, given) =>
  json(`/console/sources/${number}/${action}`, { method: "POST", body: JSON.stringify(given) });
export const invocation = (id) => json(`/console/invocations/${encodeURIComponent(id)}`);

export function bytes(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

export function join(pieces) {
  const whole = new Uint8Array(pieces.reduce((total, piece) => total + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.length;
  }
  return whole;
}

// Invoke a function and tell `reply` what comes of it:
//   named(id)            as soon as the request id is known
//   piece(bytes)         of the answer, as it arrives
//   ended(error)         error: null, or {errorType, errorMessage} of a stream that broke off
// Throws the API's error for a request that it refuses.
export async function invoke(name, kind, event, trace, reply) {
  const path = encodeURIComponent(name);
  const streamed = kind === "stream";
  const response = await fetch(
    streamed
      ? `/2021-11-15/functions/${path}/response-streaming-invocations`
      : `/2015-03-31/functions/${path}/invocations`,
    {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "X-Amz-Invocation-Type": streamed ? "RequestResponse" : kind,
        "X-Amz-Log-Type": kind === "Event" ? "None" : "Tail",
        "X-Amzn-Trace-Id": trace,
      },
      body: event,
    },
  );
  if (!response.ok) {
    const text = await response.text();
    let message = text;
    try {
      const document = JSON.parse(text);
      message = document.Message ?? document.message ?? text;
    } catch {
      // Not one of AWS's errors: as it is.
    }
    const name = response.headers.get("x-amzn-errortype") ?? `HTTP ${response.status}`;
    throw Object.assign(new Error(message), { name: name.split(":")[0] });
  }
  reply.named(response.headers.get("x-amzn-requestid") ?? "");
  let error = null;
  if (streamed) {
    for await (const { type, payload } of frames(response.body)) {
      if (type === "PayloadChunk") reply.piece(payload);
      if (type === "InvokeComplete") error = failure(payload);
    }
  } else {
    const payload = new Uint8Array(await response.arrayBuffer());
    if (payload.length) reply.piece(payload);
  }
  reply.ended(error);
}

function failure(payload) {
  const end = JSON.parse(new TextDecoder().decode(payload) || "{}");
  if (!end.ErrorCode) return null;
  try {
    const details = JSON.parse(end.ErrorDetails);
    if (details && details.errorType) return details;
  } catch {
    // Plain text, or nothing.
  }
  return { errorType: end.ErrorCode, errorMessage: end.ErrorDetails ?? "" };
}
