/**
 * Introductions by holepunch (BEP 55) among the peers of one torrent.
 *
 * @module
 */
import type { Endpoint } from "../../_shared/address.ts";
import {
  encodeUtHolepunch,
  type UtHolepunchMessage,
} from "../../peer/ut_holepunch.ts";
import type { UtPexMessage } from "../../peer/ut_pex.ts";
import type { SwarmPeer } from "../peers/swarm_peer.ts";
import { type HolepunchInput, HolepunchMachine } from "./holepunch_machine.ts";
import type { Swarm } from "./swarm.ts";

/** Performs what the machine wants; the swarm tells it what happens. */
export class Holepunch {
  readonly #host: Swarm;
  readonly #machine: HolepunchMachine;
  readonly #dial: (endpoint: Endpoint) => void;

  constructor(host: Swarm, dial: (endpoint: Endpoint) => void) {
    this.#host = host;
    this.#machine = new HolepunchMachine(host.peers);
    this.#dial = dial;
  }

  /** A peer tells of others. */
  told({ key }: SwarmPeer, message: UtPexMessage): void {
    this.#handle({ type: "told", key, message });
  }

  /** Somebody could not be dialled. */
  unreachable(endpoint: Endpoint): void {
    this.#handle({ type: "unreachable", endpoint });
  }

  /** A peer sent a message. */
  message({ key }: SwarmPeer, message: UtHolepunchMessage): void {
    this.#handle({ type: "message", key, message });
  }

  /** A peer is gone. */
  gone({ key }: SwarmPeer): void {
    this.#handle({ type: "gone", key });
  }

  /** Once a second. */
  tick(now: number): void {
    if ((this.#machine.deadline ?? Infinity) > now) return;
    this.#machine.handleTimeout(now);
    this.#perform();
  }

  #handle(input: HolepunchInput): void {
    this.#machine.handle(input, this.#host.context.clock.now());
    this.#perform();
  }

  #perform(): void {
    for (
      let output = this.#machine.poll();
      output !== undefined;
      output = this.#machine.poll()
    ) {
      if (output.type === "dial") this.#dial(output.endpoint);
      else {
        this.#host.peers.get(output.key)?.connection.sendExtended(
          "ut_holepunch",
          encodeUtHolepunch(output.message),
        );
      }
    }
  }
}
