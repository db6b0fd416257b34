import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { fromByteString, toByteString } from "../../_shared/bytes.ts";
import { randomBytes, seededRandom } from "../../_shared/random.ts";
import {
  createPeerId,
  formatPeerId,
  identifyPeerId,
} from "../../handshake/mod.ts";

const none = { permissions: "none" } as const;

Deno.test("our ids name us and differ in 12 bytes", none, () => {
  const random = seededRandom(1);
  const a = createPeerId(random);
  const b = createPeerId(random);
  assertEquals(a.length, 20);
  assertEquals(toByteString(a.subarray(0, 8)), "-DB0100-");
  assertEquals(toByteString(b.subarray(0, 8)), "-DB0100-");
  let different = 0;
  for (let i = 8; i < 20; i++) if (a[i] !== b[i]) different++;
  assertEquals(different > 8, true);
  assertEquals(identifyPeerId(a), { name: "bip for Deno", version: "0.1.0" });
});

Deno.test("a prefix has at most 20 bytes", none, () => {
  const random = seededRandom(2);
  const full = "x".repeat(20);
  assertEquals(toByteString(createPeerId(random, { prefix: full })), full);
  const prefix = "x".repeat(21);
  assertThrows(() => createPeerId(random, { prefix }), RangeError);
});

const KNOWN: [start: string, name: string, version?: string][] = [
  ["-TR4060-", "Transmission", "4.0.6"],
  ["-TR400Z-", "Transmission", "4.0.0+"],
  ["-LT20B0-", "libtorrent", "2.0.11"],
  ["-lt0D80-", "libTorrent (rTorrent)", "0.13.8"],
  ["-qB4650-", "qBittorrent", "4.6.5"],
  ["-TR400B-", "Transmission", "4.0.0 beta"],
  ["-TR4A00-", "Transmission", "4.10.0"],
  ["-TR3000-", "Transmission", "3.00"],
  ["-TR2940-", "Transmission", "2.94"],
  ["-TR133X-", "Transmission", "1.33+"],
  ["-TR0072-", "Transmission", "0.72"],
  ["-TR0006-", "Transmission", "0.6"],
  ["-DE211s-", "Deluge", "2.1.1"],
  ["-DE13D0-", "Deluge", "1.3.13"],
  ["-DE200b-", "Deluge", "2.0.0 beta"],
  ["-UT3560-", "µTorrent", "3.5.6"],
  ["-UT355W-", "µTorrent", "3.5.5"],
  ["-UT341B-", "µTorrent", "3.4.1 beta"],
  ["-WW0300-", "WebTorrent", "3.0"],
  ["-WW0107-", "WebTorrent", "1.7"],
  ["-WW1012-", "WebTorrent", "10.12"],
  ["-WD0024-", "WebTorrent Desktop", "0.24"],
  ["-BI3500-", "BiglyBT", "3.5.0"],
  ["-qB4250-", "qBittorrent", "4.2.5"],
  ["-qB33A0-", "qBittorrent", "3.3.10"],
  ["-rQ0001-", "rqbit", "0.0.0.1"],
  ["-BC0201-", "BitComet", "2.01"],
  ["-TX0217-", "Tixati", "2.17"],
  ["-KT33D1-", "KTorrent", "3.3 dev 1"],
  ["-KT5120-", "KTorrent", "5.1.2"],
  ["-PI0250-", "PicoTorrent", "0.25.0"],
  ["-MG21A0-", "MediaGet", "2.1"],
  ["-LW0001-", "LimeWire"],
  ["-AZ2060-", "Vuze", "2.0.6"],
  ["-ZZ1234-", "ZZ", "1.2.3.4"],
  ["A2-1-36-0-", "aria2", "1.36.0"],
  ["M4-3-6--", "BitTorrent", "4.3.6"],
  ["M7-10-8--", "BitTorrent", "7.10.8"],
  ["Q1-10-0-", "Queen Bee", "1.10.0"],
  ["S58B-----", "Shadow's client", "5.8.11"],
  ["T03I-----", "BitTornado", "0.3.18"],
  ["exbc\x00\x3b", "BitComet", "0.59"],
  ["exbc\x01\x04LORD", "BitLord", "1.04"],
  ["XBT054d-", "XBT Client", "0.5.4"],
  ["OP7685abcdef0123", "Opera", "build 7685"],
  ["-ML2.7.2-kgjjfkd", "MLDonkey", "2.7.2"],
  ["-BOWA0C-", "Bits on Wheels", "A0C"],
  ["AZ2500BT", "BitTyrant", "1.1"],
  ["346------", "TorrenTopia", "1.90"],
  ["-FG0180", "FlashGet", "1.80"],
  ["-G3nick", "G3 Torrent"],
  ["\0\x03BS", "BitSpirit", "3"],
  ["06RS", "Rufus", "0.6"],
];

Deno.test("clients of BEP 20 are recognised", none, () => {
  for (const [start, name, version] of KNOWN) {
    const id = fromByteString(start.padEnd(20, "~"));
    assertEquals(
      identifyPeerId(id),
      version === undefined ? { name } : { name, version },
      start,
    );
  }
});

Deno.test("anything else is not recognised and never throws", none, () => {
  for (
    const start of ["", "-", "-ZZ12345", "hello world", "M4-3", "S---------"]
  ) {
    const id = fromByteString(start.padEnd(20, "~"));
    assertEquals(identifyPeerId(id), undefined, start);
  }
  assertEquals(identifyPeerId(new Uint8Array(19)), undefined);
  assertEquals(identifyPeerId(new Uint8Array(0)), undefined);
  const random = seededRandom(3);
  for (let i = 0; i < 2000; i++) {
    const id = randomBytes(random, 20);
    identifyPeerId(id);
    assertMatch(formatPeerId(id), /^[!-~]+$/);
  }
});

Deno.test("an id is shown without control characters", none, () => {
  assertEquals(
    formatPeerId(fromByteString("-TR4060-a\x1b[0m%\xff")),
    "-TR4060-a%1b[0m%25%ff",
  );
});
