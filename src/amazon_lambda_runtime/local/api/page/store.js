// The journal as received: environments, invocations, the tail of the log, within the same bounds.

const INVOCATIONS = 500;
const GONE = 50;
const STATES = 256;
const TAIL = 1000;

export class Store {
  environments = new Map();
  invocations = new Map();
  tail = [];
  #ahead = 0; // how far the server's clock is ahead of ours, in seconds

  now() {
    return Date.now() / 1000 + this.#ahead;
  }

  apply(change) {
    const stamp = change.now ?? change.at ?? change.reported_at ?? change.answered_at ?? change.started_at;
    const ahead = stamp - Date.now() / 1000;
    // A message that was delayed makes the server's clock look late: the greatest difference counts.
    if (change.type === "snapshot" || ahead > this.#ahead) this.#ahead = ahead;
    switch (change.type) {
      case "snapshot":
        this.environments = new Map(change.environments.map(({ number, states }) => [number, states]));
        this.invocations = new Map(change.invocations.map((invocation) => [invocation.id, invocation]));
        this.tail = change.tail.map(([at, id, text]) => ({ at, id, text }));
        break;
      case "environment": {
        const states = this.environments.get(change.number) ?? [];
        states.push([change.at, change.state]);
        if (states.length > STATES) states.shift();
        this.environments.set(change.number, states);
        this.#bury();
        break;
      }
      case "invocation":
        this.invocations.set(change.id, change);
        if (this.invocations.size > INVOCATIONS) {
          this.invocations.delete(this.invocations.keys().next().value);
        }
        break;
      case "line":
        this.tail.push(change);
        if (this.tail.length > TAIL) this.tail.shift();
        break;
      case "piece": {
        const invocation = this.invocations.get(change.id);
        if (invocation) {
          invocation.streamed = true;
          invocation.answer_size = change.size;
        }
        break;
      }
    }
  }

  #bury() {
    const gone = [...this.environments].filter(([, states]) => states.at(-1)[1] === "gone");
    for (const [number] of gone.slice(0, -GONE)) this.environments.delete(number);
  }
}

export function status(invocation) {
  if (invocation.answered_at !== null) {
    if (invocation.failed) return "failed";
    return invocation.reported_at === null && invocation.started_at !== null ? "finishing" : "ok";
  }
  if (invocation.reported_at !== null) return "ended"; // its caller went away, for one
  if (invocation.started_at === null) return "waiting";
  return "running";
}

// In milliseconds; null if it is not known yet.
export function duration(invocation, now) {
  if (invocation.duration_ms !== null) return invocation.duration_ms;
  if (invocation.started_at === null) return null;
  return Math.max(0, (invocation.answered_at ?? now) - invocation.started_at) * 1000;
}
