/**
 * `bip top`: watches a daemon, ours or Transmission's.
 *
 * @module
 */
import { sleep, systemClock } from "../../_shared/clock.ts";
import {
  type RemoteClient,
  RemoteError,
  type RemoteResult,
} from "../../daemon/remote_client.ts";
import type { Verb, VerbContext } from "../command.ts";
import { UsageError } from "../error.ts";
import { EXIT_DONE, EXIT_INTERRUPTED } from "../exit_code.ts";
import { plural, safeText } from "../text.ts";
import { CLIENT_OPTIONS, commandError, openClient } from "./open_client.ts";
import { Screen } from "./screen.ts";
import { fetchTorrents, LIST_FIELDS, stateOf, tableOf } from "./torrents.ts";
import { fitColumns } from "../progress.ts";
import { formatDuration, formatRate, formatSize } from "../units.ts";

/** What a daemon told at one moment. */
interface Look {
  /** What `session_stats` gives. */
  readonly stats: RemoteResult;
  /** All torrents, those that move most first. */
  readonly torrents: readonly RemoteResult[];
}

const rateOf = (torrent: RemoteResult) =>
  (Number(torrent.rate_download) || 0) + (Number(torrent.rate_upload) || 0);
const isStopped = (torrent: RemoteResult) => torrent.status === 0;

/**
 * Sorts torrents by what they move; those that are stopped stand last.
 *
 * @param torrents Their fields.
 * @returns The same torrents.
 */
export function byRate(torrents: readonly RemoteResult[]): RemoteResult[] {
  return torrents.toSorted((a, b) =>
    rateOf(b) - rateOf(a) ||
    Number(isStopped(a)) - Number(isStopped(b)) ||
    Number(a.id) - Number(b.id)
  );
}

/** Sums up the torrents, and what was moved. */
function headOf({ stats, torrents }: Look): string[] {
  const states = new Map<string, number>();
  let peers = 0;
  for (const torrent of torrents) {
    const state = stateOf(torrent);
    states.set(state, (states.get(state) ?? 0) + 1);
    peers += Number(torrent.peers_connected) || 0;
  }
  const list = [...states].sort(([, a], [, b]) => b - a)
    .map(([state, count]) => `${count} ${state}`).join(", ");
  const run = (stats.current_stats ?? {}) as RemoteResult;
  const way = (rate: unknown, bytes: unknown, name: string) =>
    `${formatRate(Number(rate) || 0)} ${name} (${
      formatSize(Number(bytes) || 0)
    })`;
  return [
    `${plural(torrents.length, "torrent")}${list === "" ? "" : `: ${list}`}; ${
      plural(peers, "peer")
    }`,
    [
      way(stats.download_speed, run.downloaded_bytes, "down"),
      way(stats.upload_speed, run.uploaded_bytes, "up"),
      `running for ${formatDuration(Number(run.seconds_active) * 1000)}`,
    ].join(", "),
  ];
}

/**
 * Lays a look out as text of any length, for files and pipes.
 *
 * @param look What to show.
 * @returns Lines.
 */
function topLines(look: Look): string[] {
  return [...headOf(look), ...tableOf(look.torrents)];
}

/** What {@linkcode topFrame} shows, and where. */
interface Frame {
  /** The last thing that the daemon told. */
  readonly look: Look;
  /** Why it is not of now, safe to show. */
  readonly problem: string | undefined;
  /** Torrents above the first that is shown. */
  readonly offset: number;
  /** Width of the terminal. */
  readonly columns: number;
  /** Height of the terminal. */
  readonly rows: number;
}

/**
 * Tells how many torrents a terminal has room for.
 *
 * @param rows Its height.
 * @returns At least one.
 */
export function roomOf(rows: number): number {
  return Math.max(1, rows - 4);
}

/**
 * Lays a look out for a terminal.
 *
 * @param frame What to show, and where.
 * @returns At most as many lines as there are rows, none wider than it.
 */
export function topFrame(frame: Frame): string[] {
  const { look, problem, offset, columns, rows } = frame;
  const shown = look.torrents.slice(offset, offset + roomOf(rows));
  const range = shown.length === look.torrents.length
    ? ""
    : `; ${offset + 1} to ${
      offset + shown.length
    } of ${look.torrents.length}, arrow keys scroll`;
  return [
    ...headOf(look),
    ...tableOf(shown, columns),
    problem === undefined ? `q quits${range}` : `Trying again: ${problem}`,
  ].slice(0, rows).map((line) => fitColumns(line, columns));
}

const DEFAULT_INTERVAL_MS = 2000;
const MIN_INTERVAL_MS = 100;
/** A day: timers know no more than 24 of them. */
const MAX_INTERVAL_MS = 86_400_000;

async function lookAt(
  client: RemoteClient,
  signal: AbortSignal,
): Promise<Look> {
  const stats = await client.call("session_stats", {}, signal);
  const all = await fetchTorrents(client, [], LIST_FIELDS, signal);
  return { stats, torrents: byRate(all) };
}

