/**
 * Which trackers may be asked, by where their hosts are.
 *
 * @module
 */
import { TrackerError } from "../_shared/announce.ts";
import type { HostPlace } from "../_shared/reach.ts";
import { trackerOrigin } from "./announce_url.ts";

/** Which trackers on loopback and private networks may be asked. */
export type LocalTrackerPolicy =
  /** Only by a path that ends as announce URLs do, as other services' do not. */
  | "announce-path"
  /** All. */
  | "allow"
  /** None. */
  | "refuse";

/** Refuses what may be no tracker but another service of a private network. */
export function checkTarget(
  url: URL,
  { reach }: Pick<HostPlace, "reach">,
  policy: LocalTrackerPolicy = "announce-path",
): void {
  const last = url.pathname.slice(url.pathname.lastIndexOf("/") + 1);
  if (
    reach === 0 || policy === "allow" ||
    (policy === "announce-path" && /^(announce|scrape)/.test(last))
  ) return;
  throw new TrackerError(
    "forbidden-target",
    `Cannot use tracker ${trackerOrigin(url.href)}: it is on a private network${
      policy === "refuse"
        ? ""
        : ' and the path of its URL does not end in "announce"'
    }`,
    { retryInMs: Infinity },
  );
}
