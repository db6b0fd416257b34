/** Windows over the page: to add, to remove, to choose files, to set. */
import { facts, make } from "./dom.js";
import { rate, size, span } from "./format.js";
import { drawLines } from "./plots.js";
import { call, torrents } from "./rpc.js";

/** Largest torrent file that is sent, in bytes. */
const MAX_TORRENT = 32 * 1024 * 1024;
const DAYS = [
  "Sunday",
  "Monday",
  "Tuesday",
  "Wednesday",
  "Thursday",
  "Friday",
  "Saturday",
];

/**
 * Opens a window with a form. Resolves with true once `submit` has gone well,
 * with false when it was closed.
 */
function ask({ title, body, ok, submit, opened }) {
  return new Promise((resolve) => {
    const wrong = make("p", {
      className: "wrong",
      role: "alert",
      hidden: true,
    });
    const done = make("button", { type: "submit", className: "main" }, ok);
    const cancel = make(
      "button",
      { type: "button" },
      submit ? "Cancel" : "Close",
    );
    const form = make(
      "form",
      { method: "dialog" },
      make("h2", { id: "dialog-title" }, title),
      ...body,
      wrong,
      make("div", { className: "buttons" }, cancel, ...submit ? [done] : []),
    );
    const dialog = make("dialog", { "aria-labelledby": "dialog-title" }, form);
    let result = false;
    cancel.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(result);
    });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      done.disabled = true;
      wrong.hidden = true;
      try {
        await submit();
        result = true;
        dialog.close();
      } catch (error) {
        wrong.textContent = error.message;
        wrong.hidden = false;
        done.disabled = false;
      }
    });
    document.body.append(dialog);
    dialog.showModal();
    opened?.(dialog);
  });
}

const field = (text, input) => make("label", {}, text, input);
const check = (text, input) =>
  make("label", { className: "check" }, input, text);

/** Asks which files of a stopped torrent are wanted; starts it. */
async function chooseFiles(id, name) {
  const { torrents: [{ files }] } = await torrents(["id", "files"], [id]);
  const boxes = files.map(({ name, length }) => {
    const box = make("input", { type: "checkbox", checked: true });
    return { box, line: check(`${name} (${size(length)})`, box) };
  });
  const all = make("input", { type: "checkbox", checked: true });
  all.addEventListener("change", () => {
    for (const { box } of boxes) box.checked = all.checked;
  });
  const isStarted = await ask({
    title: name,
    ok: "Start",
    body: [
      check("All files", all),
      make("div", { className: "scroll" }, ...boxes.map(({ line }) => line)),
    ],
    async submit() {
      const unwanted = boxes.flatMap(({ box }, i) => box.checked ? [] : i);
      if (unwanted.length === boxes.length) throw new Error("Choose a file");
      if (unwanted.length > 0) {
        await call("torrent_set", { ids: [id], files_unwanted: unwanted });
      }
      await call("torrent_start", { ids: [id] });
    },
  });
  if (!isStarted) await call("torrent_remove", { ids: [id] });
}

/** Adds torrents: files, and links one a line. */
export async function addTorrents(store, { files = [], text = "" } = {}) {
  const links = make("textarea", {
    rows: 4,
    value: text,
    placeholder: "magnet:?xt=… or https://…/file.torrent",
    spellcheck: false,
  });
  const picker = make("input", {
    type: "file",
    multiple: true,
    accept: ".torrent,application/x-bittorrent",
  });
  if (files.length > 0) {
    const transfer = new DataTransfer();
    for (const file of files) transfer.items.add(file);
    picker.files = transfer.files;
  }
  const { download_dir: standard } = await call("session_get", {
    fields: ["download_dir"],
  });
  const dir = make("input", { value: standard, spellcheck: false });
  const labels = make("input", { placeholder: "tv, music" });
  const start = make("input", { type: "checkbox", checked: true });
  const choose = make("input", { type: "checkbox" });
  const added = [];
  const isAdded = await ask({
    title: "Add torrents",
    ok: "Add",
    body: [
      field("Links, one per line", links),
      field("Torrent files", picker),
      field("Folder", dir),
      field("Labels", labels),
      check("Start", start),
      check("Choose files first (of torrent files)", choose),
    ],
    opened: () => links.focus(),
    async submit() {
      const common = {
        download_dir: dir.value || undefined,
        labels: labels.value.split(",").map((label) => label.trim())
          .filter(Boolean),
      };
      const sources = links.value.split("\n").map((line) => line.trim())
        .filter(Boolean).map((filename) => ({
          paused: !start.checked,
          filename,
        }));
      for (const file of picker.files) {
        if (file.size > MAX_TORRENT) {
          throw new Error(`${file.name} is too large`);
        }
        const bytes = new Uint8Array(await file.arrayBuffer());
        let metainfo = "";
        for (let i = 0; i < bytes.length; i += 8192) {
          metainfo += String.fromCharCode(...bytes.subarray(i, i + 8192));
        }
        sources.push({
          paused: choose.checked || !start.checked,
          metainfo: btoa(metainfo),
          isChosen: choose.checked,
        });
      }
      if (sources.length === 0) throw new Error("Give a link or a file");
      while (sources.length > 0) {
        const { isChosen, ...source } = sources[0];
        const answer = await call("torrent_add", { ...source, ...common });
        // What was added is not added again when another one is wrong.
        sources.shift();
        if (isChosen && answer.torrent_added) added.push(answer.torrent_added);
      }
    },
  });
  if (!isAdded && added.length === 0) return;
  for (const { id, name } of added) await chooseFiles(id, name);
  await store.askWhole();
}

