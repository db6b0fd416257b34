import { assert, assertEquals } from "@std/assert";
import type { Endpoint } from "../../_shared/address.ts";
import { writeAll } from "../../_shared/byte_conn.ts";
import {
  type ByteConnection,
  encodeHandshake,
  type HandshakeConnected,
  type HandshakeFailed,
  type HandshakeFields,
  Handshaker,
  type HandshakerEvent,
  type HandshakerOptions,
  type PeerCandidate,
} from "../../handshake/mod.ts";
import { SimClock } from "../../testing/sim_clock.ts";
import { MemoryNetwork } from "../../testing/memory_network.ts";

export const infoHash: Uint8Array = new Uint8Array(20).fill(1);
export const v2Hash: Uint8Array = new Uint8Array(32).fill(2);
export const strangerId: Uint8Array = new TextEncoder().encode(
  "-TR4060-abcdefghijkl",
);
export const BOB: Endpoint = { hostname: "10.0.0.2", port: 6881 };

export class World {
  readonly clock = new SimClock();
  readonly network: MemoryNetwork;
  readonly #open: Handshaker[] = [];
  readonly #latencyMs: number;

  constructor(latencyMs = 0) {
    this.#latencyMs = latencyMs;
    this.network = new MemoryNetwork({ clock: this.clock, latencyMs });
  }

  async host(
    hostname: string,
    options: HandshakerOptions = {},
  ): Promise<Handshaker> {
    const handshaker = await Handshaker.open({
      transports: [this.network.transport(hostname)],
      clock: this.clock,
      ...options,
    });
    this.#open.push(handshaker);
    return handshaker;
  }

  /** A host that listens on BOB and offers the torrent. */
  async bob(options: HandshakerOptions = {}): Promise<Handshaker> {
    const bob = await this.host(BOB.hostname, { listen: BOB, ...options });
    bob.addTorrent(infoHash);
    return bob;
  }

  /** A bare connection from a stranger. */
  async dial(
    from: string,
    bytes: Uint8Array = new Uint8Array(0),
    to = BOB,
  ): Promise<ByteConnection> {
    const connection = await this.network.transport(from).connect(to);
    if (bytes.length > 0) await writeAll(connection, bytes);
    return connection;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const handshaker of this.#open) await handshaker.close();
    // What is on its way in the network arrives.
    await this.clock.advance(this.#latencyMs);
    assertEquals(this.clock.pending, 0, "timers left");
  }
}

export async function next(handshaker: Handshaker): Promise<HandshakerEvent> {
  const reader = handshaker.readable.getReader();
  try {
    const { value } = await reader.read();
    assert(value !== undefined, "the stream ended");
    return value;
  } finally {
    reader.releaseLock();
  }
}

/** Writes a candidate whose outcome comes out as an event. */
export function connect(
  handshaker: Handshaker,
  candidate: PeerCandidate,
): void {
  const writer = handshaker.sink().getWriter();
  writer.write(candidate).catch(() => {});
}

export async function connected(
  handshaker: Handshaker,
): Promise<HandshakeConnected> {
  const event = await next(handshaker);
  if (event.type === "failed") throw event.error;
  assert(event.type === "connected", event.type);
  return event;
}

export async function failed(handshaker: Handshaker): Promise<HandshakeFailed> {
  const event = await next(handshaker);
  assert(event.type === "failed", event.type);
  assertEquals(event.reason, event.error.code);
  return event;
}

export async function readAll(connection: ByteConnection): Promise<number> {
  let total = 0;
  const buffer = new Uint8Array(100);
  for (;;) {
    const length = await connection.read(buffer);
    if (length === null) return total;
    total += length;
  }
}

export const hello = (fields: Partial<HandshakeFields> = {}): Uint8Array =>
  encodeHandshake({ infoHash, peerId: strangerId, ...fields });
