/** What is shown of the torrent at the keyboard: tabs, asked for while open. */
import { facts, make, table } from "./dom.js";
import { moment, percent, rate, ratio, size, span, stateOf } from "./format.js";
import { drawLines, drawPieces } from "./plots.js";
import { call, torrents } from "./rpc.js";

/** Between two questions, in milliseconds. */
const ASK_MS = 2000;
/** Files and peers that are listed; the rest is counted. */
const MAX_ROWS = 1000;
const MAX_SAMPLES = 400;

const PRIORITIES = [["1", "High"], ["0", "Normal"], ["-1", "Low"]];
const ANNOUNCE = ["", "waits", "queued", "asks"];

/** A field of a torrent that is a list, cut to what can be shown. */
function cut(list) {
  const shown = list.slice(0, MAX_ROWS);
  const rest = list.length - shown.length;
  return { shown, rest: rest > 0 ? `and ${rest} more` : "" };
}

const TABS = {
  overview: {
    name: "Overview",
    fields: [
      "pieces",
      "piece_count",
      "piece_size",
      "total_size",
      "have_valid",
      "corrupt_ever",
      "downloaded_ever",
      "uploaded_ever",
      "download_dir",
      "comment",
      "creator",
      "is_private",
      "magnet_link",
      "activity_date",
      "done_date",
      "seconds_seeding",
    ],
    show(torrent, { history, base }) {
      const pieces = make("canvas");
      const rates = make("canvas");
      const ratios = make("canvas");
      const all = { ...base, ...torrent };
      const body = [
        facts([
          ["State", stateOf(all)],
          ["Progress", percent(all.percent_done)],
          ["Size", `${size(all.size_when_done)} of ${size(all.total_size)}`],
          [
            "Pieces",
            all.piece_count > 0
              ? `${all.piece_count} of ${size(all.piece_size)}`
              : "",
          ],
          ["Downloaded", size(all.downloaded_ever)],
          ["Uploaded", size(all.uploaded_ever)],
          ["Ratio", ratio(all.upload_ratio)],
          ["Wasted", all.corrupt_ever > 0 ? size(all.corrupt_ever) : ""],
          ["Time left", all.eta > 0 ? span(all.eta) : ""],
          [
            "Seeding time",
            all.seconds_seeding > 0 ? span(all.seconds_seeding) : "",
          ],
          ["Folder", all.download_dir],
          ["Labels", all.labels.join(", ")],
          ["Added", moment(all.added_date)],
          ["Completed", moment(all.done_date)],
          ["Last active", moment(all.activity_date)],
          ["Private", all.is_private ? "yes" : ""],
          ["Comment", all.comment],
          ["Created by", all.creator],
          ["Info-hash", all.hash_string],
          ["Magnet link", all.magnet_link],
        ]),
        pieces,
        rates,
        ratios,
      ];
      return {
        body,
        after() {
          if (all.piece_count > 0) {
            drawPieces(pieces, all.pieces, all.piece_count);
          } else pieces.hidden = true;
          drawLines(rates, [
            {
              name: "down",
              colour: "--accent",
              values: history.map((one) => one.down),
            },
            {
              name: "up",
              colour: "--good",
              values: history.map((one) => one.up),
            },
          ], (value) => rate(value) || "0");
          drawLines(ratios, [
            {
              name: "ratio",
              colour: "--accent",
              values: history.map((one) => one.ratio),
            },
          ], (value) => value.toFixed(2));
        },
      };
    },
  },
  files: {
    name: "Files",
    fields: ["files", "file_stats"],
    show({ id, files, file_stats: stats }, { store }) {
      const set = (what) =>
        call("torrent_set", { ids: [id], ...what })
          .catch(({ message }) => store.note(id, message));
      if (files.length === 0) {
        return { body: [make("p", {}, "The files are not known yet.")] };
      }
      const { shown, rest } = cut(files);
      const rows = shown.map(({ name, length, bytes_completed: done }, i) => {
        const wanted = make("input", {
          type: "checkbox",
          checked: stats[i].wanted,
          "aria-label": `Download ${name}`,
        });
        wanted.addEventListener(
          "change",
          () =>
            set({ [wanted.checked ? "files_wanted" : "files_unwanted"]: [i] }),
        );
        const priority = make(
          "select",
          { "aria-label": `Priority of ${name}` },
          ...PRIORITIES.map(([value, text]) => make("option", { value }, text)),
        );
        priority.value = String(stats[i].priority);
        priority.addEventListener("change", () => {
          const name = { 1: "high", 0: "normal", "-1": "low" }[priority.value];
          return set({ [`priority_${name}`]: [i] });
        });
        const share = length > 0 ? percent(done / length) : "100 %";
        return [wanted, name, size(length), share, priority];
      });
      return {
        body: [
          table("Files", ["", "Name", "Size", "Done", "Priority"], rows),
          make("p", {}, rest),
        ],
      };
    },
  },
  peers: {
    name: "Peers",
    fields: ["peers", "peers_from"],
    show({ peers }) {
      if (peers.length === 0) {
        return { body: [make("p", {}, "No peers connected.")] };
      }
      const { shown, rest } = cut(peers);
      const rows = shown.map((peer) => [
        `${peer.address}:${peer.port}`,
        peer.client_name,
        peer.flag_str,
        percent(peer.progress),
        rate(peer.rate_to_client),
        rate(peer.rate_to_peer),
      ]);
      return {
        body: [
          table(
            "Peers",
            ["Address", "Client", "Flags", "Has", "Down", "Up"],
            rows,
          ),
          make("p", {}, rest),
          make(
            "p",
            {},
            "Flags: D downloading, d would download; U uploading, u would upload; E encrypted; T uTP; I incoming; H, X, L found by DHT, peer exchange, local discovery.",
          ),
        ],
      };
    },
  },
  trackers: {
    name: "Trackers",
    fields: ["tracker_stats", "webseeds"],
    show({ tracker_stats: trackers, webseeds = [] }) {
      const now = Date.now() / 1000;
      const { shown, rest } = cut(trackers);
      const rows = shown.map((tracker) => [
        tracker.tier + 1,
        tracker.sitename || tracker.host,
        tracker.has_announced
          ? tracker.last_announce_result || "works"
          : "not asked yet",
        ANNOUNCE[tracker.announce_state] === "waits"
          ? `in ${span(Math.max(0, tracker.next_announce_time - now))}`
          : ANNOUNCE[tracker.announce_state] ?? "",
        Math.max(0, tracker.seeder_count),
        Math.max(0, tracker.leecher_count),
      ]);
      const heads = ["Tier", "Tracker", "Answer", "Next", "Seeds", "Leechers"];
      return {
        body: [
          rows.length === 0
            ? make("p", {}, "No trackers.")
            : table("Trackers", heads, rows),
          make("p", {}, rest),
          ...webseeds.length === 0
            ? []
            : [table("Web seeds", ["Web seed"], webseeds.map((url) => [url]))],
        ],
      };
    },
  },
  log: {
    name: "Log",
    fields: [],
    show({ id }, { store }) {
      const lines = store.log.filter((line) =>
        line.id === undefined || line.id === id
      );
      if (lines.length === 0) {
        return {
          body: [
            make("p", {}, "Nothing has happened since the page was opened."),
          ],
        };
      }
      const rows = lines.toReversed().map(({ at, text }) => [
        new Date(at).toLocaleTimeString(),
        text,
      ]);
      return { body: [table("Log", ["Time", "What"], rows)] };
    },
  },
};

