/**
 * Reads along with one end of a connection and notes what breaks the rules of
 * the wire.
 * It shares no code with what it checks.
 */
import type { ByteConnection } from "../../_shared/byte_conn.ts";
import type { Clock } from "../../_shared/clock.ts";

/** What an audited end is known to have. */
export interface WireTruth {
  /**
   * Looks for a piece at this end.
   *
   * @param pieceIndex Index of the piece.
   * @returns Whether it is stored, byte for byte.
   */
  isStored(pieceIndex: number): boolean;
  /** Pieces of the torrent. */
  readonly pieceCount: number;
  /**
   * Tells the size of a piece.
   *
   * @param pieceIndex Index of the piece.
   * @returns Its bytes without padding.
   */
  payloadSize(pieceIndex: number): number;
}

/** Totals of one host; all its connections add to them. */
export class WireTotals {
  /** Rules that were broken, one line each. */
  readonly violations: string[] = [];
  /** Messages sent, by id. */
  readonly sent: Map<number, number> = new Map();
  /** Names of extensions offered to peers. */
  readonly offered: Set<string> = new Set();
  /** Messages of ut_pex sent. */
  pexSent = 0;
  /** Blocks sent. */
  blocksSent = 0;
  /** Blocks received. */
  blocksReceived = 0;
  /** Connections that are unchoked by this end now. */
  unchoked = 0;
  /** Most connections that were unchoked at a time. */
  mostUnchoked = 0;
  /** Times that this end choked a peer that it had unchoked. */
  chokes = 0;
  /** Connections open now. */
  open = 0;
  /** Most connections that were open at a time. */
  mostOpen = 0;
  /** Connections to peers that offer the info dictionary, by torrent. */
  readonly metadata: Map<string, MetadataOffers> = new Map();
  /** Pieces requested, in the order of their first requests. */
  readonly requestedPieces: Set<number> = new Set();
}

/** Who could be asked for the info dictionary of a torrent, and who was. */
export interface MetadataOffers {
  /** Connections open now. */
  open: number;
  /** Requests sent. */
  requests: number;
}

/** Cuts one direction into messages. */
class Frames {
  /** The 20-byte info-hash as hex, once the handshake went by. */
  infoHash: string | undefined;
  #held = new Uint8Array(0);
  readonly #take: (message: Uint8Array) => void;

  constructor(take: (message: Uint8Array) => void) {
    this.#take = take;
  }

