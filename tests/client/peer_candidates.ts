/** Peers to try, for the tests of the peer list. */
import { PeerList } from "../../client/peer_list.ts";
import type { CandidateSource, PeerCandidate } from "../../_shared/address.ts";
import { randomInt, seededRandom } from "../../_shared/random.ts";

const infoHash = new Uint8Array(20);

export function list(capacity?: number): PeerList {
  const random = seededRandom(1);
  return new PeerList({
    randomInt: (below) => randomInt(random, below),
    ...(capacity === undefined ? {} : { capacity }),
  });
}

export const candidate = (
  hostname: string,
  port = 6881,
  source: CandidateSource = "tracker",
  teller?: string,
): PeerCandidate => ({ infoHash, address: { hostname, port }, source, teller });

/** Takes as many as may be tried now. */
export function takeAll(
  peers: PeerList,
  now = 0,
  skipSeeds = false,
): Omit<PeerCandidate, "infoHash">[] {
  const taken = [];
  for (let next; (next = peers.next(now, { skipSeeds })) !== undefined;) {
    taken.push(next);
  }
  return taken;
}
