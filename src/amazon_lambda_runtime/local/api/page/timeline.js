// The life of the environments, a lane each.
//
// Work comes in bursts of milliseconds with minutes between them, so time is drawn to scale only
// while an environment works; a pause is folded to a narrow strip that says how long it was. Frozen
// environments are seen to sleep through the folds. Invocations of one environment at the same time
// are drawn one below the other, in thinner bars.

import { clock, h, short, span, svg } from "./dom.js";
import { duration } from "./store.js";

// In seconds: a pause that is longer is folded.
const PAUSE = 0.4;
// In pixels.
const FOLD = 44;
const BURST = 34;
const LANE = 26;
const BAR = 16;
const THIN = 6;
// In seconds: what follows one after the other may seem to overlap by so much.
const CLOCK = 0.001;
const AXIS = 18;
// How many bursts are shown, at each step of the zoom.
export const ZOOMS = [1, 2, 4, 8, 16, 32];

// Return every time that an environment is at work: init, or an invocation.
function work(store, now) {
  const found = [];
  for (const [number, states] of store.environments) {
    states.forEach(([from, state], index) => {
      if (state === "starting") found.push({ number, from, to: states[index + 1]?.[0] ?? now, init: true });
    });
  }
  for (const invocation of store.invocations.values()) {
    if (invocation.started_at === null || !store.environments.has(invocation.environment)) continue;
    // Until its report: its duration is measured by another clock, and bars would overlap.
    found.push({
      number: invocation.environment,
      from: invocation.started_at,
      to: invocation.reported_at ?? now,
      invocation,
    });
  }
  return found.sort((one, other) => one.from - other.from);
}

// Return a function from time to x, the bursts and the pauses, for what is at work.
function scale(spans, bursts, left, width, now) {
  const all = [];
  for (const { from, to } of spans) {
    const last = all.at(-1);
    if (last && from - last.to < PAUSE) last.to = Math.max(last.to, to);
    else all.push({ from, to });
  }
  const quiet = all.length > 0 && now - all.at(-1).to > PAUSE;
  const most = Math.max(1, Math.floor((width - FOLD) / (BURST + FOLD)));
  const shown = all.slice(-Math.min(bursts, most));
  const folds = shown.length - 1 + (quiet ? 1 : 0);
  const total = shown.reduce((sum, { from, to }) => sum + (to - from), 0) || 1;
  const free = Math.max(0, width - shown.length * BURST - folds * FOLD);
  const points = [];
  const pauses = [];
  let x = left;
  shown.forEach((burst, index) => {
    points.push([burst.from, x]);
    x += BURST + (free * (burst.to - burst.from)) / total;
    points.push([burst.to, x]);
    const until = shown[index + 1]?.from ?? (quiet ? now : null);
    if (until !== null) {
      pauses.push({ x, length: until - burst.to });
      x += FOLD;
    }
  });
  if (quiet) points.push([now, x]);
  return { place: (time) => interpolate(points, time), bursts: shown, pauses, start: points[0]?.[0] ?? now };
}

function interpolate(points, time) {
  if (!points.length || time <= points[0][0]) return points[0]?.[1] ?? 0;
  for (let index = 1; index < points.length; index += 1) {
    const [fromTime, fromX] = points[index - 1];
    const [toTime, toX] = points[index];
    if (time <= toTime) return fromX + ((toX - fromX) * (time - fromTime)) / (toTime - fromTime || 1);
  }
  return points.at(-1)[1];
}

// Draw into the element, and return whether the drawing will change by itself as time goes on.
export function draw(element, store, { zoom, selected, choose }) {
  const now = store.now();
  const spans = work(store, now);
  const narrow = element.clientWidth < 500;
  const left = narrow ? 62 : 118;
  const width = element.clientWidth - left - 10;
  const view = scale(spans, ZOOMS[zoom], left, width, now);
  const lanes = [...store.environments].filter(
    ([, states]) => states.at(-1)[1] !== "gone" || states.at(-1)[0] >= view.start,
  );
  if (!lanes.length) {
    element.replaceChildren(h("p", { class: "nothing" }, "Execution environments appear here with the first invocation: when they start, work, fail and are frozen."));
    return false;
  }
  const rows = new Map(lanes.map(([number]) => [number, stack(spans, number, view.start)]));
  const tall = (number) => Math.max(LANE, rows.get(number) * (THIN + 1) + LANE - BAR);
  const height = lanes.reduce((sum, [number]) => sum + tall(number), AXIS);
  const drawing = svg("svg", { width: element.clientWidth, height, role: "list", "aria-label": "Execution environments" });
  for (const { x, length } of view.pauses) {
    drawing.append(
      svg("rect", { class: "fold", x, y: 0, width: FOLD, height: height - AXIS }),
      svg("text", { class: "pause", x: x + FOLD / 2, y: height - 5, "text-anchor": "middle" }, pauseText(length)),
    );
  }
  let free = 0;
  for (const { from } of view.bursts) {
    const x = view.place(from);
    drawing.append(svg("line", { class: "tick", x1: x, x2: x, y1: 0, y2: height - AXIS + 4 }));
    const label = clock(from);
    const next = view.pauses.find((pause) => pause.x > x)?.x ?? left + width;
    if (x >= free && next - x > 54) {
      drawing.append(svg("text", { class: "clock", x, y: height - 5 }, label));
      free = x + 58;
    }
  }
  let y = 0;
  for (const [number, states] of lanes) {
    const place = { y, height: tall(number), rows: rows.get(number) };
    drawing.append(lane(number, states, place, spans, view, { now, narrow, selected, choose }));
    y += place.height;
  }
  element.replaceChildren(drawing);
  return spans.some(({ to }) => to === now);
}

