/**
 * What `bip remote` can have a daemon do.
 *
 * @module
 */
import type { RemoteResult } from "../../daemon/remote_client.ts";
import type { Arguments } from "../command.ts";
import { UsageError } from "../error.ts";
import { readText } from "../login.ts";
import { plural, safeText } from "../text.ts";
import { selectFiles } from "../torrent/file_selection.ts";
import {
  formatDuration,
  formatRate,
  formatSize,
  parseRate,
  parseRatio,
} from "../units.ts";
import { type Action, ask, idsOf, MANY, simple } from "./action.ts";
import { addAction } from "./add.ts";
import { Screen } from "./screen.ts";
import {
  detailsOf,
  fetchTorrents,
  LIST_FIELDS,
  parseId,
  SHOW_FIELDS,
  tableOf,
} from "./torrents.ts";

/** What `--down` and `--up` say, in kB/s as the protocol counts. */
function speedOf(args: Arguments, name: "down" | "up"): number | undefined {
  const text = args.get(name);
  if (text === undefined) return undefined;
  const rate = parseRate(text, `--${name}`);
  return rate === Infinity ? Infinity : Math.max(1, Math.round(rate / 1000));
}

/** A limit and its switch. */
function limitOf(
  limit: number | undefined,
  name: string,
  enabled: string,
): RemoteResult {
  if (limit === undefined) return {};
  return limit === Infinity
    ? { [enabled]: false }
    : { [name]: limit, [enabled]: true };
}

