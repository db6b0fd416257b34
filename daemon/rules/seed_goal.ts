/**
 * When a torrent has been seeded enough.
 *
 * @module
 */
import type { DaemonSettings, Limit } from "../settings.ts";
import type { SeedGoal, TorrentRecord } from "../state/record.ts";

/** Goals by what they count. */
export type GoalName = "ratio" | "time" | "idle";

/** What was done for a torrent. */
export interface SeedWork {
  /** Bytes sent. */
  readonly uploadedBytes: number;
  /** Bytes of it that are there. */
  readonly size: number;
  /** Milliseconds of seeding. */
  readonly seedingMs: number;
  /** Milliseconds of seeding since payload moved. */
  readonly idleMs: number;
}

/** What counts of a goal, if anything. */
export function goalValue(
  own: SeedGoal,
  global: Limit,
): number | undefined {
  if (own.mode === "none") return undefined;
  if (own.mode === "own") return own.value;
  return global.enabled ? global.value : undefined;
}

/** What counts of all goals of a torrent. */
export function goalsOf(
  record: Pick<TorrentRecord, "seedIdleMinutes" | "seedMinutes" | "seedRatio">,
  all: Pick<DaemonSettings, "seedIdleMinutes" | "seedMinutes" | "seedRatio">,
): Readonly<Record<GoalName, number | undefined>> {
  return {
    ratio: goalValue(record.seedRatio, all.seedRatio),
    time: goalValue(record.seedMinutes, all.seedMinutes),
    idle: goalValue(record.seedIdleMinutes, all.seedIdleMinutes),
  };
}

/**
 * Looks whether one of the goals is reached.
 *
 * @param work What was done.
 * @param goals What counts; times in minutes.
 * @returns Which goal is, or `undefined`.
 */
export function goalReached(
  { uploadedBytes, size, seedingMs, idleMs }: SeedWork,
  { ratio, time, idle }: Readonly<Record<GoalName, number | undefined>>,
): GoalName | undefined {
  if (ratio !== undefined && uploadedBytes >= ratio * size) return "ratio";
  if (time !== undefined && seedingMs >= time * 60_000) return "time";
  if (idle !== undefined && idleMs >= idle * 60_000) return "idle";
  return undefined;
}
