// What control tells, by kind and id, and whether it still does. One stream a view; it comes back by itself,
// from where it was.

import { setNow } from "./format.js";

const SILENCE = 16000; // control tells the time every 5 s
const RETRY = 2000;

export class Store {
  /** `changed()` after news, `link(state, since)` with "connecting", "live" or "away". */
  constructor(changed, link) {
    this.changed = changed;
    this.told = link;
    this.kinds = new Map();
    this.ready = false;
    this.state = "connecting";
    this.since = Date.now();
  }

  /** From here on these kinds, and what concerns the watched subjects. */
  show(kinds, watched) {
    const query = new URLSearchParams();
    if (kinds.length) query.set("kinds", kinds.join(","));
    for (const each of watched) query.append("watch", each);
    if (this.query === query.toString()) return;
    this.query = query.toString();
    this.kinds = new Map();
    this.ready = false;
    this.connect();
  }

  all(kind) { return [...(this.kinds.get(kind)?.values() || [])]; }
  one(kind, id) { return this.kinds.get(kind)?.get(id); }

  connect() {
    clearTimeout(this.retry);
    this.source?.close();
    const source = new EventSource(`live?${this.query}`);
    this.source = source;
    source.onmessage = (event) => this.take(JSON.parse(event.data));
    source.onerror = () => this.lost(source);
    this.listen();
  }

  // Neither an error nor a word: a connection that nobody has told us is gone.
  listen() {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => { this.away(); this.connect(); }, SILENCE);
  }

  take(news) {
    this.listen();
    setNow(news.now);
    if (this.state !== "live") this.become("live");
    if (news.anew) this.kinds = new Map();
    for (const key of news.gone || []) {
      const slash = key.indexOf("/");
      this.kinds.get(key.slice(0, slash))?.delete(key.slice(slash + 1));
    }
    for (const thing of news.set) {
      if (!this.kinds.has(thing.k)) this.kinds.set(thing.k, new Map());
      this.kinds.get(thing.k).set(thing.id, thing);
    }
    if (news.ready) this.ready = true;
    if (this.ready && (news.set.length || news.gone || news.ready)) this.changed();
  }

  async lost(source) {
    this.away();
    if (source.readyState !== EventSource.CLOSED || source !== this.source) return; // the browser tries again
    try {
      const answer = await fetch("live", { method: "HEAD", cache: "no-store" });
      if (answer.status === 401) { location.href = "login"; return; }
    } catch { /* still away */ }
    if (source === this.source) this.retry = setTimeout(() => this.connect(), RETRY);
  }

  away() { if (this.state !== "away") this.become("away"); }

  become(state) {
    this.state = state;
    this.since = Date.now();
    this.told(state, this.since);
  }
}