  push(bytes: Uint8Array): void {
    const joined = new Uint8Array(this.#held.length + bytes.length);
    joined.set(this.#held);
    joined.set(bytes, this.#held.length);
    let at = 0;
    if (this.infoHash === undefined) {
      if (joined.length < 68) {
        this.#held = joined;
        return;
      }
      this.infoHash = joined.slice(28, 48).toHex();
      at = 68;
    }
    const view = new DataView(joined.buffer);
    while (joined.length - at >= 4) {
      const length = view.getUint32(at);
      if (joined.length - at - 4 < length) break;
      if (length > 0) this.#take(joined.subarray(at + 4, at + 4 + length));
      at += 4 + length;
    }
    this.#held = joined.slice(at);
  }
}

const CHOKE = 0, UNCHOKE = 1, HAVE = 4, BITFIELD = 5, REQUEST = 6, PIECE = 7;
const CANCEL = 8, HAVE_ALL = 14, HAVE_NONE = 15, REJECT = 16, FAST = 17;
const EXTENDED = 20;
/** What was queued before a choke arrived may still go out. */
const GRACE_MS = 5_000;

/**
 * Wraps a connection.
 *
 * @param truthOf What is stored of a torrent, called by the info-hash of the
 * handshake as hex; `undefined` where nobody knows.
 */
export function auditConnection(
  connection: ByteConnection,
  clock: Clock,
  totals: WireTotals,
  truthOf: (infoHash: string) => WireTruth | undefined,
): ByteConnection {
  let chokedAt: number | undefined = -Infinity;
  let isUnchoking = false;
  let pexId: number | undefined;
  let metadataId: number | undefined;
  let offers: MetadataOffers | undefined;
  let hasAll = false;
  // What is taken of a peer that says nothing.
  let queue = 250;
  let lastHaveAt = -Infinity;
  const has = new Set<number>();
  const fast = new Set<number>();
  const open = new Map<string, number>();
  const complain = (what: string) =>
    totals.violations.push(`${Math.round(clock.now())} ms: ${what}`);
  const field = (message: Uint8Array, at: number) =>
    new DataView(message.buffer, message.byteOffset).getUint32(1 + 4 * at);
  const key = (message: Uint8Array) =>
    `${field(message, 0)}/${field(message, 1)}`;
  const setUnchoking = (unchoking: boolean) => {
    if (unchoking === isUnchoking) return;
    isUnchoking = unchoking;
    totals.unchoked += unchoking ? 1 : -1;
    if (!unchoking) totals.chokes++;
    totals.mostUnchoked = Math.max(totals.mostUnchoked, totals.unchoked);
  };
  const truth = () => truthOf(sent.infoHash!);
  const checkHave = (pieceIndex: number) => {
    if (truth()?.isStored(pieceIndex) === false) {
      complain(`told of piece ${pieceIndex} that is not stored`);
    }
  };
  const sent = new Frames((message) => {
    const id = message[0]!;
    totals.sent.set(id, (totals.sent.get(id) ?? 0) + 1);
    if (id === CHOKE) setUnchoking(false);
    else if (id === UNCHOKE) setUnchoking(true);
    else if (id === HAVE) checkHave(field(message, 0));
    else if (id === BITFIELD || id === HAVE_ALL) {
      const count = truth()?.pieceCount ?? 0;
      for (let i = 0; i < count; i++) {
        if (id === HAVE_ALL || message[1 + (i >> 3)]! & (0x80 >> (i & 7))) {
          checkHave(i);
        }
      }
    } else if (id === REQUEST) {
      const pieceIndex = field(message, 0);
      totals.requestedPieces.add(pieceIndex);
      if (!hasAll && !has.has(pieceIndex)) {
        complain(`requested piece ${pieceIndex} that the peer lacks`);
      }
      if (
        chokedAt !== undefined && clock.now() - chokedAt > GRACE_MS &&
        !fast.has(pieceIndex)
      ) complain(`requested piece ${pieceIndex} while choked`);
      open.set(key(message), (open.get(key(message)) ?? 0) + 1);
      if (open.size > Math.max(1, 0.97 * queue)) {
        complain(`${open.size} requests outstanding at a queue of ${queue}`);
      }
    } else if (id === CANCEL) open.delete(key(message));
    else if (id === PIECE) totals.blocksSent++;
    else if (id === EXTENDED) {
      if (message[1] === 0) {
        const text = String.fromCharCode(...message);
        for (
          const [, name] of text.matchAll(/\d+:(ut_\w+|lt_\w+|upload_only)i/g)
        ) {
          totals.offered.add(name!);
        }
      } else if (message[1] === pexId) totals.pexSent++;
      else if (message[1] === metadataId) {
        const isRequest = /8:msg_typei0e/.test(String.fromCharCode(...message));
        if (isRequest && offers !== undefined) offers.requests++;
      }
    }
  });
  const received = new Frames((message) => {
    const id = message[0]!;
    if (id === CHOKE) chokedAt ??= clock.now();
    else if (id === UNCHOKE) chokedAt = undefined;
    else if (id === HAVE) has.add(field(message, 0));
    else if (id === HAVE_ALL) hasAll = true;
    else if (id === HAVE_NONE) has.clear();
    else if (id === BITFIELD) {
      for (let i = 0; i < (message.length - 1) * 8; i++) {
        if (message[1 + (i >> 3)]! & (0x80 >> (i & 7))) has.add(i);
      }
    } else if (id === PIECE) {
      totals.blocksReceived++;
      open.delete(key(message));
    } else if (id === REJECT) open.delete(key(message));
    else if (id === FAST) fast.add(field(message, 0));
    else if (id === EXTENDED && message[1] === 0) {
      const text = String.fromCharCode(...message);
      const reqq = /4:reqqi(\d+)e/.exec(text);
      if (reqq) queue = Number(reqq[1]);
      const match = /6:ut_pexi(\d+)e/.exec(text);
      if (match) pexId = Number(match[1]);
      const metadata = /11:ut_metadatai([1-9]\d*)e/.exec(text);
      if (metadata) metadataId = Number(metadata[1]);
      if (
        metadata && /13:metadata_sizei[1-9]/.test(text) && offers === undefined
      ) {
        const infoHash = sent.infoHash!;
        offers = totals.metadata.get(infoHash) ?? { open: 0, requests: 0 };
        totals.metadata.set(infoHash, offers);
        offers.open++;
      }
    }
  });
  totals.open++;
  totals.mostOpen = Math.max(totals.mostOpen, totals.open);
  let closed = false;
  const close = () => {
    if (!closed) {
      closed = true;
      totals.open--;
      if (isUnchoking) totals.unchoked--;
      if (offers !== undefined) offers.open--;
    }
    connection.close();
  };
  return {
    local: connection.local,
    remote: connection.remote,
    async read(buffer) {
      const length = await connection.read(buffer);
      if (length !== null) received.push(buffer.subarray(0, length));
      return length;
    },
    async write(data) {
      const before = totals.sent.get(HAVE) ?? 0;
      // Noted before it is under way: the other end may answer meanwhile.
      const length = await connection.write(data);
      sent.push(data.subarray(0, length));
      if ((totals.sent.get(HAVE) ?? 0) > before) {
        // All that is told in one moment goes out together.
        if (clock.now() === lastHaveAt) complain("two writes of HAVE at once");
        lastHaveAt = clock.now();
      }
      return length;
    },
    close,
    [Symbol.dispose]: close,
  };
}
