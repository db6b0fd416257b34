import { assertEquals } from "@std/assert";
import {
  isOnNetwork,
  type LocalNetwork,
  prefixLengthOf,
} from "../../lpd/network.ts";

const none = { permissions: "none" } as const;
const networks: LocalNetwork[] = [
  { name: "eth0", family: 4, address: "192.0.2.130", prefixLength: 25 },
  { name: "eth0", family: 6, address: "2001:db8:0:1::2", prefixLength: 64 },
  { name: "eth1", family: 4, address: "10.1.2.3", prefixLength: 30 },
];

Deno.test("senders of our networks are told from others", none, () => {
  const near = [
    "192.0.2.129",
    "192.0.2.255",
    "::ffff:192.0.2.200",
    "2001:db8:0:1:ffff::9",
    "10.1.2.1",
    "127.0.0.1",
    "169.254.3.4",
    "fe80::1",
  ];
  const far = [
    "192.0.2.127",
    "10.1.2.4",
    "8.8.8.8",
    "2001:db8:0:2::1",
    "224.0.0.1",
    "0.0.0.0",
    "example.org",
    "",
  ];
  for (const ip of near) assertEquals(isOnNetwork(ip, networks), true, ip);
  for (const ip of far) assertEquals(isOnNetwork(ip, networks), false, ip);
});

Deno.test(
  "without knowing our networks only private senders count",
  none,
  () => {
    for (const ip of ["10.9.9.9", "192.168.1.1", "fd00::1", "127.0.0.1"]) {
      assertEquals(isOnNetwork(ip, undefined), true, ip);
    }
    for (const ip of ["8.8.8.8", "2600::1", "239.0.0.1"]) {
      assertEquals(isOnNetwork(ip, undefined), false, ip);
    }
  },
);

Deno.test("prefix lengths are read and bounded", none, () => {
  assertEquals(prefixLengthOf("10.0.0.1/8", 4), 8);
  assertEquals(prefixLengthOf("fe80::1/64", 6), 64);
  assertEquals(prefixLengthOf("10.0.0.1/99", 4), 32);
  assertEquals(prefixLengthOf(null, 4), 32);
  assertEquals(prefixLengthOf("::1", 6), 128);
});
