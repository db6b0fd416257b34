/**
 * Introductions by holepunch (BEP 55) among the peers of one torrent.
 *
 * @module
 */
import type { Endpoint } from "../../_shared/address.ts";
import { Driver } from "../../_shared/drive.ts";
import { encodeUtHolepunch } from "../../peer/ut_holepunch.ts";
import {
  type HolepunchInput,
  HolepunchMachine,
  type HolepunchOutput,
} from "./holepunch_machine.ts";
import type { Swarm } from "./swarm.ts";

/** Performs what a {@linkcode HolepunchMachine} wants. */
export type Holepunch = Driver<HolepunchInput, HolepunchOutput>;

/** Begins; the swarm tells what happens. */
export function openHolepunch(
  { peers, context }: Pick<Swarm, "peers" | "context">,
  dial: (endpoint: Endpoint) => void,
): Holepunch {
  return new Driver(new HolepunchMachine(peers), {
    clock: context.timers,
    perform(output: HolepunchOutput) {
      if (output.type === "dial") return dial(output.endpoint);
      peers.get(output.key)?.connection.sendExtended(
        "ut_holepunch",
        encodeUtHolepunch(output.message),
      );
    },
  });
}
