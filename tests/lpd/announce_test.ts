import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  concatBytes,
  encodeText,
  fromByteString,
  toByteString,
  toHex,
  tryFromHex,
} from "../../_shared/bytes.ts";
import { randomBytes, randomInt, seededRandom } from "../../_shared/random.ts";
import {
  encodeLpdAnnounce,
  hashServiceName,
  MAX_LPD_LENGTH,
  tryDecodeLpdAnnounce,
} from "../../lpd/mod.ts";
import { vectorTest } from "../support/protocol_vectors.ts";

const none = { permissions: "none" } as const;
const infoHash = new Uint8Array(20).fill(0xab);
const hex = "ab".repeat(20);

vectorTest("lsd", (vector) => {
  const bytes = tryFromHex(vector.hex)!;
  const announce = tryDecodeLpdAnnounce(bytes);
  if (vector.expected === "ignore") {
    assertEquals(announce, undefined, vector.name);
    return;
  }
  assertEquals(announce?.port as unknown, vector.port);
  assertEquals(
    announce?.infoHashes.map(toHex) as unknown,
    vector.info_hashes,
  );
  if (vector.name !== "two") return;
  const { port, infoHashes } = announce!;
  const again = encodeLpdAnnounce({ family: 6, port, infoHashes });
  assertEquals(toHex(again), vector.hex);
});

Deno.test("an announce has the form of BEP 14", none, () => {
  const infoHashes = [infoHash];
  assertEquals(
    toByteString(encodeLpdAnnounce({ port: 6881, infoHashes, cookie: "c0" })),
    "BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 6881\r\n" +
      `Infohash: ${hex}\r\ncookie: c0\r\n\r\n\r\n`,
  );
  const v6 = encodeLpdAnnounce({ family: 6, port: 1, infoHashes });
  assertEquals(tryDecodeLpdAnnounce(v6), {
    host: "[ff15::efc0:988f]:6771",
    port: 1,
    infoHashes,
  });
});

Deno.test("generated announces survive a round trip", none, () => {
  const seed = 21;
  const random = seededRandom(seed);
  for (let i = 0; i < 300; i++) {
    const fields = {
      port: 1 + randomInt(random, 65535),
      infoHashes: Array.from(
        { length: 1 + randomInt(random, 25) },
        () => randomBytes(random, 20),
      ),
      cookie: toHex(randomBytes(random, 4)),
    };
    const bytes = encodeLpdAnnounce(fields);
    assert(bytes.length <= MAX_LPD_LENGTH);
    const { host: _, ...announce } = tryDecodeLpdAnnounce(bytes)!;
    assertEquals(announce, fields, `seed ${seed}, case ${i}`);
  }
});

Deno.test("every prefix decodes to nothing or to less", none, () => {
  const infoHashes = [infoHash, new Uint8Array(20)];
  const bytes = encodeLpdAnnounce({ port: 6881, infoHashes });
  const seen = new Set<number>();
  for (let length = 0; length <= bytes.length; length++) {
    const announce = tryDecodeLpdAnnounce(bytes.subarray(0, length));
    for (const hash of announce?.infoHashes ?? []) {
      assert(infoHashes.some((own) => toHex(own) === toHex(hash)));
    }
    if (announce !== undefined) assertEquals(announce.port, 6881);
    seen.add(announce?.infoHashes.length ?? 0);
  }
  assertEquals([...seen], [0, 1, 2]);
});

function decode(text: string) {
  return tryDecodeLpdAnnounce(encodeText(text));
}
const head = "BT-SEARCH * HTTP/1.1\r\n";
const port = "Port: 6881\r\n";
const line = `Infohash: ${hex}\r\n`;

Deno.test("what others write differently is understood", none, () => {
  for (
    const text of [
      `${head}PORT:6881\r\ninfoHash:   ${hex.toUpperCase()}  \r\n\r\n`,
      `${head}${port}${line}`,
      `${head}${line}X-Thing: 5\r\nno colon\r\n${port}\r\n`,
      (head + port + line).replaceAll("\r\n", "\n"),
      `${head}${port}${line}${line}Infohash: ${hex.toUpperCase()}\r\n`,
      `${head}${port}Infohash: 12\r\nInfohash: ${"g".repeat(40)}\r\n${line}`,
      `${head}${port}${line}\r\nInfohash: ${"0".repeat(40)}\r\n`,
      `${head}${port}Port: 1\r\n${line}`,
    ]
  ) {
    const announce = decode(text);
    assertEquals(announce?.port, 6881, text);
    assertEquals(announce?.infoHashes, [infoHash], text);
  }
  assertEquals(decode(`${head}${port}${line}Cookie: a\r\n`)?.cookie, "a");
  assertEquals(decode(`${head}${port}${line}`)?.cookie, undefined);
});

Deno.test("nonsense is ignored", none, () => {
  for (
    const text of [
      "",
      "\r\n",
      head,
      head + port,
      head + line,
      `${head}\r\n${port}${line}`,
      `GET / HTTP/1.1\r\n${port}${line}`,
      `BT-SEARCH * HTTP/1.0\r\n${port}${line}`,
      ` ${head}${port}${line}`,
      `${head}Port: 0\r\n${line}`,
      `${head}Port: 65536\r\n${line}`,
      `${head}Port: -1\r\n${line}`,
      `${head}Port: 1e3\r\n${line}`,
      `${head}Port: 0x10\r\n${line}`,
      `${head}Port:\r\n${line}`,
      `${head}Port: x\r\n${port}${line}`,
      `${head}${port}Infohash: ${hex}0\r\n`,
      `${head}${port}Infohash: ${hex.slice(1)}\r\n`,
    ]
  ) assertEquals(decode(text), undefined, text);
});

Deno.test("one byte too many is too long", none, () => {
  const start = `${head}${port}${line}X: `;
  const full = start + "x".repeat(MAX_LPD_LENGTH - start.length);
  assert(decode(full) !== undefined);
  assertEquals(decode(full + "x"), undefined);
  const infoHashes = Array.from(
    { length: 26 },
    (_, i) => hashServiceName(`${i}`),
  );
  assertThrows(
    () => encodeLpdAnnounce({ port: 1, infoHashes, cookie: "12345678" }),
    RangeError,
  );
});

Deno.test("impossible fields are a RangeError", none, () => {
  const infoHashes = [infoHash];
  for (const port of [0, 65536, 1.5, NaN]) {
    assertThrows(() => encodeLpdAnnounce({ port, infoHashes }), RangeError);
  }
  for (
    const bad of [[], [new Uint8Array(19)], [infoHash, new Uint8Array(32)]]
  ) {
    assertThrows(
      () => encodeLpdAnnounce({ port: 1, infoHashes: bad }),
      RangeError,
    );
  }
  for (const cookie of ["", "a b", "a\r\nPort: 1", "\u00e9"]) {
    assertThrows(
      () => encodeLpdAnnounce({ port: 1, infoHashes, cookie }),
      RangeError,
    );
  }
});

Deno.test("random bytes never throw", none, () => {
  const random = seededRandom(4);
  for (let i = 0; i < 2000; i++) {
    const tail = randomBytes(random, randomInt(random, 200));
    tryDecodeLpdAnnounce(tail);
    tryDecodeLpdAnnounce(concatBytes([fromByteString(head), tail]));
  }
});

Deno.test("a service name is hashed as UTF-8 with SHA-1", none, () => {
  assertEquals(
    toHex(hashServiceName("abc")),
    "a9993e364706816aba3e25717850c26c9cd0d89d",
  );
});
