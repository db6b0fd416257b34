/**
 * What goes into and comes out of a {@linkcode WebSeedMachine}.
 *
 * @module
 */
import type { RandomSource } from "../_shared/random.ts";
import type { BlockAddress } from "../metainfo/piece_layout.ts";
import type { AnswerHeaders } from "./answer.ts";
import type { WebSeedTorrent } from "./url.ts";

/** What a web seed is doing. */
export type WebSeedState =
  /** May be asked, or is being asked. */
  | "ready"
  /** Waits after a failure. */
  | "waiting"
  /** Has nothing that is of use, or not any more. */
  | "gone"
  /** Sent data that fail the hash check, or may not be asked at all. */
  | "banned"
  | "closed";

/** Options of `WebSeedMachine`. */
export interface WebSeedMachineOptions {
  /** Its URL, http or https. */
  readonly url: URL;
  /** Names and files. */
  readonly torrent: WebSeedTorrent;
  /** Random source, for the length of waits. */
  readonly random: RandomSource;
  /**
   * Tells which pieces are wanted and not there, for servers that send whole
   * files only.
   *
   * @param pieceIndex Which piece.
   * @returns Whether it is of use. @default {every piece}
   */
  readonly isLacking?: ((pieceIndex: number) => boolean) | undefined;
  /**
   * Whether a whole file may be read although little of it is of use, as nobody
   * else has that.
   *
   * @returns Whether it may. @default {true}
   */
  readonly isAlone?: (() => boolean) | undefined;
}

/** What happens to a web seed. `id` is that of a transfer. */
export type WebSeedInput =
  /** Blocks are wanted, in ascending order; a transfer begins. */
  | { readonly type: "want"; readonly blocks: readonly BlockAddress[] }
  /** It is the server's turn: a request was sent, or more is being read. */
  | { readonly type: "awaiting"; readonly id: number }
  | {
    readonly type: "answer";
    readonly id: number;
    readonly status: number;
    readonly headers: AnswerHeaders;
  }
  /** Bytes of the body. */
  | { readonly type: "bytes"; readonly id: number; readonly data: Uint8Array }
  /** The body is over. */
  | { readonly type: "ended"; readonly id: number }
  | {
    /** The server could not be asked, or the connection broke. */
    readonly type: "failed";
    readonly id: number;
    readonly reason: string;
    /** Whether the URL leads where it must not. */
    readonly isForbidden?: boolean | undefined;
    /** Whether that is nobody's fault: no wait follows. */
    readonly isLocal?: boolean | undefined;
  }
  /** A block came from elsewhere. */
  | { readonly type: "cancel"; readonly block: BlockAddress }
  /** A piece that came from here alone failed its hash check. */
  | { readonly type: "bad"; readonly pieceIndex: number }
  /** All transfers end. */
  | { readonly type: "stop" }
  /** All transfers end, for good. */
  | { readonly type: "close" };

/** What is to be done for a web seed. `id` is that of a transfer. */
export type WebSeedOutput =
  | {
    /** Ask the server; an answer that is still read is given up. */
    readonly type: "request";
    readonly id: number;
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    /** Whether a server named the URL, and not the torrent. */
    readonly isRedirect: boolean;
  }
  /** Read the body of the answer. */
  | { readonly type: "read"; readonly id: number }
  | {
    /** The transfer is over; an answer that is still read is given up. */
    readonly type: "done";
    readonly id: number;
    /** Blocks that were wanted and did not come. */
    readonly blocks: readonly BlockAddress[];
    /** Whether the server failed. */
    readonly failed: boolean;
  }
  | {
    readonly type: "block";
    readonly pieceIndex: number;
    readonly blockOffset: number;
    /** Valid until the next input. */
    readonly data: Uint8Array;
  }
  /** Pieces that it has no more. */
  | { readonly type: "lost"; readonly pieces: readonly number[] }
  /** It is in another state, see the getter. */
  | { readonly type: "state" };
