import { assertEquals } from "@std/assert";
import { fromByteString } from "../../_shared/bytes.ts";
import {
  addressFilter,
  directionFilter,
  ExtensionBits,
  extensionFilter,
  type FilterDecision,
  type HandshakeFacts,
  HandshakeFilters,
  infoHashFilter,
  IpSet,
  peerIdFilter,
  protocolFilter,
} from "../../handshake/mod.ts";

const none = { permissions: "none" } as const;
const early: HandshakeFacts = {
  direction: "inbound",
  address: { hostname: "192.0.2.9", port: 6881 },
};
const complete: HandshakeFacts = {
  ...early,
  protocol: "BitTorrent protocol",
  infoHash: new Uint8Array(20).fill(1),
  extensions: ExtensionBits.of("fast", "dht"),
  peerId: fromByteString("-TR4060-abcdefghijkl"),
};

function decide(
  decisions: FilterDecision[],
  facts: HandshakeFacts,
  precedence: "block" | "allow" = "block",
): string {
  const filters = decisions.map((decision) => () => decision);
  return new HandshakeFilters({ filters, precedence }).decide(facts);
}

Deno.test("a block beats an allow unless asked otherwise", none, () => {
  assertEquals(decide(["allow", "block", "pass"], early), "block");
  assertEquals(decide(["block", "allow"], complete), "block");
  assertEquals(decide(["allow", "block"], early, "allow"), "allow");
  assertEquals(decide(["block", "need-data"], early), "block");
  assertEquals(decide(["block", "need-data"], early, "allow"), "need-data");
  assertEquals(decide(["block", "need-data"], complete, "allow"), "block");
  assertEquals(decide(["allow", "need-data"], early), "need-data");
  assertEquals(decide(["allow", "need-data"], complete), "allow");
  assertEquals(decide(["block"], early, "allow"), "block");
});

Deno.test("without an opinion the rest is let in or not", none, () => {
  assertEquals(decide([], early), "allow");
  assertEquals(decide(["pass"], complete), "allow");
  assertEquals(decide(["need-data"], complete), "allow");
  const closed = new HandshakeFilters({ otherwise: "block" });
  assertEquals(closed.decide(early), "block");
  const filter = () => "pass" as const;
  closed.add(filter);
  assertEquals(closed.decide(early), "need-data");
  assertEquals(closed.decide(complete), "block");
});

Deno.test("filters come and go at run time", none, () => {
  const filters = new HandshakeFilters();
  const ban = () => "block" as const;
  filters.add(ban).add(ban);
  assertEquals(filters.decide(early), "block");
  assertEquals(filters.remove(ban), true);
  assertEquals(filters.remove(ban), false);
  assertEquals(filters.decide(early), "allow");
  filters.add(ban).add(() => "allow").precedence = "allow";
  assertEquals(filters.decide(early), "allow");
});

Deno.test(
  "each ready-made filter looks at its fact and waits for it",
  none,
  () => {
    const own = complete.infoHash!;
    const hits = [
      addressFilter(new IpSet(["192.0.2.0/24"])),
      protocolFilter(["BitTorrent protocol"]),
      infoHashFilter([own]),
      peerIdFilter(["-XL", "-TR"]),
      extensionFilter(["fast", "dht"]),
      directionFilter("inbound"),
    ];
    const misses = [
      addressFilter(new IpSet(["192.0.3.0/24"])),
      protocolFilter(["chat"]),
      infoHashFilter([new Uint8Array(20)]),
      peerIdFilter(["-XL"]),
      extensionFilter(["fast", "v2-upgrade"]),
      directionFilter("outbound"),
    ];
    assertEquals(
      hits.map((filter) => filter(complete)),
      Array(6).fill("block"),
    );
    assertEquals(
      misses.map((filter) => filter(complete)),
      Array(6).fill("pass"),
    );
    assertEquals(hits.map((filter) => filter(early)), [
      "block",
      "need-data",
      "need-data",
      "need-data",
      "need-data",
      "block",
    ]);
    const name = { ...early, address: { hostname: "peer.example", port: 1 } };
    assertEquals(hits[0]!(name), "need-data");
    const options = { match: "allow", miss: "block" } as const;
    const only = infoHashFilter([own], options);
    assertEquals(only(complete), "allow");
    assertEquals(only({ ...complete, infoHash: new Uint8Array(20) }), "block");
  },
);

Deno.test("an address ban holds against a hash that is allowed", none, () => {
  const filters = new HandshakeFilters();
  filters.add(infoHashFilter([complete.infoHash!], { match: "allow" }));
  filters.add(addressFilter(new IpSet(["192.0.2.9"])));
  assertEquals(filters.decide(early), "block");
  assertEquals(filters.decide(complete), "block");
  filters.precedence = "allow";
  assertEquals(filters.decide(early), "need-data");
  assertEquals(filters.decide(complete), "allow");
});
