/**
 * The limits of torrents, and of groups of them.
 *
 * @module
 */
import type { LimitGroup } from "../../client/limit_group.ts";
import type { Torrent } from "../../client/torrent.ts";
import { rateOf } from "../rules/session_options.ts";
import type { DaemonSettings } from "../settings.ts";
import type { TorrentRecord } from "../state/record.ts";

/** How often torrents have their turn at a limit they share, by priority. */
const WEIGHTS = { [-1]: 1 / 3, 0: 1, 1: 3 };

/** Groups by name, as settings have them. */
export class LimitGroups {
  readonly #make: () => LimitGroup;
  readonly #groups = new Map<string, LimitGroup>();

  constructor(make: () => LimitGroup) {
    this.#make = make;
  }

  /** The limits of a group, if there is one of the name. */
  of(name: string): LimitGroup | undefined {
    return this.#groups.get(name);
  }

  /** Has the client obey the limits of a torrent. */
  apply(torrent: Torrent, record: TorrentRecord): void {
    for (const name of ["downloadLimit", "uploadLimit"] as const) {
      const rate = rateOf(record[name]);
      if (torrent[name] !== rate) torrent[name] = rate;
    }
    torrent.limitWeight = WEIGHTS[record.bandwidthPriority];
    torrent.limitedBy = record.honorsSessionLimits
      ? this.of(record.group) ?? "session"
      : "nothing";
  }

  /** Takes what settings say. Torrents of groups that are gone are still theirs. */
  set(groups: DaemonSettings["groups"]): void {
    for (const name of this.#groups.keys()) {
      if (!Object.hasOwn(groups, name)) this.#groups.delete(name);
    }
    for (const [name, settings] of Object.entries(groups)) {
      const group = this.#groups.get(name) ?? this.#make();
      this.#groups.set(name, group);
      group.downloadLimit = rateOf(settings.downloadLimit);
      group.uploadLimit = rateOf(settings.uploadLimit);
      group.honorsSession = settings.honorsSessionLimits;
    }
  }
}
