/**
 * A seeder that speaks the wire by hand and can lie: it shares no code with
 * the package.
 */

/** Options of {@linkcode RawSeeder}. */
export interface RawSeederOptions {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  readonly pieceCount: number;
  /** Address of loopback. @default {"127.0.0.1"} */
  readonly hostname?: string;
  /** Bytes of the block, true or not. */
  block(pieceIndex: number, offset: number, length: number): Uint8Array;
}

/** Listens on loopback, claims every piece, unchokes, answers requests. */
export class RawSeeder implements AsyncDisposable {
  readonly #listener: Deno.Listener;
  readonly #connections = new Set<Deno.Conn>();
  readonly #options: RawSeederOptions;
  readonly #running: Promise<void>;
  /** Connections whose handshake was answered. */
  accepted = 0;
  /** Blocks sent. */
  served = 0;

  constructor(options: RawSeederOptions) {
    this.#options = options;
    const { hostname = "127.0.0.1" } = options;
    this.#listener = Deno.listen({ hostname, port: 0 });
    this.#running = this.#accept();
  }

  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const conn of this.#connections) conn.close();
    await this.#running;
  }

  async #accept(): Promise<void> {
    const tasks: Promise<void>[] = [];
    try {
      for await (const conn of this.#listener) {
        this.#connections.add(conn);
        tasks.push(
          this.#serve(conn).catch(() => {}).finally(() => {
            if (this.#connections.delete(conn)) {
              try {
                conn.close();
              } catch {
                // Closed by the other side of the test.
              }
            }
          }),
        );
      }
    } catch {
      // The listener was closed.
    }
    this.#connections.clear();
    await Promise.all(tasks);
  }

  async #serve(conn: Deno.Conn): Promise<void> {
    const { infoHash, pieceCount, block } = this.#options;
    const buffer = new Uint8Array(65536);
    let held = new Uint8Array(0);
    const need = async (length: number): Promise<Uint8Array> => {
      while (held.length < length) {
        const count = await conn.read(buffer);
        if (count === null) throw new Error("end");
        const joined = new Uint8Array(held.length + count);
        joined.set(held);
        joined.set(buffer.subarray(0, count), held.length);
        held = joined;
      }
      const part = held.slice(0, length);
      held = held.slice(length);
      return part;
    };
    const write = async (data: Uint8Array) => {
      let at = 0;
      while (at < data.length) at += await conn.write(data.subarray(at));
    };
    await need(68);
    const hello = new Uint8Array(68);
    hello[0] = 19;
    hello.set(new TextEncoder().encode("BitTorrent protocol"), 1);
    hello.set(infoHash, 28);
    hello.set(new TextEncoder().encode("-XX0001-"), 48);
    crypto.getRandomValues(hello.subarray(56));
    await write(hello);
    this.accepted++;
    const size = Math.ceil(pieceCount / 8);
    const bitfield = new Uint8Array(5 + size).fill(0xff);
    new DataView(bitfield.buffer).setUint32(0, 1 + size);
    bitfield[4] = 5;
    if (pieceCount % 8 !== 0) bitfield[4 + size] = 0xff << (8 - pieceCount % 8);
    await write(bitfield);
    await write(new Uint8Array([0, 0, 0, 1, 1]));
    while (true) {
      const length = new DataView((await need(4)).buffer).getUint32(0);
      if (length === 0) continue;
      const message = await need(length);
      if (message[0] !== 6) continue;
      const view = new DataView(message.buffer);
      const [pieceIndex, offset, count] = [1, 5, 9].map((at) =>
        view.getUint32(at)
      );
      const data = block(pieceIndex!, offset!, count!);
      const answer = new Uint8Array(13 + data.length);
      const head = new DataView(answer.buffer);
      head.setUint32(0, 9 + data.length);
      answer[4] = 7;
      head.setUint32(5, pieceIndex!);
      head.setUint32(9, offset!);
      answer.set(data, 13);
      await write(answer);
      this.served++;
    }
  }
}
