import { assert, assertEquals, assertThrows } from "@std/assert";
import { formatMagnet, MagnetError } from "../../metainfo/magnet.ts";
import {
  cleanMagnetText,
  parseMagnet,
  tryParseInfoHash,
} from "../../metainfo/parse_magnet.ts";
import { formatEndpoint } from "../../_shared/address.ts";
import { decodeTextLossy, toHex, tryFromHex } from "../../_shared/bytes.ts";
import { randomBytes, randomInt, seededRandom } from "../../_shared/random.ts";
import { loadEntries } from "./_data.ts";

const pure = { permissions: "none" } as const;
const V1 = "cd".repeat(20);
const V2 = "ab".repeat(32);
const BASE = `magnet:?xt=urn:btih:${V1}`;
const entries = loadEntries("magnets.json");

/** Where we differ from the data set's oracle, and why. */
const DEPARTURES: Record<string, string> = {
  "v2 hash of the right length that is not hex":
    "refused: there is no hash, the oracle overlooks it",
  "40 characters, not hex":
    "refused: there is no hash, the oracle overlooks it",
  "an escaped IPv6 peer":
    "accepted: percent-encoding is legal in every value of a URI",
};

function assertFixpoint(text: string) {
  const magnet = parseMagnet(text);
  const formatted = formatMagnet(magnet);
  const again = parseMagnet(formatted);
  assertEquals(again, magnet, text);
  assertEquals(formatMagnet(again), formatted);
}

Deno.test({
  name: `magnet: agrees with the data set${entries.length ? "" : " (no data)"}`,
  ignore: entries.length === 0,
  ...pure,
  fn() {
    let parsed = 0;
    const departed = new Set<string>();
    for (const entry of entries) {
      const uri = entry.uri as string;
      const what = entry.what as string;
      let magnet;
      try {
        magnet = parseMagnet(uri);
      } catch (error) {
        assert(error instanceof MagnetError, `${what}: ${error}`);
        if (entry.error === null) {
          assert(what in DEPARTURES, what);
          departed.add(what);
        }
        continue;
      }
      parsed++;
      assertEquals(entry.error, null, what);
      const { infoHashV1: v1, infoHashV2: v2 } = magnet;
      assertEquals(v1 ? toHex(v1) : null, entry.infohash_v1, what);
      assertEquals(v2 ? toHex(v2) : null, entry.infohash_v2, what);
      assertEquals(magnet.name ?? "", entry.name ?? "", what);
      assertEquals(magnet.trackers, entry.trackers, what);
      assertEquals(magnet.webSeeds, entry.web_seeds, what);
      const peers = magnet.peers.map(formatEndpoint);
      if (what in DEPARTURES) {
        assertEquals(peers, ["[2001:db8::1]:6881"]);
        departed.add(what);
      } else assertEquals(peers, entry.peers, what);
      assertEquals(magnet.nodes.map(formatEndpoint), entry.dht_nodes, what);
      assertEquals(magnet.selectOnly, entry.select_only, what);
      assertFixpoint(uri);
    }
    assert(parsed > 40);
    assertEquals(departed.size, Object.keys(DEPARTURES).length);
  },
});

