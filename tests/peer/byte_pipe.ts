import type { ByteConnection } from "../../_shared/byte_conn.ts";

/** One end of a connection in memory; writes wait for the reader. */
export class PipeEnd implements ByteConnection {
  readonly local = { hostname: "127.0.0.1", port: 1 };
  readonly remote: { hostname: string; port: number };
  peer: PipeEnd | undefined;
  closed = false;
  writes = 0;
  /** Makes the next write fail. */
  failWrite: Error | undefined;
  /** Most bytes that wait for a reader. */
  capacity = 65_536;
  #chunks: Uint8Array[] = [];
  #size = 0;
  #ended = false;
  #wake: (() => void) | undefined;
  #room: (() => void) | undefined;

  constructor(hostname: string) {
    this.remote = { hostname, port: 6881 };
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#size === 0) {
      if (this.closed) throw new Error("Interrupted");
      if (this.#ended) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const chunk = this.#chunks[0]!;
    const length = Math.min(chunk.length, buffer.length);
    buffer.set(chunk.subarray(0, length));
    if (length === chunk.length) this.#chunks.shift();
    else this.#chunks[0] = chunk.subarray(length);
    this.#size -= length;
    this.#room?.();
    return length;
  }

  async write(data: Uint8Array): Promise<number> {
    await Promise.resolve();
    this.writes++;
    if (this.failWrite !== undefined) throw this.failWrite;
    const { peer } = this;
    while (true) {
      if (this.closed || peer === undefined || peer.closed) {
        throw new Error("Broken pipe");
      }
      if (peer.#size < peer.capacity) break;
      await new Promise<void>((resolve) => peer.#room = resolve);
    }
    const taken = data.slice(0, peer.capacity - peer.#size);
    peer.#chunks.push(taken);
    peer.#size += taken.length;
    peer.#wake?.();
    return taken.length;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#wake?.();
    this.#room?.();
    if (this.peer !== undefined) {
      this.peer.#ended = true;
      this.peer.#wake?.();
      this.peer.#room?.();
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Both ends of a connection in memory. */
export function bytePipe(hostname = "10.0.0.2"): [PipeEnd, PipeEnd] {
  const ends: [PipeEnd, PipeEnd] = [
    new PipeEnd(hostname),
    new PipeEnd("10.0.0.1"),
  ];
  ends[0].peer = ends[1];
  ends[1].peer = ends[0];
  return ends;
}
