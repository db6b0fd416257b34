/**
 * A peer that speaks the wire by hand and offers peer exchange: it shares no
 * code with the package.
 */

/** Options of {@linkcode RawPexPeer}. */
export interface RawPexPeerOptions {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** Port on 127.0.0.1 of the peer it tells of, wanted or not. */
  readonly tells: number;
}

/** The id it gives ut_pex, and takes where the other side names none. */
const UT_PEX = 3;

/** Listens on 127.0.0.1, has nothing, tells of a peer, keeps what it hears. */
export class RawPexPeer implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #options: RawPexPeerOptions;
  readonly #running: Promise<void>;
  #conn: Deno.Conn | undefined;
  /** The 8 reserved bytes of the first handshake. */
  reserved: Uint8Array | undefined;
  /** The first extension handshake, one character a byte. */
  extensions: string | undefined;
  /** Ids of all messages. */
  readonly messageIds: number[] = [];

  constructor(options: RawPexPeerOptions) {
    this.#options = options;
    this.#running = this.#serve().catch(() => {});
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    try {
      this.#conn?.close();
    } catch {
      // Closed by the other side of the test.
    }
    await this.#running;
  }

  async #serve(): Promise<void> {
    const conn = this.#conn = await this.#listener.accept();
    const reader = conn.readable.getReader();
    const writer = conn.writable.getWriter();
    let held = new Uint8Array(0);
    const need = async (length: number): Promise<Uint8Array> => {
      while (held.length < length) {
        const { value } = await reader.read();
        if (value === undefined) throw new Error("end");
        const joined = new Uint8Array(held.length + value.length);
        joined.set(held);
        joined.set(value, held.length);
        held = joined;
      }
      const part = held.slice(0, length);
      held = held.slice(length);
      return part;
    };
    const extended = async (id: number, payload: Uint8Array) => {
      const frame = new Uint8Array(6 + payload.length);
      new DataView(frame.buffer).setUint32(0, 2 + payload.length);
      frame.set([20, id], 4);
      frame.set(payload, 6);
      await writer.write(frame);
    };
    this.reserved = (await need(68)).slice(20, 28);
    const hello = new Uint8Array(68);
    hello[0] = 19;
    hello.set(bytes("BitTorrent protocol"), 1);
    hello.set([0, 0, 0, 0, 0, 0x10, 0, 0x05], 20);
    hello.set(this.#options.infoHash, 28);
    hello.set(bytes("-XX0001-raw pex peer"), 48);
    await writer.write(hello);
    // Have none (BEP 6).
    await writer.write(new Uint8Array([0, 0, 0, 1, 15]));
    await extended(0, bytes(`d1:md6:ut_pexi${UT_PEX}eee`));
    while (true) {
      const length = new DataView((await need(4)).buffer).getUint32(0);
      if (length === 0) continue;
      const message = await need(length);
      this.messageIds.push(message[0]!);
      if (message[0] !== 20 || message[1] !== 0) continue;
      const text = String.fromCharCode(...message.subarray(2));
      this.extensions ??= text;
      const id = /6:ut_pexi(\d+)e/.exec(text)?.[1];
      const { tells } = this.#options;
      const head = bytes("d5:added6:");
      const tail = bytes("7:added.f1:\x106:added60:8:added6.f0:7:dropped0:e");
      await extended(
        id === undefined ? UT_PEX : Number(id),
        new Uint8Array([
          ...head,
          ...[127, 0, 0, 1, tells >> 8, tells & 255],
          ...tail,
        ]),
      );
    }
  }
}

function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** Listens on 127.0.0.1 and counts who comes. */
export class Trap implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #running: Promise<void>;
  /** Connections so far. */
  visitors = 0;

  constructor() {
    this.#running = this.#accept();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#running;
  }

  async #accept(): Promise<void> {
    try {
      for await (const conn of this.#listener) {
        this.visitors++;
        conn.close();
      }
    } catch {
      // The listener was closed.
    }
  }
}