Deno.test("parseMagnet: every field", pure, () => {
  const magnet = parseMagnet(
    `MAGNET:?xt.1=urn:BTIH:${V1.toUpperCase()}&xt.2=urn:btmh:1220${V2}` +
      "&xt=urn:sha1:ABC&dn=a+b%20c&dn=second&xl=123&tr.1=udp%3A%2F%2Fa&tr=http://b" +
      "&ws=http://w&xs=http://s&as=http://a&mt=http://m&kt=one+two&kt=three" +
      "&x.pe=1.2.3.4:5&x.pe=[::1]:6&x.pe=host.example:7&dht=router.example:6881" +
      "&so=5,1-3,2&x.foo=bar&flag",
  );
  assertEquals(magnet, {
    infoHash: tryFromHex(V1)!,
    infoHashV1: tryFromHex(V1)!,
    infoHashV2: tryFromHex(V2)!,
    name: "a b c",
    length: 123,
    trackers: ["udp://a", "http://b"],
    webSeeds: ["http://w"],
    exactSources: ["http://s"],
    acceptableSources: ["http://a"],
    manifests: ["http://m"],
    keywords: ["one", "two", "three"],
    peers: [
      { hostname: "1.2.3.4", port: 5 },
      { hostname: "::1", port: 6 },
      { hostname: "host.example", port: 7 },
    ],
    nodes: [{ hostname: "router.example", port: 6881 }],
    selectOnly: [1, 2, 3, 5],
    otherTopics: ["urn:sha1:ABC"],
    unknown: [["x.foo", "bar"], ["flag", ""]],
  });
  assertEquals(
    formatMagnet(magnet),
    `magnet:?xt=urn:btih:${V1}&xt=urn:btmh:1220${V2}&xt=urn:sha1:ABC` +
      "&dn=a%20b%20c&xl=123&tr=udp%3A%2F%2Fa&tr=http%3A%2F%2Fb&ws=http%3A%2F%2Fw" +
      "&as=http%3A%2F%2Fa&xs=http%3A%2F%2Fs&mt=http%3A%2F%2Fm&kt=one+two+three" +
      "&x.pe=1.2.3.4:5&x.pe=[::1]:6&x.pe=host.example:7&dht=router.example:6881" +
      "&so=1-3,5&x.foo=bar&flag",
  );
  assertFixpoint(formatMagnet(magnet));
});

Deno.test("parseMagnet: a v2 link is known by the truncated hash", pure, () => {
  const magnet = parseMagnet(`magnet:?xt=urn:btmh:1220${V2}`);
  assertEquals(toHex(magnet.infoHash), V2.slice(0, 40));
  assertEquals(magnet.infoHashV1, undefined);
});

Deno.test("parseMagnet: bad hashes", pure, () => {
  const bad = [
    "urn:btih:",
    `urn:btih:${V1}0`,
    `urn:btih:${V1.slice(1)}`,
    `urn:btih:${"+f".repeat(20)}`,
    `urn:btih:${"é".repeat(40)}`,
    `urn:btih:${"é".repeat(20)}`,
    `urn:btih:${"1".repeat(32)}`,
    `urn:btih:${V2}`,
    `urn:btmh:1220${V2}00`,
    `urn:btmh:1220${V2.slice(2)}`,
    `urn:btmh:1114${V1}`,
    `urn:btmh:${V2}`,
  ];
  for (const topic of bad) {
    for (const text of [topic, encodeURIComponent(topic)]) {
      const error = assertThrows(
        () => parseMagnet(`magnet:?xt=${text}`),
        MagnetError,
      );
      assertEquals(error.code, "bad-hash", topic);
    }
  }
  for (const other of [`btih:${"00".repeat(20)}`, `btih:${"ab".repeat(20)}`]) {
    const error = assertThrows(
      () => parseMagnet(`${BASE}&xt=urn:${other}`),
      MagnetError,
      "two different",
    );
    assertEquals(error.code, "bad-hash");
  }
  assertEquals(toHex(parseMagnet(`${BASE}&xt=urn:btih:${V1}`).infoHash), V1);
});

Deno.test("parseMagnet: error codes", pure, () => {
  const code = (text: string, options = {}) =>
    assertThrows(() => parseMagnet(text, options), MagnetError).code;
  assertEquals(code(""), "not-a-magnet");
  assertEquals(code("magnet:"), "not-a-magnet");
  assertEquals(code(` ${BASE}`), "not-a-magnet");
  assertEquals(code("magnet:?"), "missing-hash");
  assertEquals(code("magnet:?dn=x"), "missing-hash");
  assertEquals(code("magnet:?xt=urn:btih:%zz"), "missing-hash");
  assertEquals(code(BASE, { maxLength: BASE.length - 1 }), "too-long");
  assertEquals(
    toHex(parseMagnet(BASE, { maxLength: BASE.length }).infoHash),
    V1,
  );
});