/** Waits; ends early, without an error, at the signal. */
function wait(ms: number, signal: AbortSignal): Promise<void> {
  return sleep(systemClock, ms, { signal }).catch(() => {});
}

/** What the loops work with. */
interface Watch {
  readonly context: VerbContext;
  readonly client: RemoteClient;
  readonly intervalMs: number;
  readonly count: number;
}

async function watchPlain(
  { context: { args, output, signal }, client, intervalMs, count }: Watch,
): Promise<void> {
  for (let n = 0; n < count && !signal.aborted; n++) {
    if (n > 0) await wait(intervalMs, signal);
    const look = await lookAt(client, signal);
    if (args.has("json")) output.printJson(look);
    else {
      if (n > 0) output.print("");
      for (const line of topLines(look)) output.print(line);
    }
  }
}

/** How far the keys in a text walk, in torrents; a page is so many. */
function stepOf(text: string, page: number): number {
  const steps: Record<string, number> = {
    "\x1b[A": -1,
    "\x1bOA": -1,
    "k": -1,
    "\x1b[B": 1,
    "\x1bOB": 1,
    "j": 1,
    "\x1b[5~": -page,
    "\x1b[6~": page,
  };
  // deno-lint-ignore no-control-regex
  const keys = text.match(/\x1b[[O][\d;]*[~A-Z]|[^\x1b]/g) ?? [];
  return keys.reduce((sum, key) => sum + (steps[key] ?? 0), 0);
}

async function watchOnScreen(
  { context: { output, signal }, client, intervalMs, count }: Watch,
): Promise<void> {
  const quit = new AbortController();
  const ending = AbortSignal.any([signal, quit.signal]);
  // Where there is no daemon, no screen is taken to say so.
  let look = await lookAt(client, ending);
  let problem: string | undefined;
  let offset = 0;
  const draw = () => {
    const { columns, rows } = screen.size;
    const last = Math.max(0, look.torrents.length - roomOf(rows));
    offset = Math.min(Math.max(0, offset), last);
    screen.draw(topFrame({ look, problem, offset, columns, rows }));
  };
  using screen = new Screen(output, (text) => {
    // Where Ctrl-C is no signal it is a key.
    if ("qQ\x03".includes(text.charAt(0))) return quit.abort();
    const step = stepOf(text, roomOf(screen.size.rows));
    if (step === 0) return;
    offset += step;
    draw();
  });
  for (let n = 1; !ending.aborted; n++) {
    draw();
    if (n >= count) return;
    await wait(intervalMs, ending);
    if (ending.aborted) return;
    try {
      look = await lookAt(client, ending);
      problem = undefined;
    } catch (error) {
      if (ending.aborted) return;
      // It may be about to start again.
      if (!(error instanceof RemoteError && error.code === "unreachable")) {
        throw error;
      }
      problem = safeText(error.message);
    }
  }
}

/** `bip top` */
export const topVerb: Verb = {
  name: "top",
  summary: "Watch a daemon, of bip or Transmission",
  usage: "[--url URL] [--auth USER:PASS] [--interval S] [--count N] [--json]",
  details: [
    "The busiest torrents come first, stopped ones last; amounts in parentheses are those of this run. On a terminal the view is redrawn in place; q quits, the arrow and page keys scroll. Elsewhere, and if TERM is dumb, each refresh is printed below the last.",
    "--json prints one object per refresh: the result of session_stats and the torrents, with the names of version 6 of Transmission's protocol.",
    "Exit code 2 when the daemon refuses, 5 when it does not answer at start-up.",
  ],
  operands: [0, 0],
  operandNames: [],
  complete: "none",
  permissions: "--allow-net --allow-read=FILE",
  options: [
    ...CLIENT_OPTIONS,
    { name: "interval", value: "S", summary: "Time between refreshes (2)" },
    { name: "count", value: "N", summary: "Exit after this many refreshes" },
    { name: "json", summary: "Print JSON" },
  ],
  async run(context: VerbContext): Promise<number> {
    const { args, output, signal } = context;
    const intervalMs = args.duration("interval") ?? DEFAULT_INTERVAL_MS;
    if (intervalMs < MIN_INTERVAL_MS || intervalMs > MAX_INTERVAL_MS) {
      throw new UsageError("--interval must be from 0.1 s to 1d");
    }
    const count = args.integer("count", 1, 1e9) ?? Infinity;
    const { client, close } = await openClient(context);
    const watch = { context, client, intervalMs, count };
    try {
      if (!args.has("json") && Screen.fits(output)) await watchOnScreen(watch);
      else await watchPlain(watch);
    } catch (error) {
      if (!signal.aborted) {
        throw error instanceof RemoteError ? commandError(error) : error;
      }
    } finally {
      close();
    }
    return signal.aborted ? EXIT_INTERRUPTED : EXIT_DONE;
  },
};
