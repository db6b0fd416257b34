import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  decodeCompactEndpoints,
  formatEndpoint,
  formatIp,
  hostKey,
  ipScope,
  normalizeHostname,
  shareKey,
  siteKey,
  subnetKey,
  tryEncodeCompactEndpoint,
  tryParseEndpoint,
  tryParseIp,
  tryParseIpv4,
} from "../../_shared/address.ts";
import { randomInt, seededRandom } from "../../_shared/random.ts";

Deno.test("tryParseIp() and formatIp() agree on known forms", {
  permissions: "none",
}, () => {
  const cases: [string, string][] = [
    ["1.2.3.4", "1.2.3.4"],
    ["2001:db8:0:0:0:0:0:1", "2001:db8::1"],
    ["2001:DB8::", "2001:db8::"],
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["1:2:3:4:5:6:7:0", "1:2:3:4:5:6:7:0"],
    ["::ffff:1.2.3.4", "::ffff:102:304"],
    ["fe80::1%eth0", "fe80::1"],
  ];
  for (const [text, normal] of cases) {
    assertEquals(formatIp(tryParseIp(text)!), normal);
  }
  for (
    const bad of [
      "",
      "1.2.3",
      "1.2.3.256",
      "01.2.3.4",
      "1.2.3.4.5",
      ":",
      ":::",
      "1::2::3",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "12345::",
      "g::",
      "1.2.3.4::",
      "a",
      "::1.2.3",
      "1:2:3:4:5:6:7::8",
    ]
  ) assertEquals(tryParseIp(bad), undefined, bad);
  assertThrows(() => formatIp(new Uint8Array(5)), RangeError);
});

Deno.test(
  "formatIp() round-trips random addresses",
  { permissions: "none" },
  () => {
    const random = seededRandom(3);
    for (let i = 0; i < 2000; i++) {
      const bytes = random(new Uint8Array(i % 2 ? 4 : 16));
      for (let k = 0; k < bytes.length; k++) {
        if (randomInt(random, 2) === 0) bytes[k] = 0;
      }
      assertEquals(tryParseIp(formatIp(bytes)), bytes);
    }
  },
);

Deno.test("ipScope() classifies", { permissions: "none" }, () => {
  const cases: [string, string][] = [
    ["0.0.0.0", "unspecified"],
    ["127.9.9.9", "loopback"],
    ["10.0.0.1", "private"],
    ["172.16.0.1", "private"],
    ["172.32.0.1", "global"],
    ["192.168.1.1", "private"],
    ["100.64.0.1", "private"],
    ["169.254.1.1", "link-local"],
    ["224.0.0.1", "multicast"],
    ["255.255.255.255", "reserved"],
    ["8.8.8.8", "global"],
    ["::", "unspecified"],
    ["::1", "loopback"],
    ["fe80::1", "link-local"],
    ["fd00::1", "private"],
    ["ff15::1", "multicast"],
    ["2001:db8::1", "global"],
    ["::ffff:127.0.0.1", "loopback"],
    ["4000::", "reserved"],
  ];
  for (const [text, scope] of cases) {
    assertEquals(ipScope(tryParseIp(text)!), scope, text);
  }
});

Deno.test("endpoints round-trip as text and in compact form", {
  permissions: "none",
}, () => {
  for (const text of ["1.2.3.4:5", "[2001:db8::1]:65535", "example.org:80"]) {
    assertEquals(formatEndpoint(tryParseEndpoint(text)!), text);
  }
  for (
    const bad of [
      "",
      "a",
      "a:",
      ":1",
      "a:65536",
      "1::2:3",
      "[1::2]",
      "[x]:1",
      "a b:1",
      "a:1x",
    ]
  ) assertEquals(tryParseEndpoint(bad), undefined, bad);
  const v6 = tryEncodeCompactEndpoint({ hostname: "2001:db8::1", port: 258 })!;
  assertEquals(v6.length, 18);
  assertEquals(decodeCompactEndpoints(v6, 6), [{
    hostname: "2001:db8::1",
    port: 258,
  }]);
  const v4 = tryEncodeCompactEndpoint({
    hostname: "::ffff:1.2.3.4",
    port: 6881,
  })!;
  assertEquals([...v4], [1, 2, 3, 4, 26, 225]);
  assertEquals(decodeCompactEndpoints(new Uint8Array(20), 4, 2).length, 2);
  assertEquals(decodeCompactEndpoints(new Uint8Array(20), 4).length, 3);
  assertEquals(
    tryEncodeCompactEndpoint({ hostname: "x.org", port: 1 }),
    undefined,
  );
});