Deno.test("parseMagnet: + is a space in dn and kt only", pure, () => {
  const magnet = parseMagnet(
    `${BASE}&dn=a+b%2Bc&kt.1=d+e%2Bf&tr=udp://t.example/a+b&x=1+1`,
  );
  assertEquals(magnet.name, "a b+c");
  assertEquals(magnet.keywords, ["d", "e+f"]);
  assertEquals(magnet.trackers, ["udp://t.example/a+b"]);
  assertEquals(magnet.unknown, [["x", "1+1"]]);
});

Deno.test("cleanMagnetText() takes off what copying adds", pure, () => {
  const link = `${BASE}&dn=b c&tr=udp://t.example:1&so=1,3`;
  for (
    const pasted of [
      link,
      ` \t\u200b${link}\r\n`,
      `\ufeff${link}\u00a0`,
      link.replaceAll("&", "\r\n  &"),
      link.replaceAll("&", " & "),
      link.replace("btih:", "btih:\n    "),
      link.replace("urn:", "u\u2028rn:"),
      link.replace("t.example", "t.exa \r\n\tmple"),
      link.replace("1,3", "1, 3\r"),
    ]
  ) assertEquals(cleanMagnetText(pasted), link, JSON.stringify(pasted));
  for (
    const pasted of [
      `<${link}>`,
      `"${link}"`,
      ` '${link}'\n`,
      link.replaceAll("&", "&amp;"),
      link.replaceAll("&", "&amp;amp;"),
      link.replaceAll("&", "&#38;"),
      link.replace("?", "//?"),
      link.replace("?", "/?"),
      link.replace("?", ""),
      link.replace("magnet", "MAGNET"),
      encodeURIComponent(link),
      // As zsh writes what is pasted, within quotes.
      link.replaceAll(/[?=&]/g, "\\$&"),
    ]
  ) assertEquals(cleanMagnetText(pasted), link, JSON.stringify(pasted));
  const named = `${BASE}&dn=a (b) "c"`;
  assertEquals(cleanMagnetText(named), named);
  assertEquals(cleanMagnetText(`${V1}\n`), BASE);
  assertEquals(
    cleanMagnetText("a".repeat(32)),
    `magnet:?xt=urn:btih:${"a".repeat(32)}`,
  );
  for (const text of [V2, `1220${V2}`, `urn:btmh:1220${V2}`]) {
    assertEquals(cleanMagnetText(text), `magnet:?xt=urn:btmh:1220${V2}`);
  }
  assertEquals(cleanMagnetText(" a.torrent "), "a.torrent");
  assertEquals(cleanMagnetText(" ".repeat(500_000)), "");
  assertEquals(cleanMagnetText('"'), '"');
  assertEquals(cleanMagnetText("magnet%3A%zz"), "magnet%3A%zz");
});

Deno.test("parseMagnet: bounds", pure, () => {
  const many = parseMagnet(`${BASE}${"&tr=a".repeat(100_000)}`);
  assertEquals(many.trackers.length, 1000);
  const kept = `${BASE}&ws=1&ws=2&ws=3&x.pe=a:1&x.pe=b:1&x.pe=c:1&u=1&u=2&u=3`;
  const few = parseMagnet(kept, { maxValues: 2 });
  assertEquals(few.webSeeds, ["1", "2"]);
  assertEquals(few.peers.length, 2);
  assertEquals(few.unknown.length, 2);
  assertEquals(parseMagnet(`${BASE}&so=0-4294967295`).selectOnly, []);
  assertEquals(parseMagnet(`${BASE}&so=10000,10001`).selectOnly, [10000]);
  assertEquals(
    parseMagnet(`${BASE}&so=0-3,4,3-5`, { maxFileIndex: 4 }).selectOnly,
    [0, 1, 2, 3, 4],
  );
  const start = performance.now();
  const text = `${BASE}&${"so=0-10000&".repeat(90_000)}`;
  assertEquals(parseMagnet(text).selectOnly.length, 10001);
  assertEquals(
    parseMagnet(`${BASE}&so=${"0-10000,".repeat(120_000)}`).selectOnly.length,
    10001,
  );
  assert(performance.now() - start < 5000);
});

