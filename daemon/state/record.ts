/**
 * What a daemon knows of a torrent beside what the client does.
 *
 * @module
 */
import type { Limit } from "../settings.ts";

/** Whose seed goal counts. */
export interface SeedGoal {
  /** That of the settings, its own, or none. */
  readonly mode: "global" | "own" | "none";
  /** Its own. */
  readonly value: number;
}

/** A torrent's record, plain JSON. Times in milliseconds since 1970. */
export interface TorrentRecord {
  /** Where it ends up. */
  dir: string;
  /** What it is called, where a person renamed it. */
  name?: string;
  /** Labels. */
  labels: readonly string[];
  /** Whether it is to run, when it is its turn. */
  wanted: boolean;
  /** Whether it is always its turn. */
  forced: boolean;
  /** Whether everything was there; unknown until the first check. */
  complete?: boolean;
  /** Whether the program for complete torrents has still to be run. */
  hookDue?: boolean;
  /** A move of its files that is under way. */
  moving?: {
    /** Where to. */
    readonly to: string;
    /** Paths of files, or folders, at the old place, with `/`. */
    readonly names: readonly string[];
  };
  /** Whether it is gone as soon as its files are. */
  removing?: true;
  /** Files that are being renamed. */
  renaming?: readonly {
    /** Index of the file. */
    readonly index: number;
    /** Its path below the folder before. */
    readonly from: readonly string[];
    /** Its path then. */
    readonly to: readonly string[];
  }[];
  /** When it was added. */
  addedAt: number;
  /** When it was complete. */
  doneAt?: number;
  /** When it was started last. */
  startedAt?: number;
  /** When payload moved last. */
  activeAt?: number;
  /** When a person changed it last. */
  editedAt?: number;
  /** For how long it has been downloading. */
  downloadingMs: number;
  /** For how long it has been seeding. */
  seedingMs: number;
  /** Payload received. */
  downloadedBytes: number;
  /** Payload sent. */
  uploadedBytes: number;
  /** Goal: times the size. */
  seedRatio: SeedGoal;
  /** Goal: minutes of seeding. */
  seedMinutes: SeedGoal;
  /** Goal: minutes of seeding without payload. */
  seedIdleMinutes: SeedGoal;
  /** Bytes a second. */
  downloadLimit: Limit;
  /** Bytes a second. */
  uploadLimit: Limit;
  /** Whether limits of the session hold, too. */
  honorsSessionLimits: boolean;
  /** Group whose limits it shares; empty for none. */
  group: string;
  /** -1, 0 or 1: each has three times as many turns at a limit as the one before. */
  bandwidthPriority: -1 | 0 | 1;
  /** Whether pieces are fetched in order. */
  sequential: boolean;
  /** The piece that order begins with. */
  sequentialFrom?: number;
  /** Most connections; those of the settings if there is none. */
  maxPeers?: number;
}

/** The order of a torrent's pieces, as the client takes it. */
export function orderOf(
  { sequential, sequentialFrom }: TorrentRecord,
): boolean | number {
  return sequential ? sequentialFrom ?? true : false;
}

/** Begins a record. */
export function newRecord(dir: string, now: number): TorrentRecord {
  const goal: SeedGoal = { mode: "global", value: 0 };
  const limit: Limit = { enabled: false, value: 100_000 };
  return {
    dir,
    labels: [],
    wanted: true,
    forced: false,
    addedAt: now,
    downloadingMs: 0,
    seedingMs: 0,
    downloadedBytes: 0,
    uploadedBytes: 0,
    seedRatio: goal,
    seedMinutes: goal,
    seedIdleMinutes: goal,
    downloadLimit: limit,
    uploadLimit: limit,
    honorsSessionLimits: true,
    group: "",
    bandwidthPriority: 0,
    sequential: false,
  };
}

/** Fields that may be absent, by the kind they are of. */
const OPTIONAL: Readonly<Partial<Record<keyof TorrentRecord, string>>> = {
  name: "string",
  complete: "boolean",
  hookDue: "boolean",
  moving: "object",
  removing: "boolean",
  renaming: "object",
  doneAt: "number",
  startedAt: "number",
  activeAt: "number",
  editedAt: "number",
  sequentialFrom: "number",
  maxPeers: "number",
};

/** Whether a value is of the same kind as another, with the same fields. */
function isLike(value: unknown, model: unknown): boolean {
  if (Array.isArray(model)) {
    return Array.isArray(value) &&
      value.every((part) => typeof part === "string");
  }
  if (typeof model !== "object") return typeof value === typeof model;
  return typeof value === "object" && value !== null &&
    Object.entries(model as object).every(([name, part]) =>
      isLike((value as Record<string, unknown>)[name], part)
    );
}

/**
 * Reads a record that was kept. What is missing or of another kind is as in a new
 * one: the file may have been damaged, or is of another version.
 *
 * @param kept What was kept, of any kind.
 * @returns The record.
 * @throws {TypeError} If it does not say where the files are.
 */
export function readRecord(kept: unknown): TorrentRecord {
  const given = (kept ?? {}) as Record<string, unknown>;
  if (typeof given.dir !== "string" || given.dir === "") {
    throw new TypeError("It does not say where its files are");
  }
  const record: Record<string, unknown> = { ...newRecord(given.dir, 0) };
  for (const [name, model] of Object.entries(record)) {
    if (isLike(given[name], model)) record[name] = given[name];
  }
  for (const [name, kind] of Object.entries(OPTIONAL)) {
    const value = given[name];
    if (value !== null && typeof value === kind) record[name] = value;
  }
  const { bandwidthPriority } = record as unknown as TorrentRecord;
  if (Math.abs(bandwidthPriority) !== 1) record.bandwidthPriority = 0;
  return record as unknown as TorrentRecord;
}
