/** The torrents as they are known here, asked for again and again. */
import { call, torrents } from "./rpc.js";
import { stateOf } from "./format.js";

const FIELDS = [
  "id",
  "hash_string",
  "name",
  "status",
  "error",
  "error_string",
  "labels",
  "percent_done",
  "metadata_percent_complete",
  "recheck_progress",
  "rate_download",
  "rate_upload",
  "upload_ratio",
  "size_when_done",
  "left_until_done",
  "eta",
  "queue_position",
  "peers_connected",
  "added_date",
];
/** Between two questions, and when there is no answer, in milliseconds. */
const ASK_MS = 1500;
const RETRY_MS = [1000, 2000, 5000, 10_000];
/** The list as a whole is asked for so often; rarely active ones change, too. */
const WHOLE_EVERY = 40;
/** Samples of rates, and lines of the log, that are kept. */
const MAX_SAMPLES = 400;
const MAX_LINES = 500;

const FILTERS = {
  all: () => true,
  downloading: (torrent) => torrent.status === 3 || torrent.status === 4,
  seeding: (torrent) => torrent.status >= 5,
  active: (torrent) => torrent.rate_download > 0 || torrent.rate_upload > 0,
  stopped: (torrent) => torrent.status === 0,
  error: (torrent) => torrent.error > 0,
};

export class Store extends EventTarget {
  /** Torrents by id. */
  all = new Map();
  /** Rates of the session, the latest last. */
  samples = [];
  /** What happened: `{ at, id, text }`, the latest last. */
  log = [];
  stats = undefined;
  /** What is wrong with the connection. */
  trouble = "";
  search = "";
  filter = "all";
  label = "";
  sort = "queue_position";
  isReversed = false;
  #round = 0;
  #failures = 0;
  #timer = 0;
  #isAsking = false;
  #askAgain = false;
  #known = false;

  /** Asks now, and from then on. */
  async ask() {
    if (this.#isAsking) {
      this.#askAgain = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#isAsking = true;
    try {
      const isWhole = this.#round++ % WHOLE_EVERY === 0;
      const [list, stats] = await Promise.all([
        torrents(FIELDS, isWhole ? undefined : "recently_active"),
        call("session_stats"),
      ]);
      this.#take(list, isWhole);
      this.stats = stats;
      this.samples.push({
        at: Date.now(),
        down: stats.download_speed,
        up: stats.upload_speed,
      });
      if (this.samples.length > MAX_SAMPLES) this.samples.shift();
      if (this.#failures > 0) this.note(undefined, "Connected again");
      this.#failures = 0;
      this.trouble = "";
    } catch (error) {
      if (this.#failures++ === 0) {
        this.note(undefined, `No connection: ${error.message}`);
      }
      this.trouble = "No connection to the daemon. Trying again…";
      this.#round = 0;
    } finally {
      this.#isAsking = false;
    }
    const wait = this.#failures === 0
      ? ASK_MS
      : RETRY_MS[Math.min(this.#failures, RETRY_MS.length) - 1];
    this.#timer = setTimeout(() => this.ask(), this.#askAgain ? 0 : wait);
    this.#askAgain = false;
    this.changed();
  }

  /** Asks for all of the list next time. */
  askWhole() {
    this.#round = 0;
    return this.ask();
  }

  /** Says that there is something else to show. */
  changed() {
    this.dispatchEvent(new Event("change"));
  }

  /** Writes a line of the log. */
  note(id, text) {
    this.log.push({ at: Date.now(), id, text });
    if (this.log.length > MAX_LINES) this.log.shift();
  }

  #take({ torrents, removed }, isWhole) {
    const gone = new Set(isWhole ? this.all.keys() : removed);
    for (const torrent of torrents) {
      gone.delete(torrent.id);
      const before = this.all.get(torrent.id);
      const text = stateOf(torrent).replace(/, .*/, "");
      if (before === undefined) {
        if (this.#known) this.note(torrent.id, `Added: ${torrent.name}`);
      } else if (stateOf(before).replace(/, .*/, "") !== text) {
        this.note(torrent.id, `${text}: ${torrent.name}`);
      }
      this.all.set(torrent.id, torrent);
    }
    for (const id of gone) {
      const torrent = this.all.get(id);
      if (torrent === undefined) continue;
      this.note(id, `Removed: ${torrent.name}`);
      this.all.delete(id);
    }
    this.#known = true;
  }

  /** All labels, by alphabet. */
  labels() {
    const labels = new Set();
    for (const torrent of this.all.values()) {
      for (const label of torrent.labels) labels.add(label);
    }
    return [...labels].sort();
  }

  /** What is to be shown, in order. */
  shown() {
    const fits = FILTERS[this.filter];
    const words = this.search.toLowerCase().split(/\s+/).filter(Boolean);
    const found = [];
    for (const torrent of this.all.values()) {
      if (!fits(torrent)) continue;
      if (this.label !== "" && !torrent.labels.includes(this.label)) continue;
      if (words.length > 0) {
        const text = `${torrent.name} ${torrent.labels.join(" ")}`
          .toLowerCase();
        if (!words.every((word) => text.includes(word))) continue;
      }
      found.push(torrent);
    }
    const { sort } = this;
    const sign = this.isReversed ? -1 : 1;
    const compare = sort === "name"
      ? new Intl.Collator(undefined, { numeric: true }).compare
      : (a, b) => a - b;
    return found.sort((a, b) =>
      sign * compare(a[sort], b[sort]) || a.id - b.id
    );
  }
}