Deno.test("parseMagnet: peers must be dialable", pure, () => {
  const bad = [
    "1.2.3.4",
    "1.2.3.4:0",
    "1.2.3.4:65536",
    "1.2.3.256:1",
    "::1:1",
    "[::g]:1",
    "<x>:1",
    "a b:1",
    "http://h:1",
    ":1",
    `${"a".repeat(254)}:1`,
  ];
  for (const text of bad) {
    const uri = `${BASE}&x.pe=${encodeURIComponent(text)}`;
    assertEquals(parseMagnet(uri).peers, [], text);
  }
  assertEquals(parseMagnet(`${BASE}&x.pe=1.2.3.4:65535`).peers, [
    { hostname: "1.2.3.4", port: 65535 },
  ]);
});

Deno.test("formatMagnet: refuses wrong hashes", pure, () => {
  assertEquals(
    assertThrows(() => formatMagnet({}), MagnetError).code,
    "missing-hash",
  );
  for (const length of [0, 19, 21, 32]) {
    const infoHashV1 = new Uint8Array(length);
    assertThrows(() => formatMagnet({ infoHashV1 }), MagnetError, "20");
  }
  for (const length of [0, 20, 31, 33]) {
    const infoHashV2 = new Uint8Array(length);
    assertThrows(() => formatMagnet({ infoHashV2 }), MagnetError, "32");
  }
  assertEquals(
    parseMagnet(
      formatMagnet({
        infoHashV1: new Uint8Array(20),
        name: "\ud800&=#%\u202e",
      }),
    ).name,
    "\ufffd&=#%\u202e",
  );
});

Deno.test("tryParseInfoHash: hex and base32", pure, () => {
  assertEquals(toHex(tryParseInfoHash(V1.toUpperCase())!), V1);
  assertEquals(toHex(tryParseInfoHash(V2)!), V2);
  const base32 = "ZOCMZQIPFFW7OLLMIC5HUB6BPCSDEOQU";
  const expected = "cb84ccc10f296df72d6c40ba7a07c178a4323a14";
  assertEquals(toHex(tryParseInfoHash(base32)!), expected);
  assertEquals(toHex(tryParseInfoHash(base32.toLowerCase())!), expected);
  for (
    const text of ["", "0", V1 + "0", `${V1}\n`, "g".repeat(40), "1".repeat(32)]
  ) {
    assertEquals(tryParseInfoHash(text), undefined);
  }
});

Deno.test(
  "magnet: parse, format, parse is a fixpoint on mangled links",
  pure,
  () => {
    const seed = 9053;
    const random = seededRandom(seed);
    const parts = [
      "&",
      "=",
      "%",
      "+",
      "%00",
      "%26",
      "%3D",
      "%ff",
      "%C3%A9",
      "é",
      "\ud800",
      "\u{1f600}",
      "tr",
      "tr.1",
      "TR.a",
      "xt",
      "urn:btih:",
      "urn:",
      "x.pe",
      "[::1]:1",
      "1.2.3.4:5",
      "so",
      "0-4",
      ",",
      "-",
      "9",
      "dn",
      "xl",
      "kt",
      "a b",
      "dht",
      "host:80",
      "ws",
      "as",
      "xs",
      "mt",
      "foo",
      "#",
      "?",
      " ",
      "'",
      '"',
      "\n",
      ".",
      "/",
      ":",
    ];
    let parsed = 0;
    for (let round = 0; round < 20_000; round++) {
      let text = randomInt(random, 20) === 0 ? BASE : `${BASE}&`;
      const length = randomInt(random, 24);
      for (let i = 0; i < length; i++) {
        text += parts[randomInt(random, parts.length)];
        if (randomInt(random, 6) === 0) text += "&";
        if (randomInt(random, 40) === 0) {
          text += decodeTextLossy(randomBytes(random, 3));
        }
      }
      try {
        parseMagnet(text);
      } catch (error) {
        assert(error instanceof MagnetError, `seed ${seed}: ${text}: ${error}`);
        continue;
      }
      assertFixpoint(text);
      parsed++;
    }
    assert(parsed > 10_000, `${parsed}`);
  },
);
