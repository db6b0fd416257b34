import { assertEquals } from "@std/assert";
import { peerPriority } from "../../../client/peers/candidate.ts";

/** The examples of BEP 40, and pairs worked out by its rule. */
const CASES: [string, number, string, number, number | undefined][] = [
  ["123.213.32.10", 0, "98.76.54.32", 0, 0xec2d7224],
  ["123.213.32.10", 0, "123.213.32.234", 0, 0x99568189],
  ["123.213.32.234", 0, "123.213.32.234", 0, 0x48674bc7],
  ["192.0.2.1", 6881, "203.0.113.9", 51413, 0xd643d086],
  ["198.51.100.7", 1, "198.51.100.8", 2, 0x9b7e31bb],
  ["198.51.100.7", 1, "2001:db8::1", 2, undefined],
  ["example.org", 1, "2001:db8::1", 2, undefined],
];

Deno.test("peerPriority() agrees with BEP 40 and is symmetric", {
  permissions: "none",
}, () => {
  for (const [a, portA, b, portB, expected] of CASES) {
    const ours = { hostname: a, port: portA };
    const theirs = { hostname: b, port: portB };
    assertEquals(peerPriority(ours, theirs), expected);
    assertEquals(peerPriority(theirs, ours), expected);
  }
});

const vectors = new URL(
  "../../../../shared/data/vectors.json",
  import.meta.url,
);
let present = true;
try {
  Deno.statSync(vectors);
} catch {
  present = false;
}

Deno.test({
  name: "peerPriority() agrees with the shared vectors",
  ignore: !present,
  async fn() {
    interface Vector {
      group: string;
      name: string;
      client: [string, number];
      peer: [string, number];
      priority: string;
    }
    const list: Vector[] = JSON.parse(await Deno.readTextFile(vectors));
    const chosen = list.filter((vector) => vector.group === "bep40-priority");
    assertEquals(chosen.length > 5, true);
    for (const { name, client, peer, priority } of chosen) {
      const result = peerPriority(
        { hostname: client[0], port: client[1] },
        { hostname: peer[0], port: peer[1] },
      );
      assertEquals(result, parseInt(priority, 16), name);
    }
  },
});
