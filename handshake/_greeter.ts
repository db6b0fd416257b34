/**
 * The inbound side of a handshaker.
 *
 * @module
 */
import type { ByteConnection, ByteListener } from "../_shared/byte_conn.ts";
import { sleep } from "../_shared/clock.ts";
import type { HandshakerCore } from "./_core.ts";
import { connectFailure, failure } from "./_failure.ts";
import { Negotiation } from "./_negotiation.ts";
import { HandshakeError } from "./error.ts";

/** Longest pause after accepting failed, in ms. */
const MAX_ACCEPT_PAUSE = 1000;

/** Accepts connections and shakes hands with all of them at once. */
export class Greeter {
  readonly #core: HandshakerCore;
  readonly #listeners: readonly ByteListener[];

  /** Starts accepting. */
  constructor(core: HandshakerCore, listeners: readonly ByteListener[]) {
    this.#core = core;
    this.#listeners = listeners;
    for (const listener of listeners) core.track(this.#accept(listener));
  }

  /** Stops listening. */
  close(): void {
    for (const listener of this.#listeners) listener.close();
  }

  async #accept(listener: ByteListener): Promise<void> {
    const { clock, limits } = this.#core.settings;
    const signal = this.#core.closing;
    let pause = 0;
    while (!this.#core.closed) {
      await this.#core.events.room();
      let connection: ByteConnection | undefined;
      try {
        connection = await listener.accept();
        pause = 0;
      } catch (cause) {
        if (this.#core.closed) return;
        const text = "Cannot accept a connection";
        const error = new HandshakeError("accept-failed", text, { cause });
        this.#core.fail(error, listener.local, "inbound");
        pause = Math.min(MAX_ACCEPT_PAUSE, Math.max(10, 2 * pause));
        await sleep(clock, pause, { signal }).catch(() => {});
        continue;
      }
      if (connection === undefined) return;
      if (this.#core.closed) return connection.close();
      if (this.#core.pendingInbound.size >= limits.maxPendingInbound) {
        const [oldest] = this.#core.pendingInbound;
        this.#core.pendingInbound.delete(oldest!);
        oldest!.fail(failure("overloaded"));
      }
      this.#core.track(this.#welcome(connection));
    }
  }

  async #welcome(connection: ByteConnection): Promise<void> {
    const { remote, local } = connection;
    const now = this.#core.settings.clock.now();
    const slot = this.#core.table.openInbound(remote, local.port, now);
    if (typeof slot === "string") {
      connection.close();
      return this.#core.fail(failure(slot), remote, "inbound");
    }
    try {
      const policy = new Negotiation(this.#core.context, remote);
      const blocked = policy.precheck();
      if (blocked !== undefined) throw blocked;
      await this.#core.shake(connection, policy, slot);
    } catch (error) {
      connection.close();
      this.#core.table.close(slot);
      this.#core.fail(connectFailure(error), remote, "inbound");
    }
  }
}
