/**
 * What `torrent_set` and `torrent_add` change of a torrent.
 *
 * @module
 */
import type { DaemonTorrent, TorrentChanges } from "../daemon_torrent.ts";
import type { SeedGoal } from "../state/record.ts";
import type { RpcParams } from "./envelope.ts";
import { RpcError } from "./error.ts";
import { rateOf } from "./torrent_fields.ts";
import type { FileChoice } from "./torrent_memory.ts";
import { inTiers } from "./torrent_view.ts";

/** Most labels of a torrent, and characters of one. */
const MAX_LABELS = 100;
const MAX_LABEL = 200;
/** Most trackers that a torrent is given. */
const MAX_TRACKERS = 1_000;

type Bag = Readonly<Record<string, never>>;

/** Reads labels. */
export function labelsOf(texts: readonly string[]): string[] {
  const labels = new Set<string>();
  for (const text of texts) {
    const label = text.trim();
    if (label === "") throw new RpcError("params", "labels cannot be empty");
    if (label.includes(",")) {
      throw new RpcError("params", "labels cannot contain comma (,) character");
    }
    if (label.length > MAX_LABEL) {
      throw new RpcError("params", "labels cannot be that long");
    }
    labels.add(label);
  }
  if (labels.size > MAX_LABELS) {
    throw new RpcError("params", "a torrent cannot have that many labels");
  }
  return [...labels];
}

/** Reads a priority of the whole torrent; others than -1, 0 and 1 are none. */
export function bandwidthPriorityOf(value: number): -1 | 0 | 1 | undefined {
  return value === -1 || value === 0 || value === 1 ? value : undefined;
}

/** Reads a number of connections; one that cannot be is none. */
export function peerLimitOf(limit: number | undefined): number | undefined {
  return limit !== undefined && limit >= 1 && limit <= 65535
    ? limit
    : undefined;
}

/** Names of a torrent's limits and goals. */
type LimitName = "downloadLimit" | "uploadLimit";
type GoalName = "seedRatio" | "seedIdleMinutes";

const MODES: readonly SeedGoal["mode"][] = ["global", "own", "none"];

/** How parameters change a torrent's choices. */
const CHANGES: Readonly<
  Record<string, (value: never, now: TorrentChanges) => TorrentChanges>
> = {
  bandwidth_priority: (value: number) => {
    const bandwidthPriority = bandwidthPriorityOf(value);
    return bandwidthPriority === undefined ? {} : { bandwidthPriority };
  },
  download_limit: limitValue("downloadLimit"),
  download_limited: limitSwitch("downloadLimit"),
  upload_limit: limitValue("uploadLimit"),
  upload_limited: limitSwitch("uploadLimit"),
  group: (group: string) => ({ group: group.trim() }),
  honors_session_limits: (honorsSessionLimits: boolean) => ({
    honorsSessionLimits,
  }),
  labels: (texts: readonly string[]) => ({ labels: labelsOf(texts) }),
  seed_idle_limit: goalValue("seedIdleMinutes"),
  seed_idle_mode: goalMode("seedIdleMinutes"),
  seed_ratio_limit: goalValue("seedRatio"),
  seed_ratio_mode: goalMode("seedRatio"),
  peer_limit: (count: number) => {
    const maxPeers = peerLimitOf(count);
    return maxPeers === undefined ? {} : { maxPeers };
  },
  sequential_download: (sequential: boolean) => ({ sequential }),
  sequential_download_from_piece: (sequentialFrom: number) => ({
    sequentialFrom,
  }),
};

function limitValue(name: LimitName) {
  return (value: number, now: TorrentChanges): TorrentChanges => ({
    [name]: { ...now[name], value: rateOf(value) },
  });
}

function limitSwitch(name: LimitName) {
  return (enabled: boolean, now: TorrentChanges): TorrentChanges => ({
    [name]: { ...now[name], enabled },
  });
}

function goalValue(name: GoalName) {
  return (value: number, now: TorrentChanges): TorrentChanges => ({
    [name]: { ...now[name], value: Math.max(0, value) },
  });
}

function goalMode(name: GoalName) {
  return (value: number, now: TorrentChanges): TorrentChanges => {
    const mode = MODES[value];
    return mode === undefined ? {} : { [name]: { ...now[name], mode } };
  };
}

/**
 * Finds out what changes.
 *
 * @param params What was asked for.
 * @param torrent Of which torrent.
 * @returns The changes; empty where there are none.
 * @throws {RpcError} If something makes no sense.
 */