/** Asks before torrents are removed. */
export async function removeTorrents(store, ids) {
  const data = make("input", { type: "checkbox" });
  const first = store.all.get(ids[0])?.name ?? "";
  await ask({
    title: ids.length === 1
      ? "Remove the torrent?"
      : `Remove ${ids.length} torrents?`,
    ok: "Remove",
    body: [
      make("p", {}, ids.length === 1 ? first : `${first} and others`),
      check("Also delete the downloaded files", data),
    ],
    async submit() {
      await call("torrent_remove", { ids, delete_local_data: data.checked });
      await store.ask();
    },
  });
}

/** Figures of the session, and its rates over time. */
export function showSession(store) {
  const { stats, samples } = store;
  if (stats === undefined) return;
  const plot = make("canvas");
  const { current_stats: now, cumulative_stats: ever } = stats;
  const of = ({ downloaded_bytes: down, uploaded_bytes: up }) =>
    `${size(down)} down, ${size(up)} up`;
  return ask({
    title: "Session",
    body: [
      facts([
        [
          "Torrents",
          `${stats.torrent_count}, ${stats.active_torrent_count} active, ${stats.paused_torrent_count} stopped`,
        ],
        ["This run", `${of(now)} in ${span(now.seconds_active)}`],
        ["All runs", `${of(ever)} in ${span(ever.seconds_active)}`],
      ]),
      plot,
    ],
    opened: () =>
      drawLines(plot, [
        {
          name: "down",
          colour: "--accent",
          values: samples.map(({ down }) => down),
        },
        { name: "up", colour: "--good", values: samples.map(({ up }) => up) },
      ], (value) => rate(value) || "0"),
  });
}

const minutesOf = (text) => {
  const [hours, minutes] = text.split(":").map(Number);
  return 60 * hours + minutes;
};
const timeOf = (minutes) =>
  [Math.floor(minutes / 60), minutes % 60]
    .map((part) => String(part).padStart(2, "0")).join(":");

/** Settings: by name of the protocol, what they are and how they are entered. */
export async function showSettings() {
  const settings = await call("session_get");
  const inputs = new Map();
  const enter = (name, text, properties, read, value = settings[name]) => {
    const input = make("input", {
      ...properties,
      ...properties.type === "checkbox" ? { checked: value } : { value },
    });
    inputs.set(name, { read: () => read(input), before: settings[name] });
    return properties.type === "checkbox"
      ? check(text, input)
      : field(text, input);
  };
  const yes = (name, text) =>
    enter(name, text, { type: "checkbox" }, (input) => input.checked);
  const number = (name, text, more = {}) =>
    enter(
      name,
      text,
      { type: "number", min: 0, required: true, ...more },
      (input) => input.valueAsNumber,
    );
  const time = (name, text) =>
    enter(
      name,
      text,
      { type: "time", required: true },
      (input) => minutesOf(input.value),
      timeOf(settings[name]),
    );
  const days = DAYS.map((day, i) => {
    const box = make("input", {
      type: "checkbox",
      checked: (settings.alt_speed_time_day & (1 << i)) !== 0,
    });
    return { box, line: check(day, box) };
  });
  inputs.set("alt_speed_time_day", {
    read: () =>
      days.reduce((mask, { box }, i) => mask | (box.checked ? 1 << i : 0), 0),
    before: settings.alt_speed_time_day,
  });
  const group = (title, ...lines) =>
    make("fieldset", {}, make("legend", {}, title), ...lines);
  return ask({
    title: "Settings",
    ok: "Save",
    body: [
      make(
        "div",
        { className: "scroll" },
        group(
          "Folders",
          enter(
            "download_dir",
            "Downloads",
            { required: true },
            (input) => input.value,
          ),
          yes("start_added_torrents", "Start added torrents"),
        ),
        group(
          "Limits (kB/s)",
          yes("speed_limit_down_enabled", "Limit downloads"),
          number("speed_limit_down", "Downloads"),
          yes("speed_limit_up_enabled", "Limit uploads"),
          number("speed_limit_up", "Uploads"),
        ),
        group(
          "Alternative limits (kB/s)",
          yes("alt_speed_enabled", "Use them now"),
          number("alt_speed_down", "Downloads"),
          number("alt_speed_up", "Uploads"),
          yes("alt_speed_time_enabled", "Use them on a schedule"),
          time("alt_speed_time_begin", "From"),
          time("alt_speed_time_end", "To"),
          ...days.map(({ line }) => line),
        ),
        group(
          "Queue",
          yes("download_queue_enabled", "Limit downloads"),
          number("download_queue_size", "Downloads at a time"),
          yes("seed_queue_enabled", "Limit seeds"),
          number("seed_queue_size", "Seeds at a time"),
          number("queue_stalled_minutes", "Minutes until stalled"),
        ),
        group(
          "Seeding",
          yes("seed_ratio_limited", "Stop at a ratio"),
          number("seed_ratio_limit", "Ratio", { step: "any" }),
          yes("idle_seeding_limit_enabled", "Stop when idle"),
          number("idle_seeding_limit", "Idle minutes"),
        ),
        group(
          "Peers",
          number("peer_limit_global", "Maximum connections"),
          number("peer_limit_per_torrent", "Maximum per torrent"),
          yes("dht_enabled", "Use the DHT"),
          yes("pex_enabled", "Exchange peers"),
          yes("lpd_enabled", "Find peers on the local network"),
          yes("port_forwarding_enabled", "Map a port on the gateway"),
        ),
      ),
    ],
    async submit() {
      const changes = {};
      for (const [name, { read, before }] of inputs) {
        const value = read();
        if (before !== undefined && value !== before) changes[name] = value;
      }
      if (Object.keys(changes).length > 0) await call("session_set", changes);
    },
  });
}
