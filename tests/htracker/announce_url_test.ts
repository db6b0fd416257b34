import { assertEquals, assertThrows } from "@std/assert";
import { randomBytes, seededRandom } from "../../_shared/random.ts";
import {
  type AnnounceRequest,
  formatAnnounceUrl,
  formatScrapeUrl,
  parseAnnounceQuery,
  parseScrapeQuery,
  TrackerError,
  TrackerQueryError,
} from "../../htracker/mod.ts";
import { percentDecodeBytes } from "../../htracker/query.ts";
import {
  percentEncodeBytes,
  trackerOrigin,
} from "../../htracker/announce_url.ts";

const permissions = "none";
const REQUEST: AnnounceRequest = {
  infoHash: new Uint8Array(20).fill(0x25),
  peerId: new Uint8Array(20).fill(0x41),
  port: 6881,
  uploaded: 1,
  downloaded: 2,
  left: 3,
};

Deno.test({
  name: "percentEncodeBytes keeps unreserved characters and nothing else",
  permissions,
  fn() {
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const text = percentEncodeBytes(all);
    const plain = text.replace(/%[0-9A-F]{2}/g, "");
    assertEquals(
      plain,
      "-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~",
    );
    assertEquals(percentDecodeBytes(text, 256), all);
    assertEquals(percentDecodeBytes(text, 255), undefined);
    assertEquals(percentDecodeBytes("+%2", 9), new Uint8Array([43, 37, 50]));
    assertEquals(percentDecodeBytes("\u0100", 9), undefined);
  },
});

Deno.test({
  name: "formatAnnounceUrl puts every field behind a query that is there",
  permissions,
  fn() {
    const hash = "%25".repeat(20);
    const id = "A".repeat(20);
    const base = `info_hash=${hash}&peer_id=${id}&port=6881&uploaded=1` +
      "&downloaded=2&left=3&compact=1&no_peer_id=1";
    const cases: [string, Partial<AnnounceRequest>, string][] = [
      ["http://t.example/a", {}, `http://t.example/a?${base}`],
      [
        "https://t.example:444/a?k=%20v&",
        {},
        `https://t.example:444/a?k=%20v&${base}`,
      ],
      ["http://[::1]:80/a#f", {}, `http://[::1]/a?${base}`],
      [
        "http://t.example/a",
        { event: "stopped", numWant: 0, key: 0xabc, trackerId: "a b&" },
        `http://t.example/a?${base}&event=stopped&numwant=0&key=00000abc&trackerid=a%20b%26`,
      ],
      [
        "http://t.example/a",
        { left: 1e30, uploaded: -1, downloaded: NaN },
        `http://t.example/a?${
          base.replace("left=3", "left=9007199254740991")
            .replace("uploaded=1", "uploaded=0")
            .replace("downloaded=2", "downloaded=0")
        }`,
      ],
    ];
    for (const [url, more, expected] of cases) {
      assertEquals(formatAnnounceUrl(url, { ...REQUEST, ...more }), expected);
    }
  },
});

Deno.test({
  name: "formatAnnounceUrl refuses other URLs without quoting them",
  permissions,
  fn() {
    for (
      const [url, code] of [
        ["secretpasskey", "invalid-url"],
        ["http://", "invalid-url"],
        ["udp://t.example:1/secretpasskey", "unsupported"],
        ["file:///secretpasskey", "unsupported"],
      ] as const
    ) {
      const error = assertThrows(
        () => formatAnnounceUrl(url, REQUEST),
        TrackerError,
      );
      assertEquals(error.code, code);
      assertEquals(error.retryInMs, Infinity);
      assertEquals(error.message.includes("secretpasskey"), false);
    }
    assertThrows(
      () =>
        formatAnnounceUrl("http://t.example", {
          ...REQUEST,
          infoHash: new Uint8Array(21),
        }),
      RangeError,
    );
    assertThrows(
      () => formatAnnounceUrl("http://t.example", { ...REQUEST, port: 65536 }),
      RangeError,
    );
    assertEquals(
      trackerOrigin("http://u:p@t.example:8/x?y"),
      "http://t.example:8",
    );
    assertEquals(trackerOrigin("x"), "(invalid URL)");
  },
});

Deno.test({
  name: "formatScrapeUrl follows the rule of BEP 48",
  permissions,
  fn() {
    const cases: [string, string | undefined][] = [
      ["http://e.example/announce", "http://e.example/scrape"],
      ["http://e.example/x/announce", "http://e.example/x/scrape"],
      ["http://e.example/announce.php", "http://e.example/scrape.php"],
      ["http://e.example/a", undefined],
      ["http://e.example/announce?x2%0644", "http://e.example/scrape?x2%0644"],
      ["http://e.example/announce?x=2/4", "http://e.example/scrape?x=2/4"],
      ["http://e.example/x%064announce", undefined],
    ];
    for (const [url, expected] of cases) {
      assertEquals(formatScrapeUrl(url, []), expected, url);
    }
    assertEquals(
      formatScrapeUrl("http://e.example/announce?k=1", [
        new Uint8Array(20).fill(0x61),
        new Uint8Array(20),
      ]),
      `http://e.example/scrape?k=1&info_hash=${"a".repeat(20)}&info_hash=${
        "%00".repeat(20)
      }`,
    );
  },
});

