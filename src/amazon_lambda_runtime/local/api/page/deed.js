// What can be done by hand with a trigger: its button, and the form that it opens.

import { clock, h } from "./dom.js";

const MESSAGE = "{}";

// By the kind of the trigger and the action:
//   label, sends     on the button that opens the form, and on the one that sends it
//   fields           [name, label, text to begin with, whether it may be long]; without any, the
//                    button acts at once
//   can(figures)     whether there is anything to do
//   said(reply)      what is told afterwards
export const DEEDS = {
  "sqs send": { label: "Send…", sends: "Send", fields: [["body", "Message", MESSAGE, true]], said: () => "Sent" },
  "sqs redrive": {
    label: "Redrive",
    title: "Move the failed messages back to the queue",
    can: ({ failed }) => failed !== 0,
    said: ({ moved }) => (moved ? `${moved} message${moved === 1 ? "" : "s"} moved back to the queue` : "Nothing to move"),
  },
  "schedule run": { label: "Run now", said: () => "Invoked" },
  "sns publish": { label: "Publish…", sends: "Publish", fields: [["message", "Message", MESSAGE, true]], said: () => "Published" },
  "eventbridge put": {
    label: "Put event…",
    sends: "Put event",
    fields: [["source", "Source", ""], ["detailType", "Detail type", ""], ["detail", "Detail, as JSON", MESSAGE, true]],
    said: () => "Put on the bus",
  },
  "kinesis put": {
    label: "Put record…",
    sends: "Put record",
    fields: [["data", "Data", MESSAGE, true], ["key", "Partition key", "1"]],
    said: () => "Put into the stream",
  },
};

export class Deed {
  form = null; // what it asks for, if anything
  #what;
  #ask;
  #then;
  #acting = false;
  #can = true;

  // `ask(given)` does it and returns the reply. Afterwards `then.acted(reply, text)` is called with
  // what there is to say, or `then.failed(message)`.
  constructor(what, id, sample, ask, then) {
    this.#what = what;
    this.#ask = ask;
    this.#then = then;
    const { label, title, fields, sends } = what;
    this.button = h("button", { type: "button", title, click: () => (fields ? this.#toggle() : this.#act({})) }, label);
    if (fields) {
      this.form = h(
        "form",
        { id, class: "deed", hidden: "", "aria-label": sends, autocomplete: "off", submit: (event) => this.#submit(event), keydown: sendByKey },
        ...fields.map(([name, said, text, long]) => field(name, said, sample[name] ?? text, long)),
        h("button", { class: "primary" }, sends),
      );
      this.button.setAttribute("aria-expanded", "false");
      this.button.setAttribute("aria-controls", id);
    }
  }

  update(figures) {
    this.#can = this.#what.can?.(figures) ?? true;
    this.#paint();
  }

  #toggle() {
    this.form.hidden = !this.form.hidden;
    this.button.setAttribute("aria-expanded", String(!this.form.hidden));
    if (!this.form.hidden) this.form.querySelector("textarea, input").focus();
  }

  #submit(event) {
    event.preventDefault();
    this.#act(Object.fromEntries(new FormData(this.form)));
  }

  async #act(given) {
    if (this.#acting) return;
    this.#acting = true;
    this.#paint();
    try {
      const reply = await this.#ask(given);
      this.#then.acted(reply, `${this.#what.said(reply)} at ${clock(Date.now() / 1000)}`);
    } catch (error) {
      this.#then.failed(error.message);
    }
    this.#acting = false;
    this.#paint();
  }

  #paint() {
    const button = this.form?.querySelector("button") ?? this.button;
    button.disabled = this.#acting || !this.#can;
  }
}

function field(name, said, text, long) {
  const input = long
    ? h("textarea", { name, rows: Math.min(8, Math.max(3, text.split("\n").length)), spellcheck: "false", autocapitalize: "off" }, text)
    : h("input", { name, value: text, spellcheck: "false", autocapitalize: "off" });
  return h("label", {}, h("span", {}, said), input);
}

// Ctrl+Enter sends what is being written, and not the event of the page.
function sendByKey(event) {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  event.stopPropagation();
  event.currentTarget.requestSubmit();
}
