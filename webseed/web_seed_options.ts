/**
 * Options, events and figures of a `WebSeed`.
 *
 * @module
 */
import type { Clock } from "../_shared/clock.ts";
import type { RandomSource } from "../_shared/random.ts";
import type { BlockAddress } from "../metainfo/piece_layout.ts";
import type { WebSeedHosts } from "./host_slots.ts";
import type { WebSeedTorrent } from "./url.ts";
import type { WebSeedState } from "./web_seed_types.ts";

/** What a `WebSeed` tells. */
export type WebSeedEvent =
  | {
    readonly type: "block";
    readonly pieceIndex: number;
    readonly blockOffset: number;
    /** Valid until the call returns. */
    readonly data: Uint8Array;
  }
  /** Blocks that were requested will not come. */
  | { readonly type: "unserved"; readonly blocks: readonly BlockAddress[] }
  /** Pieces that it has no more. */
  | { readonly type: "lost"; readonly pieces: readonly number[] }
  /** It may be asked again, or is in another state. */
  | { readonly type: "ready" | "state" };

/** When a body may be read, and how much of it. */
export interface WebSeedGate {
  /**
   * Is asked before a read.
   *
   * @param bytes Most bytes that it may bring.
   * @returns How many it may bring, at least 1.
   */
  before(bytes: number): number | Promise<number>;
  /**
   * Is told after it.
   *
   * @param bytes How many came.
   */
  after(bytes: number): void;
}

/** Options of `WebSeed`. */
export interface WebSeedOptions {
  /** Its URL, http or https, as in `url-list` (BEP 19). */
  readonly url: string;
  /** Names and files. */
  readonly torrent: WebSeedTorrent;
  /** Takes what happens; a call must not throw. */
  readonly onEvent: (event: WebSeedEvent) => void;
  /**
   * Whether a person named the URL. Otherwise it may lead to public addresses
   * only, and not to the ports of services that are no web servers.
   *
   * @default {false}
   */
  readonly isNamed?: boolean | undefined;
  /** Requests that may run at a time. @default {a budget of its own} */
  readonly hosts?: WebSeedHosts | undefined;
  /** Makes the gate of a transfer. @default {everything is read at once} */
  readonly gate?: (() => WebSeedGate) | undefined;
  /**
   * Tells which pieces are wanted and not there.
   *
   * @param pieceIndex Which piece.
   * @returns Whether it is of use. @default {every piece}
   */
  readonly isLacking?: ((pieceIndex: number) => boolean) | undefined;
  /**
   * Whether nobody else has what is lacking.
   *
   * @returns Whether little of a large file is reason enough to read all of it.
   * @default {true}
   */
  readonly isAlone?: (() => boolean) | undefined;
  /** What we call ourselves. @default {"bip/0.1.0"} */
  readonly userAgent?: string | undefined;
  /** Instead of the built-in `fetch`. */
  readonly fetch?:
    | ((url: URL, init: RequestInit) => Promise<Response>)
    | undefined;
  /** Resolves names of hosts to addresses. @default {the system's resolver} */
  readonly resolve?:
    | ((hostname: string) => Promise<readonly string[]>)
    | undefined;
  /**
   * Tells which addresses are not to be asked; a person's URL is.
   *
   * @param address An IP address.
   * @returns Whether it is blocked. @default {none}
   */
  readonly isBlocked?: ((address: string) => boolean) | undefined;
  /** Clock to use. @default {the system's} */
  readonly clock?: Clock | undefined;
  /** Source of randomness. @default {the system's} */
  readonly random?: RandomSource | undefined;
}

/** A web seed at one moment. */
export interface WebSeedStatus {
  /** Scheme and host only, as the path may hold a secret. */
  readonly name: string;
  /** What it is doing. */
  readonly state: WebSeedState;
  /** What went wrong last. */
  readonly message: string | undefined;
  /** In how many milliseconds it may be asked again, in state `waiting`. */
  readonly nextInMs: number | undefined;
  /** Transfers under way. */
  readonly active: number;
  /** Payload received, in bytes. */
  readonly downloadedBytes: number;
  /** Payload received, in bytes a second. */
  readonly downloadRate: number;
}