export function torrentChanges(
  params: RpcParams,
  { record, torrent }: DaemonTorrent,
): TorrentChanges {
  let changes: TorrentChanges = {};
  const from = params.sequential_download_from_piece as number | undefined;
  if (
    from !== undefined &&
    !(from >= 0 && from < (torrent.metainfo?.pieceCount ?? 0))
  ) {
    throw new RpcError(
      "piece-index",
      "piece to sequentially download from is outside pieces range",
    );
  }
  for (const [name, value] of Object.entries(params as Bag)) {
    if (!Object.hasOwn(CHANGES, name)) continue;
    const now = { ...record, ...changes };
    changes = { ...changes, ...CHANGES[name]!(value, now) };
  }
  return changes;
}

/**
 * Reads which files are wanted how.
 *
 * @param params What was asked for; an empty list means all files.
 * @param count How many files there are.
 * @returns Choices by index.
 * @throws {RpcError} `file-index` if there is no such file.
 */
export function fileChoices(
  params: RpcParams,
  count: number,
): Map<number, FileChoice> {
  const choices = new Map<number, FileChoice>();
  const kinds: [string, FileChoice][] = [
    ["files_unwanted", { wanted: false }],
    ["files_wanted", { wanted: true }],
    ["priority_high", { priority: 1 }],
    ["priority_low", { priority: -1 }],
    ["priority_normal", { priority: 0 }],
  ];
  for (const [name, choice] of kinds) {
    const given = params[name] as readonly number[] | undefined;
    if (given === undefined) continue;
    const indices = given.length === 0 ? Array(count).keys() : given;
    for (const index of indices) {
      if (index < 0 || index >= count) throw new RpcError("file-index");
      choices.set(index, { ...choices.get(index), ...choice });
    }
  }
  return choices;
}

function checkTrackerCount(count: number): void {
  if (count <= MAX_TRACKERS) return;
  throw new RpcError(
    "tracker-list",
    `a torrent can be given ${MAX_TRACKERS} trackers at most`,
  );
}

function announceUrl(text: string): string | undefined {
  const url = text.trim();
  const { protocol } = URL.parse(url) ?? {};
  return /^(https?|udp):$/.test(protocol ?? "") ? url : undefined;
}

/** Reads URLs, one a line, a blank line between tiers. */
function tiersOf(text: string): string[][] {
  const tiers: string[][] = [[]];
  const seen = new Set<string>();
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === "") {
      tiers.push([]);
      continue;
    }
    const url = announceUrl(line);
    if (url === undefined) throw new RpcError("tracker-list");
    if (!seen.has(url)) tiers.at(-1)!.push(url);
    seen.add(url);
    checkTrackerCount(seen.size);
  }
  return tiers.filter((tier) => tier.length > 0);
}

/** A tracker as changes see it. */
export interface KnownTracker {
  readonly id: number;
  readonly tier: number;
  readonly url: string;
}

/**
 * Finds out which trackers a torrent is to have.
 *
 * @param params What was asked for.
 * @param known Those that it has, in order.
 * @returns Announce URLs in tiers; `undefined` where nothing was asked.
 * @throws {RpcError} If that makes no sense, or changes nothing.
 */
export function trackerChanges(
  params: RpcParams,
  known: readonly KnownTracker[],
): string[][] | undefined {
  const { tracker_list: list, tracker_add: add } = params;
  const { tracker_remove: remove, tracker_replace: replace } = params;
  if (list !== undefined) return tiersOf(list as string);
  if ((add ?? remove ?? replace) === undefined) return undefined;
  const added = add as readonly string[] ?? [];
  const pairs = Array.isArray(replace) ? replace : [];
  checkTrackerCount(Math.max(added.length, pairs.length / 2));
  let trackers = [...known];
  for (const text of added) {
    const url = announceUrl(text);
    if (url === undefined || trackers.some((one) => one.url === url)) continue;
    const tier = 1 + Math.max(-1, ...trackers.map((one) => one.tier));
    trackers.push({ id: -1, tier, url });
  }
  const gone = new Set(remove as readonly number[] ?? []);
  trackers = trackers.filter(({ id }) => !gone.has(id));
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    const url = typeof pairs[i + 1] === "string"
      ? announceUrl(pairs[i + 1])
      : undefined;
    if (url === undefined) continue;
    trackers = trackers.map((one) =>
      one.id === pairs[i] ? { ...one, url } : one
    );
  }
  const isSame = trackers.length === known.length &&
    trackers.every(({ url }, i) => url === known[i]!.url);
  if (isSame) throw new RpcError("announce-list");
  return inTiers(trackers);
}
