import { bookOf, type PiecePicker } from "../../select/piece_picker.ts";
import type { BlockBook } from "../../select/picker/block_book.ts";
import {
  FREE,
  NOBODY,
  RECEIVED,
  REQUESTED,
} from "../../select/picker/partial_piece.ts";
import type { PieceTable } from "../../select/picker/piece_table.ts";
import {
  COMPLETE,
  HAVE,
  IDLE,
  PARTIAL,
} from "../../select/picker/piece_table.ts";

function same(what: string, actual: unknown, expected: unknown): void {
  if (actual !== expected) {
    throw new Error(
      `Picker is inconsistent: ${what} is ${actual}, expected ${expected}`,
    );
  }
}

/** Checks all books of a picker against each other. */
export function assertInvariants(picker: PiecePicker): void {
  const book = bookOf(picker);
  const { table } = book;
  checkPieces(table, book);
  checkRequests(table, book);
  checkPeers(table);
}

function checkPieces(table: PieceTable, book: BlockBook): void {
  let have = 0;
  let lacking = 0;
  let open = 0;
  let reachable = 0;
  for (let i = 0; i < table.pieceCount; i++) {
    const state = table.state(i);
    const partial = book.partials.get(i);
    same(
      `partial entry of piece ${i}`,
      partial !== undefined,
      state === PARTIAL || state === COMPLETE,
    );
    if (partial !== undefined) {
      same(
        `completeness of piece ${i}`,
        partial.isComplete,
        state === COMPLETE,
      );
      same(`touch of piece ${i}`, partial.isUntouched, false);
    }
    let holders = 0;
    for (const peer of table.peers) if (peer.has(i)) holders++;
    same(`availability of piece ${i}`, table.availability(i), holders);
    const wanted = table.priority(i) > 0;
    same(
      `missing bit of piece ${i}`,
      table.isMissing(i),
      wanted && state !== HAVE,
    );
    same(`openness of piece ${i}`, table.isOpen(i), wanted && state === IDLE);
    if (state === HAVE) have++;
    else if (wanted) lacking++;
    if (!table.isOpen(i)) continue;
    open++;
    if (holders > 0) reachable++;
  }
  same("count of verified pieces", table.haveCount, have);
  same("count of lacking pieces", table.lacking, lacking);
  same("count of open pieces", table.openCount, open);
  same("count of reachable pieces", table.reachable, reachable);
}

function checkRequests(table: PieceTable, book: BlockBook): void {
  const asked = new Map<number, Map<number, number>>();
  let freeBlocks = 0;
  let requestedBlocks = 0;
  let sharing = 0;
  for (const partial of book.partials.values()) {
    const counts = [0, 0, 0];
    const askers = new Set<number>();
    for (let block = 0; block < partial.blockCount; block++) {
      const state = partial.state[block]!;
      counts[state]!++;
      if (state === FREE) {
        same("asker of a free block", partial.who[block], NOBODY);
      }
      if (state !== REQUESTED) {
        same(
          "askers of a block that is not requested",
          partial.also?.has(block) ?? false,
          false,
        );
        continue;
      }
      const keys = [partial.who[block]!, ...(partial.also?.get(block) ?? [])];
      same("repeated askers", new Set(keys).size, keys.length);
      for (const key of keys) {
        askers.add(key);
        const peer = table.byKey.get(key);
        same(`asked peer ${key} being connected`, peer !== undefined, true);
        same(
          `asked peer ${key} having piece ${partial.index}`,
          peer!.has(partial.index),
          true,
        );
        const pieces = asked.get(key) ?? new Map<number, number>();
        pieces.set(partial.index, (pieces.get(partial.index) ?? 0) + 1);
        asked.set(key, pieces);
      }
    }
    same("free blocks of a piece", partial.free, counts[FREE]);
    same("requested blocks of a piece", partial.requested, counts[REQUESTED]);
    same("received blocks of a piece", partial.received, counts[RECEIVED]);
    same("requesters of a piece", partial.requesters, askers.size);
    if (partial.exclusive !== NOBODY) {
      same(
        "sole peer of a piece being asked",
        askers.has(partial.exclusive),
        true,
      );
    }
    if (partial.free > 0) {
      same("first free block", partial.nextFree(), partial.state.indexOf(FREE));
    }
    requestedBlocks += partial.requested;
    const shares = partial.free > 0 && table.priority(partial.index) > 0;
    same(`sharing of piece ${partial.index}`, partial.slot >= 0, shares);
    if (!shares) continue;
    same("slot of a piece", book.sharing[partial.slot] === partial, true);
    sharing++;
    freeBlocks += partial.free;
  }
  same("count of shared pieces", book.sharing.length, sharing);
  same("count of free blocks", book.freeBlocks, freeBlocks);
  same("count of requested blocks", book.requestedBlocks, requestedBlocks);
  for (const peer of table.peers) {
    const pieces = asked.get(peer.key) ?? new Map<number, number>();
    let total = 0;
    for (const count of pieces.values()) total += count;
    same(`outstanding of peer ${peer.key}`, peer.outstanding, total);
    same(`pieces asked of peer ${peer.key}`, peer.pieces.size, pieces.size);
    for (const [pieceIndex, count] of pieces) {
      same(
        `blocks asked of peer ${peer.key}`,
        peer.pieces.get(pieceIndex),
        count,
      );
    }
  }
}

function checkPeers(table: PieceTable): void {
  same("count of keys", table.byKey.size, table.peers.length);
  let seeds = 0;
  for (const peer of table.peers) {
    same(`entry of peer ${peer.key}`, table.byKey.get(peer.key) === peer, true);
    if (peer.isSeed) seeds++;
    if (peer.words !== undefined && (table.pieceCount & 31) !== 0) {
      const spare = peer.words.at(-1)! >>> (table.pieceCount & 31);
      same(`spare bits of peer ${peer.key}`, spare, 0);
    }
    let count = 0;
    let interesting = 0;
    let best = false;
    for (let i = 0; i < table.pieceCount; i++) {
      if (!peer.has(i)) continue;
      count++;
      if (table.isMissing(i)) {
        interesting++;
        if (peer.few !== undefined) {
          same(
            `list of peer ${peer.key}`,
            peer.few.filter((p) => p === i).length,
            1,
          );
        }
      }
      if (table.isOpen(i)) best = true;
    }
    same(`piece count of peer ${peer.key}`, peer.count, count);
    same(`interest in peer ${peer.key}`, peer.interesting, interesting);
    // The same answer must come out of the order and of the list.
    const first = table.order.first(peer);
    same(`an open piece for peer ${peer.key}`, first >= 0, best);
    if (first >= 0) {
      same(`openness of piece ${first}`, table.isOpen(first), true);
      same(`peer ${peer.key} having piece ${first}`, peer.has(first), true);
    }
    const listed = table.first(peer);
    same(`listed piece of peer ${peer.key}`, listed >= 0, best);
    if (best && table.order.rank(first) > 0) {
      same(
        `priority for peer ${peer.key}`,
        table.priority(listed),
        table.priority(first),
      );
    }
  }
  same("count of seeds", table.seeds, seeds);
}