// Give each span of an environment its row: the first that is free by then. Return their number.
function stack(spans, number, start) {
  const ends = [];
  for (const work of spans) {
    // An init that belongs to an invocation's time is drawn over it.
    if (work.number !== number || work.init || work.to < start) continue;
    const free = ends.findIndex((end) => end <= work.from + CLOCK);
    work.row = free < 0 ? ends.length : free;
    ends[work.row] = work.to;
  }
  return Math.max(1, ends.length);
}

function pauseText(seconds) {
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

function lane(number, states, { y, height, rows }, spans, view, { now, narrow, selected, choose }) {
  const state = states.at(-1)[1];
  const own = spans.filter((work) => work.number === number);
  const memory = Math.max(0, ...own.map(({ invocation }) => invocation?.memory_used ?? 0));
  const middle = y + height / 2;
  const bar = rows > 1 ? THIN : BAR;
  const top = y + (height - rows * (bar + 1)) / 2;
  const count = own.filter(({ invocation }) => invocation).length;
  const said = `Environment ${number}: ${state}, ${count} invocation${count === 1 ? "" : "s"}${memory ? `, ${memory} MB` : ""}`;
  const group = svg("g", { class: `lane ${state}`, role: "listitem", "aria-label": said, "data-number": number, "data-state": state });
  group.append(
    svg("circle", { class: "state", cx: 7, cy: middle, r: 3.5 }),
    svg("text", { class: "number", x: 17, y: middle + 4 }, `#${number}`),
    svg("text", { class: "memory", x: narrow ? 56 : 108, y: middle + 4, "text-anchor": "end" }, memory ? `${memory}${narrow ? "M" : " MB"}` : ""),
  );
  states.forEach(([from, name], index) => {
    const to = states[index + 1]?.[0] ?? now;
    if (name === "gone" || to <= view.start) return;
    const x = view.place(from);
    const rest = svg("rect", { class: `rest ${name}`, x, y: middle - 3, width: Math.max(1, view.place(to) - x), height: 6 });
    rest.append(svg("title", {}, `#${number} ${name}, ${span((to - from) * 1000)}`));
    group.append(rest);
  });
  // Init is drawn last: where it touches an invocation, the cold start stays visible.
  for (const { from, to, init, invocation, row } of [...own].sort((one) => (one.init ? 1 : -1))) {
    if (to < view.start) continue;
    const x = view.place(from);
    const width = Math.max(3, view.place(to) - x);
    const kind = init ? "init" : invocation.failed ? "failed" : "busy";
    const drawn = svg("rect", { class: `work ${kind}`, x, y: init ? middle - BAR / 2 : top + row * (bar + 1), width, height: init ? BAR : bar, rx: 2 });
    const length = init ? (to - from) * 1000 : duration(invocation, now);
    if (init) {
      drawn.append(svg("title", {}, `#${number} init (cold start), ${span(length)}`));
    } else {
      drawn.dataset.id = invocation.id;
      if (invocation.id === selected) drawn.classList.add("selected");
      drawn.append(svg("title", {}, `${short(invocation.id)} ${invocation.failed ? "failed" : ""} ${span(length)}${invocation.memory_used ? `, ${invocation.memory_used} MB` : ""}`));
      drawn.addEventListener("click", () => choose(invocation.id));
    }
    group.append(drawn);
    const label = span(length);
    if ((init || rows === 1) && width > label.length * 6.6 + 10) {
      group.append(svg("text", { class: `length ${kind}`, x: x + 5, y: middle + 4 }, label));
    }
  }
  return group;
}
