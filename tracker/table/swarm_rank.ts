/**
 * Who has to go first: what addresses and subnets hold decides.
 *
 * @module
 */
import type { SwarmList } from "./swarm_list.ts";
import { swapWord } from "../../_shared/swarm_share.ts";
import { ADDRESS_FIRST } from "./swarm_record.ts";
import type { SwarmAnnounce } from "../swarm_store.ts";

/** Peers of one address, IPv6 by /64, that a torrent has at most. */
const MAX_OF_ADDRESS = 32;
/** Peers of one subnet, an IPv4 /24 or IPv6 /48, that a torrent has at most. */
const MAX_OF_SUBNET = 256;
/** From so many entries of a subnet on its peers may be many in a torrent. */
const MANY_OF_SUBNET = 32;

/** What the address of a peer and its subnets hold, roughly. */
export function shareOf(list: SwarmList, slot: number, at: number): number {
  const { family, share, words } = list;
  const w = list.wordOf(slot, at);
  return share.of(family, words[w]!, family === 4 ? 0 : words[w + 1]!);
}

/** What the address of an announce and its subnets hold, roughly. */
export function shareOfAnnounce(list: SwarmList, peer: SwarmAnnounce): number {
  return list.share.of(list.family, swapWord(peer.ip0), secondOf(peer));
}

/**
 * Whether a peer should rather go than another one: it is of an address that
 * holds more entries, else its swarm is smaller, else it is older; true if the
 * one should go.
 */
export function isWorse(
  list: SwarmList,
  slot: number,
  at: number,
  size: number,
  other: SwarmList,
  otherSlot: number,
  otherAt: number,
  otherSize: number,
): boolean {
  const share = shareOf(list, slot, at);
  const otherShare = shareOf(other, otherSlot, otherAt);
  if (share !== otherShare) return share > otherShare;
  if (size !== otherSize) return size < otherSize;
  return heard(list, slot, at) < heard(other, otherSlot, otherAt);
}

/**
 * Whether the address or subnet of a newcomer may have many peers of its
 * torrent, so that answers have to be mixed; false if it surely has few.
 */
export function isCrowd(
  list: SwarmList,
  peer: SwarmAnnounce,
  found: number,
): boolean {
  return -1 - found >= ADDRESS_FIRST ||
    list.share.ofSubnet(list.family, swapWord(peer.ip0), secondOf(peer)) >=
      MANY_OF_SUBNET;
}

/**
 * Finds the peer of a torrent that has to go for a newcomer because the
 * newcomer's address or subnet has its fill of it. Returns the oldest peer of
 * the same address or subnet, or -1 while it may have more.
 */
export function oldestOfCrowd(
  list: SwarmList,
  slot: number,
  peer: SwarmAnnounce,
): number {
  const { family, share, words } = list;
  const count = list.count(slot);
  const a = swapWord(peer.ip0);
  const b = secondOf(peer);
  if (
    count < MAX_OF_ADDRESS ||
    (share.ofAddress(family, a, b) < MAX_OF_ADDRESS &&
      share.ofSubnet(family, a, b) < MAX_OF_SUBNET)
  ) return -1;
  const isV4 = family === 4;
  const size = isV4 ? 3 : 6;
  // The first three or six bytes name the subnet.
  const mask = isV4 ? 0xffffff : -1;
  let inAddress = 0;
  let inSubnet = 0;
  let ofAddress = -1;
  let ofSubnet = -1;
  let addressHeard = Infinity;
  let subnetHeard = Infinity;
  let w = list.wordOf(slot, 0);
  for (let at = 0; at < count; at++, w += size) {
    if (((words[w]! ^ a) & mask) !== 0) continue;
    if (!isV4 && ((words[w + 1]! ^ b) & 0xffff) !== 0) continue;
    const heard = words[w + size - 1]! >>> 0;
    inSubnet++;
    if (heard < subnetHeard) {
      subnetHeard = heard;
      ofSubnet = at;
    }
    if (words[w] !== a || (!isV4 && words[w + 1] !== b)) continue;
    inAddress++;
    if (heard < addressHeard) {
      addressHeard = heard;
      ofAddress = at;
    }
  }
  if (inAddress >= MAX_OF_ADDRESS) return ofAddress;
  return inSubnet >= MAX_OF_SUBNET ? ofSubnet : -1;
}

function secondOf(peer: SwarmAnnounce): number {
  return peer.family === 4 ? 0 : swapWord(peer.ip1);
}

function heard(list: SwarmList, slot: number, at: number): number {
  return list.words[list.wordOf(slot, at + 1) - 1]! >>> 0;
}
