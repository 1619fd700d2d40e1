// The operations of an execution over time: a lane each, and the invocations above them.

import { h, span, svg } from "./dom.js";

const LANE = 22;
const BAR = 12;
const INDENT = 12;
const ENDS = { Succeeded: "ok", Failed: "failed", TimedOut: "failed", Stopped: "failed", Cancelled: "failed" };
const KINDS = ["Context", "Step", "Wait", "Callback", "ChainedInvoke"];

// Return the operations in their order: name, depth, and the segments of each, an attempt each.
function operations(events) {
  const found = new Map();
  for (const event of events) {
    const { EventType: type, Id: id, Name: name, ParentId: parent, EventTimestamp: at } = event;
    const kind = KINDS.find((word) => type.startsWith(word));
    if (!kind) continue;
    const details = event[`${type}Details`] ?? {};
    const operation = found.get(id) ?? { id, kind, name: name ?? kind, depth: (found.get(parent)?.depth ?? -1) + 1, segments: [], until: null };
    found.set(id, operation);
    const end = ENDS[type.slice(kind.length)];
    if (!end) {
      operation.segments.push({ from: at, to: null, state: "open" });
      operation.until = details.ScheduledEndTimestamp ?? null;
    } else {
      const last = operation.segments.at(-1);
      if (last) Object.assign(last, { to: at, state: end });
      operation.error = details.Error?.Payload?.ErrorMessage;
    }
  }
  return [...found.values()];
}

// Draw into the element, from `begun` to `now`; `open` says whether the execution has not ended.
export function draw(element, events, begun, now, open) {
  const rows = operations(events);
  const narrow = element.clientWidth < 500;
  const left = narrow ? 110 : 190;
  const width = Math.max(60, element.clientWidth - left - 90);
  const place = (time) => left + (width * (Math.min(time, now) - begun)) / (now - begun || 1);
  const height = (rows.length + 1) * LANE + 8;
  const drawing = svg("svg", { width: element.clientWidth, height, role: "list", "aria-label": "Operations" });
  const lane = (index, label, said) => {
    const group = svg("g", { role: "listitem", "aria-label": said });
    group.append(svg("text", { x: 8, y: index * LANE + 15 }, label));
    drawing.append(group);
    return group;
  };
  const bar = (group, index, from, to, kind, title) => {
    const x = place(from);
    const drawn = svg("rect", { class: `work ${kind}`, x, y: index * LANE + 4, width: Math.max(3, place(to) - x), height: BAR, rx: 2 });
    drawn.append(svg("title", {}, title));
    group.append(drawn);
    return drawn;
  };
  const invocations = events.filter(({ EventType }) => EventType === "InvocationCompleted");
  const first = lane(0, "invocations", `${invocations.length} invocations`);
  for (const { InvocationCompletedDetails: { StartTimestamp: from, EndTimestamp: to, RequestId: id, Error: error } } of invocations) {
    const link = svg("a", { href: `/?invocation=${encodeURIComponent(id)}` });
    first.append(link);
    bar(link, 0, from, to, error ? "failed" : "invocation", `${id} ${span((to - from) * 1000)}`);
  }
  rows.forEach(({ name, kind, depth, segments, until, error }, number) => {
    const index = number + 1;
    const last = segments.at(-1);
    const after = note(kind, segments, last, until, now, open);
    const room = Math.floor((left - 8 - depth * INDENT) / 6.8);
    const label = "\u00a0".repeat(depth * 2) + (name.length > room ? `${name.slice(0, room - 1)}…` : name);
    const group = lane(index, label, `${name}: ${last?.state ?? ""} ${after}`);
    segments.forEach(({ from, to, state }, at) => {
      const next = segments[at + 1];
      if (next) group.append(svg("rect", { class: "rest", x: place(to ?? from), y: index * LANE + 8, width: Math.max(1, place(next.from) - place(to ?? from)), height: 4 }));
      const shade = kind === "Wait" || kind === "Callback" ? (state === "failed" ? "failed" : "wait") : state;
      bar(group, index, from, to ?? now, `${shade}${to === null ? " open" : ""}`, `${kind} ${name}: ${state} ${span(((to ?? now) - from) * 1000)}${error && state === "failed" ? `, ${error}` : ""}`);
    });
    if (last) group.append(svg("text", { class: "after", x: place(last.to ?? now) + 6, y: index * LANE + 15 }, after));
  });
  element.replaceChildren(rows.length || invocations.length ? drawing : h("p", { class: "nothing" }, "It has not been invoked yet."));
}

function note(kind, segments, last, until, now, open) {
  if (!last) return "";
  if (last.to === null && open) {
    if (kind === "Wait" && until) return `${Math.max(0, Math.ceil(until - now))} s left`;
    return kind === "Callback" ? "waits" : "…";
  }
  const attempts = segments.length > 1 ? `, ${segments.length} attempts` : "";
  return `${span(((last.to ?? now) - segments[0].from) * 1000)}${attempts}`;
}
