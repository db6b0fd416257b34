/**
 * The limits of groups of torrents.
 *
 * @module
 */
import type { LimitGroup } from "../../client/limit_group.ts";
import { rateOf } from "../rules/session_options.ts";
import type { DaemonSettings } from "../settings.ts";

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
