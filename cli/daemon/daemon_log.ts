/**
 * What a daemon logs: one line an event.
 *
 * @module
 */
import type { DaemonEvent } from "../../daemon/types.ts";
import type { Output } from "../terminal.ts";
import { safeJson, safeText } from "../text.ts";

/** How much matters, most first. */
export const LOG_LEVELS = ["error", "warn", "info", "debug"] as const;

/** How much an entry matters. */
export type LogLevel = typeof LOG_LEVELS[number];

/** What an entry tells; what is `undefined` is left out. */
export type LogFields = Readonly<
  Record<string, string | number | boolean | readonly string[] | undefined>
>;

/** One line of a log. */
export interface LogEntry {
  /** How much it matters. */
  readonly level: LogLevel;
  /** What happened, such as `"added"`. */
  readonly event: string;
  /** More about it. */
  readonly fields: LogFields;
}

/**
 * Describes what a daemon tells. Trackers are named by scheme and host: the rest
 * of an announce URL may be a secret.
 *
 * @param event What happened.
 * @returns An entry.
 */
export function logEntryOf(event: DaemonEvent): LogEntry {
  const entry = (level: LogLevel, fields: LogFields): LogEntry => {
    const torrent = "torrent" in event ? event.torrent : undefined;
    return {
      level,
      event: event.type,
      fields: { id: torrent?.id, name: torrent?.name, ...fields },
    };
  };
  switch (event.type) {
    case "added":
      return entry("info", {
        infoHash: event.torrent.infoHash,
        dir: event.torrent.dir,
      });
    case "removed":
      return entry("info", { id: event.id, infoHash: event.infoHash });
    case "status":
      return entry("debug", { status: event.status });
    case "metadata":
    case "completed":
      return entry("info", {});
    case "goal":
      return entry("info", { goal: event.goal });
    case "moved":
      return entry("info", { dir: event.dir });
    case "error":
      return entry("error", { message: event.message });
    case "warning":
      return entry("warn", { message: event.message });
    case "tracker":
      return entry(event.ok ? "debug" : "info", {
        tracker: event.tracker,
        ok: event.ok,
        message: event.error,
      });
    case "settings":
      return entry("info", { names: event.names });
    case "space":
      return entry(event.low ? "warn" : "info", {
        dir: event.dir,
        free: event.free,
        low: event.low,
      });
    case "watched":
      return entry(event.message === undefined ? "info" : "warn", {
        file: event.file,
        message: event.message,
      });
    case "hook":
      return entry(event.code === 0 ? "info" : "warn", {
        code: event.code,
        message: event.message,
      });
  }
}

/** A value as it stands in a line of text. */
function formatValue(value: unknown): string {
  const text = typeof value === "string" ? value : safeJson(value);
  const isPlain = /^[\w.:/@+-]+$/.test(text);
  return typeof value !== "string" || isPlain ? text : safeJson(text);
}

/**
 * Formats an entry as text: level, event, then `name=value`.
 *
 * @param entry The entry.
 * @param time When, in milliseconds since 1970.
 * @returns One line without control characters.
 */
export function formatLogLine(
  { level, event, fields }: LogEntry,
  time: number,
): string {
  const parts = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${formatValue(value)}`);
  return safeText(
    [new Date(time).toISOString(), level, event, ...parts].join(" "),
  );
}

/** Writes a log: JSON to stdout, or text to stderr. */
export class DaemonLog {
  readonly #output: Output;
  readonly #json: boolean;
  readonly #most: number;

  constructor(output: Output, json: boolean, level: LogLevel) {
    this.#output = output;
    this.#json = json;
    this.#most = LOG_LEVELS.indexOf(level);
  }

  /** Writes an entry, if it matters enough. */
  write(level: LogLevel, event: string, fields: LogFields = {}): void {
    if (LOG_LEVELS.indexOf(level) > this.#most) return;
    const now = Date.now();
    if (this.#json) {
      const time = new Date(now).toISOString();
      this.#output.printJson({ type: event, time, level, ...fields });
    } else this.#output.note(formatLogLine({ level, event, fields }, now));
  }

  /** Writes what a daemon tells, until it tells no more. */
  async follow(events: AsyncIterable<DaemonEvent>): Promise<void> {
    for await (const notice of events) {
      const { level, event, fields } = logEntryOf(notice);
      this.write(level, event, fields);
    }
  }
}