Deno.test({
  name: "parseAnnounceQuery reads back what formatAnnounceUrl wrote",
  permissions,
  fn() {
    const seed = 7;
    console.log(`seed ${seed}`);
    const random = seededRandom(seed);
    for (let i = 0; i < 200; i++) {
      const [a, b, c] = randomBytes(random, 3) as unknown as number[];
      const request: AnnounceRequest = {
        infoHash: randomBytes(random, 20),
        peerId: randomBytes(random, 20),
        port: a! * 257,
        uploaded: a! ** 6,
        downloaded: b!,
        left: c! % 2 ? 0 : c! * 1e9,
        event:
          ([undefined, "started", "completed", "stopped"] as const)[b! % 4],
        numWant: a,
      };
      const url = formatAnnounceUrl("http://t.example/p?k=1", request);
      const query = parseAnnounceQuery(new URL(url).search);
      assertEquals(query, {
        infoHash: request.infoHash,
        peerId: request.peerId,
        port: request.port,
        uploaded: request.uploaded,
        downloaded: request.downloaded,
        left: request.left,
        event: request.event,
        numWant: a!,
        compact: true,
        noPeerId: true,
      });
    }
  },
});

Deno.test({
  name: "parseAnnounceQuery names the field that is wrong",
  permissions,
  fn() {
    const good = new URL(formatAnnounceUrl("http://t.example", REQUEST)).search;
    parseAnnounceQuery(good);
    const cases: [string, string][] = [
      ["", "info_hash"],
      [good.replace("info_hash", "hash"), "info_hash"],
      [good.replace("%25", ""), "info_hash"],
      [good.replace("info_hash=", "info_hash=a"), "info_hash"],
      [good.replace("AAAA", "AAA"), "peer_id"],
      [good.replace("port=6881", "port=65536"), "port"],
      [good.replace("port=6881", "port=-1"), "port"],
      [good.replace("port=6881&", ""), "port"],
      [good.replace("left=3", "left=x"), "left"],
      [good + "&x=" + "y".repeat(8192), "too-long"],
    ];
    for (const [query, code] of cases) {
      const error = assertThrows(
        () => parseAnnounceQuery(query),
        TrackerQueryError,
      );
      assertEquals(error.code, code, query.slice(0, 60));
    }
    const query = parseAnnounceQuery(
      good.replace("left=3", "left=-1").replace("compact=1", "compact=0") +
        "&event=&numwant=99999999999999999999&ip=1.2.3.4&port=1",
    );
    assertEquals(query.left, Infinity);
    assertEquals(query.event, undefined);
    assertEquals(query.numWant, Number.MAX_SAFE_INTEGER);
    assertEquals(query.compact, false);
    assertEquals(query.port, 6881, "the first one counts");
  },
});

Deno.test({
  name: "parseAnnounceQuery passes over empty numbers and unknown events",
  permissions,
  fn() {
    const ids = `info_hash=${"a".repeat(20)}&peer_id=${"b".repeat(20)}`;
    for (const event of ["", "empty", "paused", "resumed", "%00", "Stopped"]) {
      const query = parseAnnounceQuery(
        `${ids}&port=7&uploaded=&downloaded=&left=&numwant=&key=&event=${event}`,
      );
      assertEquals(
        [query.port, query.uploaded, query.downloaded, query.left],
        [7, 0, 0, Infinity],
      );
      assertEquals([query.numWant, query.compact], [-1, true]);
      const expected = event === "Stopped" ? "stopped" : undefined;
      assertEquals(query.event, expected);
    }
    assertEquals(parseAnnounceQuery(`${ids}&port=`).port, 0);
    assertEquals(parseAnnounceQuery(`${ids}&port=7&left`).left, Infinity);
  },
});

Deno.test({
  name: "parseScrapeQuery bounds the number of hashes",
  permissions,
  fn() {
    const one = "info_hash=" + "a".repeat(20);
    assertEquals(parseScrapeQuery(`?${one}&x&${one}`).length, 2);
    const many = Array.from({ length: 120 }, () => one).join("&");
    assertEquals(parseScrapeQuery(many).length, 100);
    for (const query of ["", "?x=1", `?${one}b`, "?info_hash"]) {
      assertThrows(() => parseScrapeQuery(query), TrackerQueryError);
    }
  },
});
