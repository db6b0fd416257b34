import { assertEquals, assertThrows } from "@std/assert";
import { encodeBencode } from "../../bencode/mod.ts";
import { formatEndpoint } from "../../_shared/address.ts";
import { toHex, tryFromHex } from "../../_shared/bytes.ts";
import { PeerProtocolError, PEX_FLAG, type PexPeer } from "../../peer/mod.ts";
import { decodeUtPex, encodeUtPex } from "../../peer/ut_pex.ts";
import { MAX_PEX_ENTRIES, PEX_SEND_ENTRIES } from "../../peer/limits.ts";
import { vectorTest } from "../support/protocol_vectors.ts";

const none = { permissions: "none" } as const;

vectorTest("ut_pex", (vector) => {
  const message = decodeUtPex(tryFromHex(vector.hex)!);
  if (vector.name === "all-fields") {
    const added = vector.added as string[];
    const added6 = vector.added6 as string[];
    assertEquals(message.added.map(formatEndpoint), [...added, ...added6]);
    assertEquals(
      toHex(Uint8Array.from(message.added.slice(0, 2), (p) => p.flags!)),
      vector.added_flags as string,
    );
    assertEquals(message.dropped.map(formatEndpoint), [
      ...vector.dropped as string[],
      ...vector.dropped6 as string[],
    ]);
    assertEquals(decodeUtPex(encodeUtPex(message)), message);
  } else if (vector.name === "flags-mismatch") {
    assertEquals(message.added.map((p) => p.flags), [1, 0]);
  } else assertEquals(message, { added: [], dropped: [] });
});

const peer = (i: number): PexPeer => ({
  hostname: `10.0.${i >> 8}.${i & 255}`,
  port: 1 + i,
  flags: PEX_FLAG.seed,
});

Deno.test("no more than 50 are sent and 100 are read", none, () => {
  const many = Array.from({ length: 300 }, (_, i) => peer(i));
  const sent = decodeUtPex(encodeUtPex({ added: many, dropped: many }));
  assertEquals(sent.added.length, PEX_SEND_ENTRIES);
  assertEquals(sent.dropped.length, PEX_SEND_ENTRIES);
  const flood = decodeUtPex(
    encodeBencode({ added: new Uint8Array(6 * 300).fill(9) }),
  );
  assertEquals(flood.added.length, MAX_PEX_ENTRIES);
});

Deno.test(
  "both families there and back; what there is none of is left out",
  none,
  () => {
    const four = { hostname: "1.2.3.4", port: 6881, flags: PEX_FLAG.seed };
    const six = { hostname: "2001:db8::1", port: 1, flags: PEX_FLAG.utp };
    const bare = ({ hostname, port }: PexPeer) => ({ hostname, port });
    for (
      const message of [
        { added: [four], dropped: [] },
        { added: [four, six], dropped: [bare(four), bare(six)] },
        { added: [six], dropped: [bare(six)] },
      ]
    ) {
      const bytes = encodeUtPex(message);
      assertEquals(decodeUtPex(bytes), message);
      const text = new TextDecoder("latin1").decode(bytes);
      const hasSix = message.added.includes(six);
      assertEquals(/6:added6/.test(text), hasSix);
      assertEquals(/8:added6\.f/.test(text), hasSix);
      assertEquals(/8:dropped6/.test(text), message.dropped.length > 0);
    }
  },
);

Deno.test("port 0 and partial entries are left out", none, () => {
  const message = decodeUtPex(encodeBencode({
    added: Uint8Array.of(1, 2, 3, 4, 0, 0, 1, 2, 3, 4, 0, 1, 9, 9),
    dropped: 7,
  }));
  assertEquals(message.added, [{ hostname: "1.2.3.4", port: 1, flags: 0 }]);
  assertEquals(message.dropped, []);
});

Deno.test("names are not sent; prefixes are refused", none, () => {
  const bytes = encodeUtPex({
    added: [peer(1), { hostname: "example.org", port: 1 }],
    dropped: [],
  });
  assertEquals(decodeUtPex(bytes).added.length, 1);
  for (let end = 0; end < bytes.length; end++) {
    assertThrows(() => decodeUtPex(bytes.subarray(0, end)), PeerProtocolError);
  }
});
