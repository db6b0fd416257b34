/**
 * `bip top`: watches a daemon, ours or Transmission's.
 *
 * @module
 */
import { sleep, systemClock } from "../../_shared/clock.ts";
import { type RemoteClient, RemoteError } from "../../daemon/remote_client.ts";
import type { Verb, VerbContext } from "../command.ts";
import { UsageError } from "../error.ts";
import { EXIT_DONE, EXIT_INTERRUPTED } from "../exit_code.ts";
import { safeText } from "../text.ts";
import { CLIENT_OPTIONS, commandError, openClient } from "./open_client.ts";
import { Screen } from "./screen.ts";
import { byRate, type Look, roomOf, topFrame, topLines } from "./top_view.ts";
import { fetchTorrents, LIST_FIELDS } from "./torrents.ts";

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
