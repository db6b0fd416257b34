/**
 * The inbound side of a handshaker.
 *
 * @module
 */
import type {
  ByteConnection,
  ByteListener,
  ByteTransport,
} from "../../_shared/byte_conn.ts";
import { sleep } from "../../_shared/clock.ts";
import type { HandshakerCore } from "./core.ts";
import { connectFailure, isOfOneConnection } from "./failure.ts";
import { Negotiation } from "./negotiation.ts";
import { failure, HandshakeError, type HandshakeErrorCode } from "../error.ts";

/** Longest pause after accepting failed, in ms. */
const MAX_ACCEPT_PAUSE = 1000;

/** Where connections come in. */
export interface Door {
  /** What is listened with. */
  readonly transport: ByteTransport;
  /** Accepts; another one takes its place when it ends by itself. */
  listener: ByteListener;
}

/** Accepts connections and shakes hands with all of them at once. */
export class Greeter {
  readonly #core: HandshakerCore;
  readonly #doors: readonly Door[];

  /** Starts accepting. */
  constructor(core: HandshakerCore, doors: readonly Door[]) {
    this.#core = core;
    this.#doors = doors;
    for (const door of doors) core.track(this.#accept(door));
  }

  /** Stops listening. */
  close(): void {
    for (const { listener } of this.#doors) listener.close();
  }

  async #accept(door: Door): Promise<void> {
    const core = this.#core;
    const { clock } = core.settings;
    let pause = 0;
    let isFailing = false;
    while (!core.isClosed) {
      await core.events.room();
      while (
        !core.isClosed && core.open() >= core.descriptors.limit(clock.now())
      ) {
        if (core.makeRoom()) continue;
        await this.#rest(MAX_ACCEPT_PAUSE);
      }
      let connection: ByteConnection | undefined;
      try {
        connection = await door.listener.accept();
        if (connection === undefined) {
          isFailing = true;
          await this.#reopen(door);
        }
        if (core.isClosed) return connection?.close();
        pause = 0;
        if (isFailing) {
          isFailing = false;
          core.events.push({ type: "listening", local: door.listener.local });
        }
      } catch (cause) {
        if (core.isClosed) return;
        core.noteRefusal(cause);
        if (isOfOneConnection(cause)) {
          this.#report(cause, door, "connection-lost");
          continue;
        }
        this.#report(cause, door);
        isFailing = true;
        pause = Math.min(MAX_ACCEPT_PAUSE, Math.max(10, 2 * pause));
        await this.#rest(pause);
      }
      if (connection === undefined) continue;
      core.track(this.#welcome(connection, door.transport.name));
    }
  }

  /** Listens anew after a listener has ended, which we did not ask for. */
  async #reopen(door: Door): Promise<void> {
    if (this.#core.isClosed) return;
    this.#report(new Error("The listener ended"), door);
    await this.#rest(MAX_ACCEPT_PAUSE);
    if (this.#core.isClosed) return;
    const listener = await door.transport.listen(door.listener.local);
    if (this.#core.isClosed) listener.close();
    else door.listener = listener;
  }

  #report(
    cause: unknown,
    { listener }: Door,
    code: HandshakeErrorCode = "accept-failed",
  ): void {
    const text = "Cannot accept a connection";
    const error = new HandshakeError(code, text, { cause });
    this.#core.events.push(this.#core.fail(error, listener.local, "inbound"));
  }

  async #rest(ms: number): Promise<void> {
    const { closing, settings: { clock } } = this.#core;
    await sleep(clock, ms, { signal: closing }).catch(() => {});
  }

  async #welcome(connection: ByteConnection, name: string): Promise<void> {
    const { remote, local } = connection;
    const now = this.#core.settings.clock.now();
    const slot = this.#core.table.openInbound(remote, local.port, now);
    if (typeof slot === "string") {
      connection.close();
      const refused = this.#core.fail(failure(slot), remote, "inbound");
      return this.#core.events.push(refused);
    }
    try {
      const policy = new Negotiation(this.#core.context, remote);
      const blocked = policy.precheck();
      if (blocked !== undefined) throw blocked;
      const { pendingInbound, settings: { limits } } = this.#core;
      if (pendingInbound.size >= limits.maxPendingInbound) {
        this.#core.dropOldest();
      }
      const event = await this.#core.shake(connection, policy, slot, name);
      this.#core.events.push(event);
    } catch (cause) {
      connection.close();
      this.#core.table.close(slot);
      const error = connectFailure(cause);
      if (error.code === "aborted") return;
      this.#core.events.push(this.#core.fail(error, remote, "inbound"));
    }
  }
}
