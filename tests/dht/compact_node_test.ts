import { assertEquals, assertThrows } from "@std/assert";
import { concatBytes } from "../../_shared/bytes.ts";
import {
  compactNodeLength,
  decodeCompactNodes,
  tryEncodeCompactNode,
} from "../../dht/compact_node.ts";

const none = { permissions: "none" } as const;
const id = Uint8Array.from({ length: 20 }, (_, i) => i);

Deno.test("nodes come back from their compact form", none, () => {
  for (const family of [4, 6] as const) {
    const hostname = family === 4 ? "192.0.2.7" : "2001:db8::7";
    const contact = { id, address: { hostname, port: 6881 } };
    const bytes = tryEncodeCompactNode(id, contact.address)!;
    assertEquals(bytes.length, compactNodeLength(family));
    const list = concatBytes([bytes, bytes, bytes]);
    assertEquals(decodeCompactNodes(list, family), [contact, contact, contact]);
    assertEquals(decodeCompactNodes(list, family, 2).length, 2);
    for (let end = 0; end < list.length; end++) {
      const { length } = decodeCompactNodes(list.subarray(0, end), family);
      assertEquals(length, Math.floor(end / bytes.length));
    }
  }
});

Deno.test(
  "ids are copies, port 0 is left out, mapped IPv4 is IPv4",
  none,
  () => {
    const bytes = tryEncodeCompactNode(id, {
      hostname: "::ffff:1.2.3.4",
      port: 1,
    })!;
    assertEquals(bytes.length, 26);
    const [node] = decodeCompactNodes(bytes, 4);
    bytes.fill(0);
    assertEquals(node!.id, id);
    assertEquals(decodeCompactNodes(bytes, 4), []);
    assertEquals(
      tryEncodeCompactNode(id, { hostname: "a.example", port: 1 }),
      undefined,
    );
    assertThrows(
      () =>
        tryEncodeCompactNode(id.subarray(1), { hostname: "1.2.3.4", port: 1 }),
      RangeError,
      "19 bytes",
    );
  },
);
