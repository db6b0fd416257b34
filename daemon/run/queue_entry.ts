/**
 * A torrent as the queue sees it.
 *
 * @module
 */
import type { DaemonContext } from "../context.ts";
import type { DaemonTorrent } from "../daemon_torrent.ts";
import type { QueueEntry } from "../rules/queue_machine.ts";
import type { Limit } from "../settings.ts";

/** Describes a torrent for the queue. */
export function queueEntry(
  { id, record, torrent }: DaemonTorrent,
  context: DaemonContext,
  { enabled, value }: Limit,
): QueueEntry {
  const idle = context.idleMs(id);
  return {
    id,
    kind: record.complete ? "seed" : "download",
    wanted: record.wanted && torrent.state !== "error" &&
      !context.lacksSpace(id),
    forced: record.forced,
    stalled: enabled && idle !== undefined && torrent.state !== "checking" &&
      idle >= value * 60_000,
  };
}