export class Details {
  #box;
  #store;
  #id = 0;
  #tab = "overview";
  #timer = 0;
  #turn = 0;
  #histories = new Map();
  #title = make("h2");
  #tabs = make("div", {
    className: "tabs",
    role: "tablist",
    "aria-label": "Details",
  });
  #panel = make("div", { role: "tabpanel", id: "panel" });

  constructor(box, store) {
    this.#box = box;
    this.#store = store;
    const close = make("button", { type: "button", id: "close" }, "Close");
    close.addEventListener("click", () => this.close());
    box.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
    for (const [id, { name }] of Object.entries(TABS)) {
      const button = make("button", {
        type: "button",
        id: `tab-${id}`,
        role: "tab",
        "aria-controls": "panel",
      }, name);
      button.addEventListener("click", () => this.#choose(id));
      this.#tabs.append(button);
    }
    this.#tabs.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step === undefined) return;
      const names = Object.keys(TABS);
      const at = names.indexOf(this.#tab) + step + names.length;
      this.#choose(names[at % names.length]);
      this.#tabs.children[at % names.length].focus();
    });
    box.append(close, this.#title, this.#tabs, this.#panel);
    store.addEventListener("change", () => this.#remember());
  }

  /** Whether it is there. */
  get isOpen() {
    return !this.#box.hidden;
  }

  /** Shows a torrent; what was shown stays until it is known. */
  open(id) {
    this.#id = id;
    this.#box.hidden = false;
    this.#choose(this.#tab);
  }

  close() {
    clearTimeout(this.#timer);
    this.#turn++;
    // Typing elsewhere is not interrupted.
    const isHere = this.#box.contains(document.activeElement);
    this.#box.hidden = true;
    if (isHere) document.getElementById("list").focus();
  }

  #choose(tab) {
    this.#tab = tab;
    for (const button of this.#tabs.children) {
      const isChosen = button.id === `tab-${tab}`;
      button.setAttribute("aria-selected", String(isChosen));
      button.tabIndex = isChosen ? 0 : -1;
    }
    this.#panel.setAttribute("aria-labelledby", `tab-${tab}`);
    this.#panel.replaceChildren();
    this.#ask();
  }

  async #ask() {
    clearTimeout(this.#timer);
    const turn = ++this.#turn;
    const id = this.#id;
    const base = this.#store.all.get(id);
    if (base === undefined) return this.close();
    this.#title.textContent = base.name;
    const tab = TABS[this.#tab];
    try {
      const fields = ["id", ...tab.fields];
      const { torrents: [torrent] } = await torrents(fields, [id]);
      if (turn !== this.#turn) return;
      if (torrent === undefined) return this.close();
      this.#draw(tab, torrent, base);
    } catch {
      // The banner says so.
      if (turn !== this.#turn) return;
    }
    this.#timer = setTimeout(() => this.#ask(), ASK_MS);
  }

  #draw(tab, torrent, base) {
    // What somebody is about to choose from stays as it is.
    const { activeElement } = document;
    if (
      this.#panel.contains(activeElement) && activeElement.matches("select")
    ) {
      return;
    }
    const focus = activeElement?.getAttribute("aria-label");
    const hadFocus = this.#panel.contains(activeElement);
    const { body, after } = tab.show(torrent, {
      base,
      store: this.#store,
      history: this.#histories.get(base.id) ?? [],
    });
    this.#panel.replaceChildren(...body);
    after?.();
    if (!hadFocus || !focus) return;
    for (const element of this.#panel.querySelectorAll("[aria-label]")) {
      if (element.getAttribute("aria-label") === focus) element.focus();
    }
  }

  /** Keeps rates and ratio of the torrents that somebody looked at. */
  #remember() {
    if (this.#id === 0) return;
    const torrent = this.#store.all.get(this.#id);
    if (torrent === undefined) return;
    let history = this.#histories.get(this.#id);
    if (history === undefined) this.#histories.set(this.#id, history = []);
    history.push({
      down: torrent.rate_download,
      up: torrent.rate_upload,
      ratio: Math.max(0, torrent.upload_ratio),
    });
    if (history.length > MAX_SAMPLES) history.shift();
  }
}
