/**
 * A TCP listener that comes back with its address.
 *
 * @module
 */
import type { Endpoint } from "../../_shared/address.ts";
import {
  type ByteConnection,
  type ByteListener,
  tcpTransport,
} from "../../_shared/byte_conn.ts";

/** What a listener needs of the network. */
export interface ListenerNetwork {
  /** Our address of an IP version, while there is one. */
  addressOf(isV6: boolean): string | undefined;
  /** Calls back when addresses come or go; the result ends that. */
  watch(onChange: () => void): () => void;
  /** Calls back a little later, once. */
  later(retry: () => void): void;
  /** Has a connection closed when its address goes. */
  guard(connection: ByteConnection): ByteConnection;
}

/** A listener of one IP version. */
interface Door {
  readonly listener: ByteListener;
  readonly hostname: string;
  next: Promise<ByteConnection | undefined> | undefined;
}

/** Listens on one port, by one or both IP versions. */
export class BoundListener implements ByteListener {
  readonly #versions: readonly boolean[];
  readonly #network: ListenerNetwork;
  readonly #doors = new Map<boolean, Door>();
  readonly #unwatch: () => void;
  #isClosed = false;
  #changed = Promise.withResolvers<undefined>();
  local: Endpoint = { hostname: "", port: 0 };

  constructor(versions: readonly boolean[], network: ListenerNetwork) {
    this.#versions = versions;
    this.#network = network;
    this.#unwatch = network.watch(() => void this.#refresh());
  }

  /** Listens; throws if the first version cannot. */
  async open(port: number): Promise<void> {
    try {
      for (const isV6 of this.#versions) {
        try {
          await this.#openDoor(isV6, this.local.port || port);
        } catch (error) {
          if (isV6 === this.#versions[0]) throw error;
        }
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  async accept(): Promise<ByteConnection | undefined> {
    while (!this.#isClosed) {
      const changed = this.#changed.promise;
      const waits = [...this.#doors].map(async ([isV6, door]) => {
        door.next ??= door.listener.accept();
        try {
          const connection = await door.next;
          return { isV6, door, connection };
        } catch (error) {
          return { isV6, door, error };
        }
      });
      const first = await Promise.race([changed, ...waits]);
      if (first === undefined) continue;
      const { isV6, door } = first;
      if (this.#doors.get(isV6) !== door) continue;
      door.next = undefined;
      if ("error" in first) throw first.error;
      if (first.connection !== undefined) {
        return this.#network.guard(first.connection);
      }
      this.#doors.delete(isV6);
    }
    return undefined;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#unwatch();
    for (const { listener } of this.#doors.values()) listener.close();
    this.#changed.resolve(undefined);
  }
  [Symbol.dispose](): void {
    this.close();
  }

  /** Listens where our addresses are now. */
  async #refresh(): Promise<void> {
    if (this.#isClosed) return;
    for (const isV6 of this.#versions) {
      const hostname = this.#network.addressOf(isV6);
      const door = this.#doors.get(isV6);
      if (door?.hostname === hostname) continue;
      door?.listener.close();
      this.#doors.delete(isV6);
      // Where the port is taken, the other version may do; an address may be there
      // for a while before it can be used (RFC 4862).
      await this.#openDoor(isV6, this.local.port)
        .catch(() => this.#network.later(() => void this.#refresh()));
    }
    this.#changed.resolve(undefined);
    this.#changed = Promise.withResolvers();
  }

  async #openDoor(isV6: boolean, port: number): Promise<void> {
    const hostname = this.#network.addressOf(isV6);
    if (hostname === undefined) return;
    const listener = await tcpTransport.listen({ hostname, port });
    if (this.#isClosed) return listener.close();
    this.#doors.set(isV6, { listener, hostname, next: undefined });
    if (this.local.port === 0) this.local = listener.local;
  }
}
