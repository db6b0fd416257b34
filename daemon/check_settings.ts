/**
 * Checks settings, wherever they come from.
 *
 * @module
 */
import { isIncompleteSuffix } from "../client/incomplete_place.ts";
import { ENCRYPTION_POLICIES } from "../handshake/encryption_policy.ts";
import { DaemonError } from "./error.ts";
import { type DaemonSettings, DEFAULT_SETTINGS } from "./settings.ts";

/** Says what a value must be, where it is not. */
type Check = (value: unknown) => string | undefined;

/** Longest text of a setting. */
const MAX_TEXT = 4096;
/** Most entries of a list or table. */
const MAX_ENTRIES = 1000;

const text: Check = (value) =>
  typeof value === "string" && value.length <= MAX_TEXT &&
    !value.includes("\0")
    ? undefined
    : `text of at most ${MAX_TEXT} characters`;
const folder: Check = (value) =>
  text(value) ?? (value === "" ? "the name of a folder" : undefined);
const flag: Check = (value) =>
  typeof value === "boolean" ? undefined : "true or false";

function integer(low: number, high: number): Check {
  return (value) =>
    Number.isSafeInteger(value) && low <= (value as number) &&
      (value as number) <= high
      ? undefined
      : `a whole number from ${low} to ${high}`;
}

function oneOf(...words: readonly string[]): Check {
  return (value) =>
    words.includes(value as string) ? undefined : `one of ${words.join(", ")}`;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Every field must be there, and no other. */
function shape(fields: Readonly<Record<string, Check>>): Check {
  return (value) => {
    if (!isRecord(value)) {
      return `an object with ${Object.keys(fields).join(", ")}`;
    }
    for (const name of Object.keys(value)) {
      if (!Object.hasOwn(fields, name)) return `without "${name}"`;
    }
    for (const [name, check] of Object.entries(fields)) {
      const problem = check(value[name]);
      if (problem !== undefined) {
        return `an object whose "${name}" is ${problem}`;
      }
    }
    return undefined;
  };
}

function listOf(check: Check): Check {
  return (value) => {
    if (!Array.isArray(value)) return "a list";
    if (value.length > MAX_ENTRIES) return `a list of at most ${MAX_ENTRIES}`;
    for (const entry of value) {
      const problem = check(entry);
      if (problem !== undefined) return `a list of ${problem}`;
    }
    return undefined;
  };
}

function tableOf(check: Check): Check {
  return (value) => {
    if (!isRecord(value)) return "an object";
    const entries = Object.entries(value);
    if (entries.length > MAX_ENTRIES) {
      return `an object of at most ${MAX_ENTRIES}`;
    }
    for (const [name, entry] of entries) {
      const problem = text(name) ?? check(entry);
      if (problem !== undefined) return `an object of ${problem}`;
    }
    return undefined;
  };
}

const limit = (check: Check): Check => shape({ enabled: flag, value: check });
const rate = integer(1, Number.MAX_SAFE_INTEGER);
const count = integer(0, 1_000_000);
const minutes = integer(0, 100_000_000);
const ratio: Check = (value) =>
  typeof value === "number" && value >= 0 && value <= 1e9
    ? undefined
    : "a number from 0";
const minuteOfDay = integer(0, 1439);
const announceUrl: Check = (value) =>
  text(value) ??
    (/^(https?|udp):\/\/[^/]/i.test(value as string) &&
        URL.canParse(value as string)
      ? undefined
      : "http, https or udp URLs");

const CHECKS: Readonly<Record<keyof DaemonSettings, Check>> = {
  downloadDir: folder,
  incompleteDir: text,
  useIncompleteDir: flag,
  incompleteSuffix: (value) =>
    text(value) ??
      (isIncompleteSuffix(value as string)
        ? undefined
        : "the end of a file name"),
  linkSimilar: flag,
  allocation: oneOf("sparse", "full", "compact"),
  labelDirs: tableOf(folder),
  startAdded: flag,
  sequential: flag,
  downloadLimit: limit(rate),
  uploadLimit: limit(rate),
  altSpeed: shape({
    enabled: flag,
    download: rate,
    upload: rate,
    schedule: shape({
      enabled: flag,
      beginMinute: minuteOfDay,
      endMinute: minuteOfDay,
      days: integer(0, 127),
    }),
  }),
  downloadQueue: limit(count),
  seedQueue: limit(count),
  stalledMinutes: limit(minutes),
  seedRatio: limit(ratio),
  seedMinutes: limit(minutes),
  seedIdleMinutes: limit(minutes),
  goalAction: oneOf("stop", "remove"),
  minFreeBytes: limit(integer(0, Number.MAX_SAFE_INTEGER)),
  groups: tableOf(shape({
    downloadLimit: limit(rate),
    uploadLimit: limit(rate),
    honorsSessionLimits: flag,
  })),
  watch: listOf(shape({ enabled: flag, dir: folder, addedDir: text })),
  completedHook: shape({ enabled: flag, argv: listOf(text) }),
  defaultTrackers: listOf(announceUrl),
  blocklist: shape({ enabled: flag, sources: listOf(text) }),
  maxPeers: integer(1, 10_000),
  maxPeersPerTorrent: integer(1, 10_000),
  port: integer(0, 65535),
  portMap: flag,
  dht: flag,
  lpd: flag,
  pex: flag,
  utp: oneOf("accept", "both", "off"),
  encryption: oneOf(...ENCRYPTION_POLICIES),
};

/**
 * Changes settings.
 *
 * @param settings What holds.
 * @param changes What is to hold instead, by name; checked.
 * @returns What holds then.
 * @throws {DaemonError} `bad-setting`, and nothing is changed.
 */
export function changeSettings(
  settings: DaemonSettings,
  changes: Partial<DaemonSettings>,
): DaemonSettings {
  const { completedHook } = changes;
  for (const [name, value] of Object.entries(changes)) {
    if (!Object.hasOwn(CHECKS, name)) {
      throw new DaemonError(
        "bad-setting",
        `There is no setting ${JSON.stringify(name)}`,
      );
    }
    const problem = CHECKS[name as keyof DaemonSettings](value);
    if (problem === undefined) continue;
    throw new DaemonError(
      "bad-setting",
      `Setting "${name}" must be ${problem}`,
    );
  }
  if (completedHook?.enabled && !completedHook.argv[0]) {
    throw new DaemonError(
      "bad-setting",
      'Setting "completedHook" must name a program',
    );
  }
  return { ...settings, ...structuredClone(changes) };
}

/**
 * Reads settings that were kept. What is not valid by now has its default.
 *
 * @param kept What was kept, of any kind.
 * @returns Settings.
 */
export function readSettings(kept: unknown): DaemonSettings {
  const valid = isRecord(kept)
    ? Object.entries(kept).filter(([name, value]) =>
      Object.hasOwn(CHECKS, name) &&
      CHECKS[name as keyof DaemonSettings](value) === undefined
    )
    : [];
  return { ...DEFAULT_SETTINGS, ...Object.fromEntries(valid) };
}
