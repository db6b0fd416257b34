import { assert, assertEquals, assertThrows } from "@std/assert";
import { randomBytes, randomInt, seededRandom } from "../../_shared/random.ts";
import { encodeBencode } from "../../bencode/encode.ts";
import type { NodeContact } from "../../dht/compact_node.ts";
import {
  type DhtState,
  encodeDhtState,
  MAX_SAVED_NODES,
  tryDecodeDhtState,
} from "../../dht/routing_state.ts";

const none = { permissions: "none" } as const;
const random = seededRandom(5);

function contacts(count: number, family: 4 | 6): NodeContact[] {
  return Array.from({ length: count }, (_, i) => ({
    id: randomBytes(random, 20),
    address: {
      hostname: family === 4
        ? `${1 + randomInt(random, 200)}.2.3.${i % 256}`
        : `2001:db8::${(i + 1).toString(16)}`,
      port: 1 + randomInt(random, 65535),
    },
  }));
}

Deno.test("a state comes back, and no prefix of it does", none, () => {
  for (let i = 0; i < 20; i++) {
    const state: DhtState = {
      id: i % 2 === 0 ? randomBytes(random, 20) : undefined,
      id6: i % 3 === 0 ? randomBytes(random, 20) : undefined,
      nodes: contacts(randomInt(random, 30), 4),
      nodes6: contacts(randomInt(random, 30), 6),
      savedAt: 1_700_000_000_000 + i,
    };
    const bytes = encodeDhtState(state);
    assertEquals(tryDecodeDhtState(bytes), state);
    for (let end = 0; end < bytes.length; end++) {
      assertEquals(tryDecodeDhtState(bytes.subarray(0, end)), undefined);
    }
  }
});

Deno.test("a state is bounded when written and when read", none, () => {
  const nodes = contacts(MAX_SAVED_NODES + 1, 4);
  const bytes = encodeDhtState({ nodes, nodes6: [], savedAt: 0 });
  assertEquals(
    tryDecodeDhtState(bytes)?.nodes,
    nodes.slice(0, MAX_SAVED_NODES),
  );
  const packed = new Uint8Array(26 * (MAX_SAVED_NODES + 1)).fill(1);
  const foreign = encodeBencode({ "dht-state": 1, nodes: packed });
  assertEquals(tryDecodeDhtState(foreign)?.nodes.length, MAX_SAVED_NODES);
  const huge = new Uint8Array(64 * 1024);
  assertEquals(
    tryDecodeDhtState(encodeBencode({ "dht-state": 1, x: huge })),
    undefined,
  );
});

Deno.test("what is not valid in a state is left out", none, () => {
  const state = tryDecodeDhtState(encodeBencode({
    "dht-state": 1,
    id: new Uint8Array(19),
    id6: 5,
    nodes: new Uint8Array(40).fill(1),
    nodes6: [1],
    "saved-at": -5,
  }));
  assertEquals(state, {
    id: undefined,
    id6: undefined,
    nodes: [{
      id: new Uint8Array(20).fill(1),
      address: { hostname: "1.1.1.1", port: 257 },
    }],
    nodes6: [],
    savedAt: 0,
  });
  for (const junk of [{ "dht-state": 2 }, {}, [1], 7]) {
    assertEquals(tryDecodeDhtState(encodeBencode(junk)), undefined);
  }
});

Deno.test("only nodes of their family are saved", none, () => {
  const [good] = contacts(1, 4);
  const bad = [
    { id: good!.id, address: { hostname: "a.example", port: 1 } },
    { id: good!.id, address: { hostname: "::1", port: 1 } },
    { id: good!.id, address: { hostname: "1.2.3.4", port: 0 } },
  ];
  const bytes = encodeDhtState({
    nodes: [...bad, good!],
    nodes6: [],
    savedAt: 0,
  });
  assertEquals(tryDecodeDhtState(bytes)?.nodes, [good!]);
  const id = new Uint8Array(3);
  assertThrows(
    () => encodeDhtState({ id, nodes: [], nodes6: [], savedAt: 0 }),
    RangeError,
    "3 bytes",
  );
  assert(bytes.length < 100);
});
