/** A peer that speaks the wire by hand and does as it is told. */
import type { Endpoint } from "../../_shared/address.ts";
import type { ByteConnection } from "../../_shared/byte_conn.ts";
import type { SwarmWorld } from "../../testing/mod.ts";

/** Options of {@linkcode WirePeer}. */
export interface WirePeerOptions {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** Distinguishes the peer id. @default {1} */
  readonly id?: number;
  /** Bencoded payload of the extension handshake; none when absent. */
  readonly extension?: string | undefined;
  /** Called for every message. */
  readonly onMessage?: (message: Uint8Array, peer: WirePeer) => void;
  /** Called when shaken hands. */
  readonly onOpen?: (peer: WirePeer) => void;
}

/** One connection of a hand-made peer. */
export class WirePeer {
  /** Messages received, without their length. */
  readonly messages: Uint8Array[] = [];
  /** Whether the other side closed. */
  ended = false;
  readonly #connection: ByteConnection;
  readonly #options: WirePeerOptions;
  #sending = Promise.resolve();

  private constructor(connection: ByteConnection, options: WirePeerOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** Connects to a host. */
  static async dial(
    world: SwarmWorld,
    to: Endpoint,
    options: WirePeerOptions,
    from = world.ip(),
  ): Promise<WirePeer> {
    const connection = await world.run(world.transport(from).connect(to));
    const peer = new WirePeer(connection, options);
    void peer.#run(true);
    return peer;
  }

  /** Listens on a host of its own; closing the result ends it. */
  static async listen(
    world: SwarmWorld,
    options: WirePeerOptions,
  ): Promise<{ address: Endpoint; peers: WirePeer[]; close(): void }> {
    const hostname = world.ip();
    const listener = await world.transport(hostname).listen({
      hostname,
      port: 6881,
    });
    const peers: WirePeer[] = [];
    void (async () => {
      while (true) {
        const connection = await listener.accept();
        if (connection === undefined) return;
        const peer = new WirePeer(connection, options);
        peers.push(peer);
        void peer.#run(false);
      }
    })();
    return {
      address: listener.local,
      peers,
      close() {
        listener.close();
        for (const peer of peers) peer.close();
      },
    };
  }

  /** Sends a message of an id and a payload. */
  send(id: number, payload: Uint8Array | readonly number[] = []): void {
    const bytes = payload instanceof Uint8Array ? payload : ints(...payload);
    const frame = new Uint8Array(5 + bytes.length);
    new DataView(frame.buffer).setUint32(0, 1 + bytes.length);
    frame[4] = id;
    frame.set(bytes, 5);
    this.sendRaw(frame);
  }

  /** Sends a message of the extension protocol. */
  extended(
    id: number,
    text: string,
    data: Uint8Array = new Uint8Array(0),
  ): void {
    const head = latin1(text);
    const bytes = new Uint8Array(1 + head.length + data.length);
    bytes[0] = id;
    bytes.set(head, 1);
    bytes.set(data, 1 + head.length);
    this.send(20, bytes);
  }

  /** Sends bytes as they are. */
  sendRaw(bytes: Uint8Array): void {
    this.#sending = this.#sending.then(async () => {
      let at = 0;
      while (at < bytes.length) {
        at += await this.#connection.write(bytes.subarray(at));
      }
    }).catch(() => {
      this.ended = true;
    });
  }

  /** Messages of an id. */
  of(id: number): Uint8Array[] {
    return this.messages.filter((message) => message[0] === id);
  }

  close(): void {
    this.#connection.close();
  }

  async #run(isDialler: boolean): Promise<void> {
    const { infoHash, id = 1, extension } = this.#options;
    const hello = new Uint8Array(68);
    hello[0] = 19;
    hello.set(latin1("BitTorrent protocol"), 1);
    if (extension !== undefined) hello[25] = 0x10;
    hello[27] = 4;
    hello.set(infoHash, 28);
    hello.set(latin1("-XX0001-"), 48);
    new DataView(hello.buffer).setUint32(64, id);
    let held = new Uint8Array(0);
    let shaken = false;
    const buffer = new Uint8Array(65536);
    try {
      if (isDialler) this.sendRaw(hello);
      while (true) {
        const count = await this.#connection.read(buffer);
        if (count === null) break;
        const joined = new Uint8Array(held.length + count);
        joined.set(held);
        joined.set(buffer.subarray(0, count), held.length);
        held = joined;
        if (!shaken) {
          if (held.length < 68) continue;
          shaken = true;
          held = held.slice(68);
          if (!isDialler) this.sendRaw(hello);
          if (extension !== undefined) this.extended(0, extension);
          this.#options.onOpen?.(this);
        }
        while (held.length >= 4) {
          const length = new DataView(held.buffer).getUint32(0);
          if (held.length < 4 + length) break;
          const message = held.slice(4, 4 + length);
          held = held.slice(4 + length);
          if (length === 0) continue;
          this.messages.push(message);
          this.#options.onMessage?.(message, this);
        }
      }
    } catch {
      // Closed on purpose.
    }
    this.ended = true;
    this.close();
  }
}

/** Numbers as 32-bit big-endian. */
export function ints(...numbers: number[]): Uint8Array {
  const bytes = new Uint8Array(4 * numbers.length);
  const view = new DataView(bytes.buffer);
  numbers.forEach((number, i) => view.setUint32(4 * i, number));
  return bytes;
}

/** One byte a character. */
export function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}
