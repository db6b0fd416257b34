import { toHex } from "../../_shared/bytes.ts";
import { randomBytes, randomInt, seededRandom } from "../../_shared/random.ts";
import {
  encodeDhtState,
  MAX_SAVED_NODES,
  tryDecodeDhtState,
} from "../../dht/routing_state.ts";
import type { FuzzTarget } from "./fuzz_target.ts";

/** The saved state of a DHT node. */
export const fuzzTarget: FuzzTarget = {
  name: "dht-state",
  seeds() {
    const random = seededRandom(6);
    return Array.from({ length: 10 }, (_, i) =>
      encodeDhtState({
        id: i % 2 === 0 ? randomBytes(random, 20) : undefined,
        id6: i % 3 === 0 ? randomBytes(random, 20) : undefined,
        nodes: Array.from({ length: i }, () => ({
          id: randomBytes(random, 20),
          address: {
            hostname: `9.9.9.${i}`,
            port: 1 + randomInt(random, 65535),
          },
        })),
        nodes6: Array.from({ length: i }, () => ({
          id: randomBytes(random, 20),
          address: { hostname: `2001:db8::${i}`, port: 6881 },
        })),
        savedAt: 1_700_000_000_000,
      }));
  },
  run(input) {
    const state = tryDecodeDhtState(input);
    if (state === undefined) return;
    const { nodes, nodes6, savedAt } = state;
    if (
      nodes.length > MAX_SAVED_NODES || nodes6.length > MAX_SAVED_NODES ||
      savedAt < 0
    ) throw new Error("Broken promise: bounds");
    const bytes = encodeDhtState(state);
    const again = tryDecodeDhtState(bytes);
    if (again === undefined || toHex(encodeDhtState(again)) !== toHex(bytes)) {
      throw new Error("Broken promise: a fixed point");
    }
  },
};
