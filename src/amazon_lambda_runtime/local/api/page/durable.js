// The durable operations of the Lambda API. Each throws an Error with the API's message.

const base = "/2025-12-01";
const execution = (arn) => `${base}/durable-executions/${encodeURIComponent(arn)}`;
const callback = (id) => `${base}/durable-execution-callbacks/${encodeURIComponent(id)}`;

async function ask(path, method = "GET", body = undefined) {
  const response = await fetch(path, { method, body });
  const text = await response.text();
  const document = text ? JSON.parse(text) : {};
  if (!response.ok) throw new Error(document.Message ?? document.message ?? response.statusText);
  return document;
}

export async function list(name) {
  const found = await ask(`${base}/functions/${encodeURIComponent(name)}/durable-executions?MaxItems=200`);
  return found.DurableExecutions;
}

export const get = (arn) => ask(execution(arn));

export async function history(arn) {
  const events = [];
  let marker = "";
  do {
    const page = await ask(`${execution(arn)}/history?MaxItems=1000${marker && `&Marker=${marker}`}`);
    events.push(...page.Events);
    marker = page.NextMarker ?? "";
  } while (marker);
  return events;
}

export const stop = (arn) => ask(`${execution(arn)}/stop`, "POST");
export const pause = (arn) => ask(`${execution(arn)}/pause`, "POST");
export const resume = (arn) => ask(`${execution(arn)}/resume`, "POST");
export const succeed = (id, result) => ask(`${callback(id)}/succeed`, "POST", result);
export const heartbeat = (id) => ask(`${callback(id)}/heartbeat`, "POST");

export function fail(id, text) {
  let error = { ErrorMessage: text };
  try {
    const document = JSON.parse(text);
    error = typeof document === "object" && document ? document : { ErrorMessage: String(document) };
  } catch {
    // Not JSON: it is the message.
  }
  return ask(`${callback(id)}/fail`, "POST", JSON.stringify(error));
}

// Start another execution with this input, of the function of an execution; return its ARN.
export async function start(arn, input) {
  const name = arn.split(":function:")[1].split("/")[0];
  const response = await fetch(`/2015-03-31/functions/${encodeURIComponent(name)}/invocations`, {
    method: "POST", headers: { "X-Amz-Invocation-Type": "Event" }, body: input,
  });
  if (!response.ok) throw new Error((await response.json()).message ?? response.statusText);
  return response.headers.get("x-amz-durable-execution-arn");
}
