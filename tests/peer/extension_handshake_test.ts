import { assert, assertEquals, assertThrows } from "@std/assert";
import { encodeBencode } from "../../bencode/mod.ts";
import { tryFromHex } from "../../_shared/bytes.ts";
import {
  decodeExtensionHandshake,
  decodePeerMessage,
  encodeExtensionHandshake,
  type ExtensionHandshake,
  PeerProtocolError,
} from "../../peer/mod.ts";
import { ExtensionRegistry } from "../../peer/extension_registry.ts";
import { MAX_METADATA_SIZE } from "../../peer/ut_metadata.ts";
import { MAX_EXTENSIONS } from "../../peer/limits.ts";
import { vectorTest } from "../support/protocol_vectors.ts";

const none = { permissions: "none" } as const;

vectorTest("extension", (vector) => {
  const message = decodePeerMessage(tryFromHex(vector.hex)!);
  assert(message.type === "extended" && message.id === 0);
  if (vector.expected !== undefined) {
    const error = assertThrows(
      () => decodeExtensionHandshake(message.payload),
      PeerProtocolError,
    );
    assertEquals(error.code, "malformed");
    return;
  }
  const handshake = decodeExtensionHandshake(message.payload);
  const ids = Object.fromEntries(handshake.messageIds);
  switch (vector.name) {
    case "handshake-recorded":
      assertEquals(ids["ut_metadata"], 2);
      assertEquals(ids["lt_donthave"], 7);
      assertEquals(handshake.requestQueue, 500);
      assertEquals(handshake.uploadOnly, true);
      assertEquals(handshake.completeAgo, 22934);
      assertEquals(handshake.yourIp, Uint8Array.of(127, 0, 0, 1));
      assertEquals(handshake.clientVersion, "qBittorrent/4.4.0alpha1");
      break;
    case "handshake-bep10":
      assertEquals(ids, { LT_metadata: 1, ut_pex: 2 });
      assertEquals(handshake.listenPort, 6881);
      assertEquals(handshake.clientVersion, "µTorrent 1.2");
      break;
    case "handshake-bad-metadata-size":
      assertEquals(handshake.metadataSize, undefined);
      break;
    case "handshake-id-range":
      assertEquals(ids, {});
      break;
    case "handshake-m-string":
    case "handshake-empty":
      assertEquals(handshake.messageIds.size, 0);
      break;
    case "handshake-dup-ids":
      assertEquals(ids, { ut_metadata: 1, ut_pex: 1 });
      break;
    default:
      throw new Error("Unknown vector");
  }
});

const full: ExtensionHandshake = {
  messageIds: new Map([["ut_metadata", 3], ["ut_pex", 0], ["µ", 255]]),
  clientVersion: "bip 0.1 ☃",
  listenPort: 6881,
  requestQueue: 500,
  metadataSize: 31_235,
  uploadOnly: true,
  yourIp: Uint8Array.of(10, 0, 0, 1),
  ipv4: Uint8Array.of(1, 2, 3, 4),
  ipv6: new Uint8Array(16).fill(7),
  completeAgo: 12,
};

Deno.test("extension handshakes round-trip", none, () => {
  assertEquals(decodeExtensionHandshake(encodeExtensionHandshake(full)), full);
  const bytes = encodeExtensionHandshake(full);
  for (let end = 0; end < bytes.length; end++) {
    assertThrows(
      () => decodeExtensionHandshake(bytes.subarray(0, end)),
      PeerProtocolError,
    );
  }
});

Deno.test("fields out of their range are clamped or absent", none, () => {
  const decode = (fields: Record<string, number | string | Uint8Array>) =>
    decodeExtensionHandshake(encodeBencode(fields));
  assertEquals(decode({ reqq: 0 }).requestQueue, 1);
  assertEquals(decode({ reqq: -5 }).requestQueue, 1);
  assertEquals(decode({ reqq: 2 ** 31 }).requestQueue, 2_000);
  assertEquals(decode({ p: 0 }).listenPort, undefined);
  assertEquals(decode({ p: 65_536 }).listenPort, undefined);
  assertEquals(decode({ metadata_size: 0 }).metadataSize, undefined);
  assertEquals(
    decode({ metadata_size: MAX_METADATA_SIZE }).metadataSize,
    MAX_METADATA_SIZE,
  );
  assertEquals(
    decode({ metadata_size: MAX_METADATA_SIZE + 1 }).metadataSize,
    undefined,
  );
  assertEquals(decode({ yourip: new Uint8Array(5) }).yourIp, undefined);
  assertEquals(decode({ v: "x".repeat(500) }).clientVersion?.length, 128);
  assertEquals(decode({ v: 5 }).clientVersion, undefined);
});

Deno.test("a deep or huge handshake is refused", none, () => {
  const deep = new TextEncoder().encode(
    "d1:m" + "l".repeat(50) + "e".repeat(50) + "e",
  );
  assertThrows(() => decodeExtensionHandshake(deep), PeerProtocolError);
  const codes = [65_536, 65_537].map((length) =>
    assertThrows(
      () => decodeExtensionHandshake(new Uint8Array(length)),
      PeerProtocolError,
    ).code
  );
  assertEquals(codes, ["malformed", "too-long"]);
  const m = new Map<string, number>();
  for (let i = 0; i < 300; i++) m.set(`x${String(i).padStart(3, "0")}`, 1);
  const many = decodeExtensionHandshake(encodeBencode(new Map([["m", m]])));
  assertEquals(many.messageIds.size, MAX_EXTENSIONS);
});

Deno.test("ids beyond a byte are a caller's mistake", none, () => {
  assertThrows(
    () => encodeExtensionHandshake({ messageIds: new Map([["x", 256]]) }),
    RangeError,
  );
});

Deno.test("the registry is additive and id 0 removes", none, () => {
  const registry = new ExtensionRegistry(["a", "b", "c"]);
  assertEquals([...registry.localIds], [["a", 1], ["b", 2], ["c", 3]]);
  assertEquals(registry.nameOf(0), undefined);
  assertEquals(registry.nameOf(3), "c");
  assertEquals(registry.nameOf(4), undefined);
  registry.applyRemote(new Map([["a", 9], ["z", 4]]));
  registry.applyRemote(new Map([["b", 7]]));
  assertEquals([registry.remoteId("a"), registry.remoteId("b")], [9, 7]);
  registry.applyRemote(new Map([["a", 0], ["b", 8]]));
  assertEquals([registry.remoteId("a"), registry.remoteId("b")], [
    undefined,
    8,
  ]);
  const many = Array.from({ length: 500 }, (_, i) => `n${i}`);
  registry.applyRemote(new Map(many.map((name) => [name, 1])));
  const known = ["z", "b", ...many].filter((name) => registry.remoteId(name));
  assertEquals(known.length, MAX_EXTENSIONS);
  assertThrows(() => new ExtensionRegistry(["a", "a"]), RangeError);
});

Deno.test("extension names of up to 64 bytes are kept", none, () => {
  const name = "n".repeat(64);
  const bytes = encodeBencode({ m: { [name]: 1, [`${name}n`]: 2 } });
  const { messageIds } = decodeExtensionHandshake(bytes);
  assertEquals([...messageIds], [[name, 1]]);
});
