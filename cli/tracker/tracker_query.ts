/**
 * What `bip announce` and `bip scrape` have in common: which torrent, which
 * trackers, and the clients to ask them.
 *
 * @module
 */
import { toHex } from "../../_shared/bytes.ts";
import { trackerOrigin } from "../../htracker/announce_url.ts";
import { HttpTrackerClient } from "../../htracker/client.ts";
import { UdpTrackerClient } from "../../utracker/client.ts";
import type { Arguments, OptionSpec } from "../command.ts";
import { CommandError } from "../error.ts";
import { EXIT_NO_PEERS, EXIT_USAGE } from "../exit_code.ts";
import { safeText } from "../text.ts";
import { readSource } from "../torrent/source.ts";
import { parseTracker } from "../units.ts";

/** Most trackers asked at a time. */
const MAX_TRACKERS = 100;

/** Options of both verbs. */
export const TRACKER_OPTIONS: readonly OptionSpec[] = [
  {
    name: "tracker",
    value: "URL",
    repeat: true,
    summary: "Tracker to ask instead of the source's own",
  },
  {
    name: "timeout",
    value: "S",
    summary: "Time a tracker may take (30)",
  },
  { name: "json", summary: "Print one JSON document" },
];

/** What is asked about whom. */
export interface TrackerQuestion {
  /** 20 bytes; of a v2 torrent the truncated hash. */
  readonly infoHash: Uint8Array;
  /** In lowercase hex. */
  readonly infoHashHex: string;
  /** Bytes of the torrent, where known. */
  readonly totalLength: number | undefined;
  /** Whom to ask. */
  readonly trackers: readonly string[];
  /** Whether the person named them, not the source. */
  readonly areNamed: boolean;
  /** How long each may take, in milliseconds. */
  readonly timeoutMs: number;
}

/**
 * Reads the operand and the options.
 *
 * @param args What the person typed.
 * @param signal Ends it.
 * @returns What to ask.
 * @throws {CommandError} If the source is no torrent or there is no tracker.
 */
export async function readQuestion(
  args: Arguments,
  signal: AbortSignal,
): Promise<TrackerQuestion> {
  const timeoutMs = args.duration("timeout") ?? 30_000;
  const given = args.all("tracker")
    .map((url) => parseTracker(url, "--tracker"));
  const source = await readSource(args.operands[0]!, signal);
  const own = source.type === "torrent"
    ? source.metainfo.trackers.flat()
    : source.magnet.trackers;
  const trackers = [...new Set(given.length > 0 ? given : own)];
  if (trackers.length === 0) {
    throw new CommandError(
      EXIT_USAGE,
      "no-tracker",
      "The source has no trackers; give one with --tracker URL",
    );
  }
  const { infoHash } = source.type === "torrent"
    ? source.metainfo
    : source.magnet;
  return {
    infoHash: infoHash.subarray(0, 20),
    infoHashHex: toHex(infoHash.subarray(0, 20)),
    totalLength: source.type === "torrent"
      ? source.metainfo.totalLength
      : undefined,
    trackers: trackers.slice(0, MAX_TRACKERS),
    areNamed: given.length > 0,
    timeoutMs: Math.max(1, timeoutMs),
  };
}

/** What one tracker said, or why it did not. */
export type TrackerAnswer<T> =
  & {
    /** The announce URL. */
    readonly tracker: string;
    /** Scheme and host only, fit to be shown. */
    readonly name: string;
  }
  & (
    | { readonly answer: T; readonly error?: undefined }
    | {
      readonly answer?: undefined;
      readonly error: { readonly code: string; readonly message: string };
    }
  );

/**
 * Asks all trackers at the same time.
 *
 * @param question Whom, and how long.
 * @param signal Ends it.
 * @param ask Asks one with the client for its scheme.
 * @returns What each said, in order.
 */
export async function askTrackers<T>(
  question: TrackerQuestion,
  signal: AbortSignal,
  ask: (
    client: HttpTrackerClient | UdpTrackerClient,
    url: string,
  ) => Promise<T>,
): Promise<TrackerAnswer<T>[]> {
  const { timeoutMs, areNamed } = question;
  await using http = new HttpTrackerClient({
    timeoutMs,
    localTrackers: areNamed ? "allow" : undefined,
  });
  await using udp = new UdpTrackerClient({ timeoutMs });
  const answers = question.trackers.map(
    async (tracker): Promise<TrackerAnswer<T>> => {
      const name = trackerOrigin(tracker);
      const client = /^udp:/i.test(tracker) ? udp : http;
      try {
        return { tracker, name, answer: await ask(client, tracker) };
      } catch (error) {
        signal.throwIfAborted();
        const { code, message } = error as {
          readonly code?: unknown;
          readonly message?: unknown;
        };
        return {
          tracker,
          name,
          error: {
            code: typeof code === "string" ? code : "unexpected",
            message: String(message ?? error),
          },
        };
      }
    },
  );
  return await Promise.all(answers);
}

/**
 * Tells people why a tracker did not answer.
 *
 * @param name Its name, which most messages have.
 * @param message What went wrong.
 * @returns The message without the name, safe to show.
 */
export function shownReason(name: string, message: string): string {
  return safeText(message.replace(` tracker ${name}`, ""));
}

/**
 * The exit code of a question.
 *
 * @param answers What the trackers said.
 * @returns 0 if one of them answered, else 5.
 */
export function codeOf(answers: readonly TrackerAnswer<unknown>[]): number {
  return answers.some(({ error }) => error === undefined) ? 0 : EXIT_NO_PEERS;
}