/** The actions by name. */
export const ACTIONS: Readonly<Record<string, Action>> = {
  add: addAction,
  list: {
    summary: "List torrents",
    operands: [0, MANY],
    usage: "list [ID...|active]",
    options: [],
    async run({ client, operands, output, json, signal }) {
      const torrents = await fetchTorrents(
        client,
        operands,
        LIST_FIELDS,
        signal,
      );
      if (json) output.printJson(torrents, 2);
      else {
        const width = Screen.fits(output) ? output.columns : Infinity;
        for (const line of tableOf(torrents, width)) output.print(line);
      }
    },
  },
  show: {
    summary: "Show all about torrents",
    operands: [1, MANY],
    usage: "show ID...",
    options: [],
    async run({ client, operands, output, json, signal }) {
      const torrents = await fetchTorrents(
        client,
        operands,
        SHOW_FIELDS,
        signal,
      );
      if (json) return output.printJson(torrents, 2);
      torrents.forEach((torrent, i) => {
        if (i > 0) output.print("");
        for (const line of detailsOf(torrent)) output.print(line);
      });
    },
  },
  start: simple("torrent_start", "Start torrents", "started"),
  "start-now": simple(
    "torrent_start_now",
    "Start torrents, past the queue",
    "started",
  ),
  stop: simple("torrent_stop", "Stop torrents", "stopped"),
  verify: simple("torrent_verify", "Check files again", "check requested"),
  reannounce: simple(
    "torrent_reannounce",
    "Ask trackers for more peers now",
    "announce requested",
  ),
  remove: {
    summary: "Remove torrents",
    operands: [1, MANY],
    usage: "remove ID...|all [--delete-files]",
    options: ["delete-files"],
    async run(task) {
      await ask(task, "torrent_remove", {
        ...await idsOf(task, task.operands),
        delete_local_data: task.args.has("delete-files"),
      }, "removed");
    },
  },
  files: {
    summary: "Show the files of a torrent, and choose among them",
    operands: [1, 1],
    usage: "files ID [--want LIST] [--skip LIST] [--high|--normal|--low LIST]",
    options: ["want", "skip", "high", "normal", "low"],
    async run({ args, client, operands, output, json, signal }) {
      parseId(operands[0]!);
      const fields = ["id", "hash_string", "name", "files", "file_stats"];
      const get = async () =>
        (await fetchTorrents(client, operands, fields, signal))[0]!;
      let torrent = await get();
      const files = torrent.files as readonly RemoteResult[];
      const paths = files.map(({ name }) =>
        String(name).slice(String(name).indexOf("/") + 1)
      );
      const change: Record<string, unknown> = {};
      const names = [
        ["skip", "files_unwanted"],
        ["want", "files_wanted"],
        ["high", "priority_high"],
        ["normal", "priority_normal"],
        ["low", "priority_low"],
      ] as const;
      for (const [option, name] of names) {
        const texts = args.all(option);
        if (texts.length === 0) continue;
        change[name] = selectFiles(texts, paths, `--${option}`);
      }
      if (Object.keys(change).length > 0) {
        await client.call("torrent_set", { ids: [torrent.id], ...change });
        torrent = await get();
      }
      if (json) return output.printJson(torrent, 2);
      (torrent.file_stats as readonly RemoteResult[]).forEach((stats, i) => {
        const { length, name } = files[i]!;
        const done = Number(length) === 0
          ? 1
          : Number(stats.bytes_completed) / Number(length);
        const priority = stats.wanted
          ? { "-1": "low", "0": "normal", "1": "high" }[String(stats.priority)]
          : "skip";
        output.print([
          String(i + 1).padStart(4),
          `${Math.floor(done * 100)}%`.padStart(4),
          (priority ?? "normal").padEnd(6),
          formatSize(Number(length)).padStart(10),
          safeText(String(name)),
        ].join("  "));
      });
    },
  },
  limit: {
    summary: "Limit speed and ratio, of torrents or of the daemon",
    operands: [0, MANY],
    usage: "limit [ID...|all] [--down RATE] [--up RATE] [--ratio N]",
    options: ["down", "up", "ratio"],
    async run(task) {
      const { args, operands } = task;
      const down = speedOf(args, "down");
      const up = speedOf(args, "up");
      const text = args.get("ratio");
      const ratio = text === undefined || text === "none"
        ? undefined
        : parseRatio(text, "--ratio");
      if ((down ?? up ?? text) === undefined) {
        throw new UsageError("Say what to limit: --down, --up or --ratio");
      }
      const limits = operands.length === 0
        ? {
          ...limitOf(down, "speed_limit_down", "speed_limit_down_enabled"),
          ...limitOf(up, "speed_limit_up", "speed_limit_up_enabled"),
          ...(text === undefined ? {} : limitOf(
            ratio ?? Infinity,
            "seed_ratio_limit",
            "seed_ratio_limited",
          )),
        }
        : {
          ...await idsOf(task, operands),
          ...limitOf(down, "download_limit", "download_limited"),
          ...limitOf(up, "upload_limit", "upload_limited"),
          ...(text === undefined
            ? {}
            : ratio === undefined
            ? { seed_ratio_mode: 2 }
            : { seed_ratio_limit: ratio, seed_ratio_mode: 1 }),
        };
      const method = operands.length === 0 ? "session_set" : "torrent_set";
      await ask(task, method, limits, "limits set");
    },
  },
  move: {
    summary: "Move torrents to another folder",
    operands: [2, MANY],
    usage: "move ID...|all DIR [--find]",
    options: ["find"],
    async run(task) {
      const { args, operands } = task;
      await ask(task, "torrent_set_location", {
        ...await idsOf(task, operands.slice(0, -1)),
        location: operands.at(-1)!,
        move: !args.has("find"),
      }, args.has("find") ? "location set" : "move requested");
    },
  },
  rename: {
    summary: "Rename a file or folder of a torrent",
    operands: [3, 3],
    usage: "rename ID PATH NAME",
    options: [],
    async run(task) {
      const { operands: [id, path, name] } = task;
      parseId(id!);
      const ids = await idsOf(task, [id!]);
      await ask(task, "torrent_rename_path", { ...ids, path, name }, "renamed");
    },
  },
  queue: {
    summary: "Move torrents in the queue",
    operands: [2, MANY],
    usage: "queue top|up|down|bottom ID...|all",
    options: [],
    async run(task) {
      const { operands: [way, ...ids] } = task;
      if (!["top", "up", "down", "bottom"].includes(way!)) {
        throw new UsageError(
          `Expected top, up, down or bottom, not ${JSON.stringify(way)}`,
        );
      }
      await ask(task, `queue_move_${way}`, await idsOf(task, ids), "moved");
    },
  },
  label: {
    summary: "Set the labels of torrents",
    operands: [1, MANY],
    usage: "label ID...|all [--label TEXT]...",
    options: ["label"],
    async run(task) {
      await ask(task, "torrent_set", {
        ...await idsOf(task, task.operands),
        labels: task.args.all("label"),
      }, "labels set");
    },
  },
  settings: {
    summary: "Show or change settings of the daemon",
    operands: [0, MANY],
    usage: "settings [NAME|NAME=VALUE...]",
    options: [],
    async run({ client, operands, output, json, signal }) {
      const given = operands.map(parseSetting);
      let settings = await client.call("session_get", {}, signal);
      const change: Record<string, unknown> = {};
      for (const [name, text] of given) {
        const value = valueOf(settings, name, text);
        if (value !== undefined) change[name] = value;
      }
      if (Object.keys(change).length > 0) {
        await client.call("session_set", change, signal);
        settings = await client.call("session_get", {}, signal);
        for (const [name, value] of Object.entries(change)) {
          const now = JSON.stringify(settings[name]);
          if (now === JSON.stringify(value)) continue;
          output.note(`Note: ${name} is ${safeText(now)} now`);
        }
      }
      if (json) return output.printJson(settings, 2);
      const names = given.length > 0
        ? given.map(([name]) => name)
        : Object.keys(settings).sort();
      for (const name of names) {
        // It is a secret of this run.
        if (name === "session_id") continue;
        output.print(`${name}=${safeText(JSON.stringify(settings[name]))}`);
      }
    },
  },
  free: {
    summary: "Show how much room a folder has",
    operands: [1, 1],
    usage: "free DIR",
    options: [],
    async run({ client, operands: [path], output, json, signal }) {
      const space = await client.call("free_space", { path }, signal);
      if (json) return output.printJson(space, 2);
      const total = Number(space.total_size);
      const of = total > 0 ? ` of ${formatSize(total)}` : "";
      output.print(`${formatSize(Number(space.size_bytes))} free${of}`);
    },
  },
  stats: {
    summary: "Show totals and rates",
    operands: [0, 0],
    usage: "stats",
    options: [],
    async run({ client, output, json, signal }) {
      const stats = await client.call("session_stats", {}, signal);
      if (json) return output.printJson(stats, 2);
      const bytes = (of: unknown) => {
        const { downloaded_bytes: down, uploaded_bytes: up } =
          of as RemoteResult;
        return `${formatSize(Number(down))} down, ${
          formatSize(Number(up))
        } up, ${
          formatDuration(Number((of as RemoteResult).seconds_active) * 1000)
        }`;
      };
      output.print(
        `${
          plural(Number(stats.torrent_count), "torrent")
        }, ${stats.active_torrent_count} active`,
      );
      output.print(
        `${formatRate(Number(stats.download_speed))} down, ${
          formatRate(Number(stats.upload_speed))
        } up`,
      );
      output.print(`this run  ${bytes(stats.current_stats)}`);
      output.print(`all runs  ${bytes(stats.cumulative_stats)}`);
    },
  },
  hash: {
    summary: "Hash a password for the daemon's --auth-file",
    operands: [1, 1],
    usage: "hash USER < PASSWORD",
    options: [],
    async run({ operands: [user], output, signal }) {
      if (user!.includes(":")) throw new UsageError("USER cannot have a colon");
      const password = (await readText("-", "a password", signal))
        .replace(/\r?\n$/, "");
      if (password === "") throw new UsageError("The password is empty");
      const { hashPassword } = await import("../../daemon/mod.ts");
      output.print(`${user}:${await hashPassword(password)}`);
    },
  },
  shutdown: {
    summary: "Shut the daemon down",
    operands: [0, 0],
    usage: "shutdown",
    options: [],
    run: (task) => ask(task, "session_close", {}, "shutting down"),
  },
};

/** `NAME=VALUE`, or `NAME` for one that is to be shown. */
function parseSetting(text: string): [string, string | undefined] {
  const [, name, value] = /^([^=]+)(?:=(.*))?$/s.exec(text) ?? [];
  if (name !== undefined) return [name.replaceAll("-", "_"), value];
  throw new UsageError(
    `A setting must be NAME or NAME=VALUE, not ${JSON.stringify(text)}`,
  );
}

/** Reads a value, JSON but for text; daemons pass over what cannot be. */
function valueOf(
  known: RemoteResult,
  name: string,
  text: string | undefined,
): unknown {
  if (!Object.hasOwn(known, name)) {
    throw new UsageError(
      `The daemon has no setting ${JSON.stringify(name)}`,
      "bip remote settings lists them",
    );
  }
  const kind = typeof known[name];
  if (text === undefined || kind === "string") return text;
  try {
    const value = JSON.parse(text);
    const given = typeof value;
    if (given === kind) return value;
  } catch {
    // Told below.
  }
  const like = JSON.stringify(known[name]);
  throw new UsageError(`${name} must be a ${kind}, such as ${like}`);
}
