// A trigger: what it is, its figures, and what can be done by hand, each in its place.

import * as api from "./api.js";
import { Deed, DEEDS } from "./deed.js";
import { h, span } from "./dom.js";
import { day, until } from "./moment.js";

const WHAT = {
  sqs: "Queue", schedule: "Schedule", sns: "Topic", s3: "Bucket", eventbridge: "Bus",
  kinesis: "Stream", dynamodb: "Table",
};
// What the journal calls invocations by these. By the others they are asynchronous: events.
const POLLED = ["sqs", "kinesis", "dynamodb"];

// Return what is told of a source: [term, value, class].
function figures({ kind, figures: told, fault }) {
  if (fault) return [["", fault, "bad"]];
  if (kind === "sqs") {
    const { waiting, in_flight: inFlight, failed } = told;
    const found = [["waiting", String(waiting)], ["in flight", String(inFlight)]];
    if (failed !== null) found.push(["failed", String(failed), failed ? "bad" : ""]);
    return found;
  }
  if (kind === "schedule") return [["", told.expression, "code"], ...nextRun(told)];
  if (kind === "eventbridge") return [["", told.pattern, "code"]];
  if (kind === "sns") return [["", told.filter_policy ?? "every message", told.filter_policy === null ? "" : "code"]];
  if (kind === "s3") return [["", `${told.prefix}*${told.suffix}`, "code"]];
  if (!told.polled) return [["", `waiting for its ${kind === "dynamodb" ? "table" : "stream"}`, "waits"]];
  const { in_flight: inFlight, iterator_age_ms: age } = told;
  return [["iterator age", age ? span(age) : "0 s"], [inFlight === 1 ? "batch in flight" : "batches in flight", String(inFlight)]];
}

function nextRun({ fires, next }) {
  if (!fires) return [["", "off: --no-schedules", "waits"]];
  if (next === null) return [["", "never again", "waits"]];
  const at = new Date(next);
  // A cron expression is in UTC.
  return [["next", `${day(at)}, ${until(at)}`], ["UTC", day(at, "UTC")]];
}

export class Card {
  #told = "";
  #deeds;
  #list = h("dl", { class: "told" });
  #outcome = h("p", { class: "outcome", role: "status" });
  #source;

  // `then.acted(reply)` is called when something has been done, `then.look(words)` to see what came.
  constructor(source, number, then) {
    const { kind, name, samples, actions, function: owner } = source;
    const by = source.figures.via === "sqs" ? "sqs" : kind; // a bucket may send to a queue
    const words = `${owner} ${POLLED.includes(by) ? by : "event"}`;
    const ends = {
      acted: (reply, text) => {
        this.#say(text);
        then.acted(reply);
      },
      failed: (message) => this.#say(message, "bad"),
    };
    this.#deeds = actions.filter((action) => DEEDS[`${kind} ${action}`]).map((action) => {
      const ask = (given) => api.act(number, action, given);
      return new Deed(DEEDS[`${kind} ${action}`], `${kind}-${number}-${action}`, samples[action] ?? {}, ask, ends);
    });
    this.element = h(
      "li",
      { class: "source", "data-kind": kind, "data-name": name },
      h("div", { class: "source-head" },
        h("span", { class: "what" }, WHAT[kind] ?? kind), h("code", { class: "name" }, name),
        h("span", { class: "deeds" }, ...this.#deeds.map(({ button }) => button))),
      h("div", { class: "source-told" },
        this.#list,
        h("button", { class: "leads", type: "button", "aria-label": `Invocations of ${owner} by ${name}`, title: `Shows the invocations that have: ${words}`, click: () => then.look(words) }, "Invocations")),
      ...this.#deeds.map(({ form }) => form).filter(Boolean),
      this.#outcome,
    );
    this.update(source);
  }

  // What came of the last thing that was done here.
  #say(text, more = "") {
    this.#outcome.className = `outcome ${more}`;
    this.#outcome.textContent = text;
  }

  // Say whether it is the card of this source, of which only the figures may have changed.
  is({ function: owner, kind, name }) {
    return this.#source.function === owner && this.#source.kind === kind && this.#source.name === name;
  }

  update(source) {
    this.#source = source;
    const found = figures(source);
    for (const deed of this.#deeds) deed.update(source.figures);
    // What has not changed is left alone, so that it can be selected and is not read again.
    const told = JSON.stringify(found);
    if (told === this.#told) return;
    this.#told = told;
    this.#list.replaceChildren(...found.map(([term, value, more]) =>
      h("div", { class: more }, term ? h("dt", {}, term) : null, h("dd", {}, value))));
  }
}