Deno.test("normalizeHostname() and subnetKey() make keys", {
  permissions: "none",
}, () => {
  assertEquals(normalizeHostname("::FFFF:1.2.3.4"), "1.2.3.4");
  assertEquals(normalizeHostname("2001:DB8:0::1"), "2001:db8::1");
  assertEquals(normalizeHostname("Example.ORG"), "example.org");
  assertEquals(
    subnetKey(tryParseIp("1.2.3.4")!),
    subnetKey(tryParseIp("1.2.3.9")!),
  );
  assertEquals(
    subnetKey(tryParseIp("2001:db8::1")!),
    subnetKey(tryParseIp("2001:db8::ffff:0:0:1")!),
  );
});

Deno.test("tryParseIp() takes four numbers without leading zeros", {
  permissions: "none",
}, () => {
  assertEquals([...tryParseIp("0.10.200.255")!], [0, 10, 200, 255]);
  assertEquals(tryParseIpv4("0.10.200.255"), 0x000ac8ff);
  assertEquals(tryParseIpv4("255.255.255.254"), 0xfffffffe);
  assertEquals(tryParseIpv4("::1"), -1);
  for (
    const text of [
      ...["", "1.2.3", "1.2.3.", ".1.2.3", "1..2.3", "1.2.3.4.5", "1.2.3.4."],
      ...["256.1.1.1", "1.1.1.256", "01.2.3.4", "1.2.3.00", "1.2.3.4 "],
      ...["-1.2.3.4", "1.2.3.a", "0x1.2.3.4", "1234567", "1.2.3.4444"],
    ]
  ) {
    assertEquals(tryParseIp(text), undefined, text);
    assertEquals(tryParseIpv4(text), -1, text);
  }
});

Deno.test("shareKey() tells whose share of little something is", {
  permissions: "none",
}, () => {
  for (
    const [a, b, isSame] of [
      ["198.51.100.7", "::ffff:198.51.100.7", true],
      ["198.51.100.7", "198.51.100.8", false],
      ["2a00:1:2:3::1", "2a00:1:2:ffff::9", true],
      ["2a00:1:2:3::1", "2a00:1:3:3::1", false],
      ["A.example", "a.example", true],
    ] as const
  ) assertEquals(shareKey(a) === shareKey(b), isSame, `${a} ${b}`);
});

Deno.test("siteKey() tells what one operator easily holds", {
  permissions: "none",
}, () => {
  const same = [
    ["10.1.2.3", "10.1.2.250"],
    ["2001:db8:1:2::1", "2001:db8:1:3::1"],
    ["a.site.test", "B.site.test."],
    ["a.b.co.uk", "c.b.co.uk"],
  ];
  for (const [a, b] of same) assertEquals(siteKey(a!), siteKey(b!), a);
  const other = [
    ["10.1.2.3", "10.1.3.3"],
    ["2001:db8:1::1", "2001:db8:2::1"],
    ["a.test", "b.test"],
    ["a.co.uk", "b.co.uk"],
  ];
  for (const [a, b] of other) assert(siteKey(a!) !== siteKey(b!), a);
});

Deno.test("addresses of 6to4 count as the IPv4 host that they lead to", {
  permissions: "none",
}, () => {
  // 46.0.0.9, in any of its 65,536 networks.
  for (const net of ["1", "ffff"]) {
    const hostname = `2002:2e00:9:${net}::1`;
    assertEquals(hostKey(hostname), "46.0.0.9");
    assertEquals(siteKey(hostname), siteKey("46.0.0.77"));
  }
});
