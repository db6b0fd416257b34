import { assertEquals } from "@std/assert";
import {
  trackerHost,
  TrackerLimits,
  trackerName,
} from "../../../client/trackers/tracker_entry.ts";

Deno.test("trackerName() leaves out what may be secret", {
  permissions: "none",
}, () => {
  assertEquals(
    trackerName("https://user:pass@t.example:8080/key/announce?passkey=1"),
    "https://t.example:8080",
  );
  assertEquals(trackerName("nonsense"), "(invalid URL)");
});

Deno.test("trackerHost() sees through other spellings of a host", {
  permissions: "none",
}, () => {
  const hosts: [string, string][] = [
    ["http://T.Example.:80/announce", "t.example"],
    ["udp://T.Example:6969", "t.example"],
    ["udp://127.1:6969", "127.0.0.1"],
    ["http://0x7f.0.0.1/announce", "127.0.0.1"],
    ["udp://localhost:6969", "127.0.0.1"],
    ["udp://a.localhost:6969", "127.0.0.1"],
    ["udp://[::1]:6969", "127.0.0.1"],
    ["http://[::ffff:192.0.2.1]/announce", "192.0.2.1"],
    ["nonsense", ""],
  ];
  for (const [url, host] of hosts) assertEquals(trackerHost(url), host, url);
  assertEquals(
    trackerHost("udp://[2001:db8::1]:1"),
    trackerHost("http://[2001:db8::ffff]/announce"),
  );
});

Deno.test("TrackerLimits counts by host, by subnet or domain, and in all", {
  permissions: "none",
}, () => {
  const limits = new TrackerLimits();
  const admitted = (urls: string[]) => urls.filter((u) => limits.admit(u));
  const list = (n: number, url: (i: number) => string) =>
    Array.from({ length: n }, (_, i) => url(i));
  assertEquals(admitted(list(9, (i) => `udp://a.test:${i + 1}`)).length, 8);
  assertEquals(admitted(list(99, (i) => `udp://192.0.2.${i}:1`)).length, 12);
  assertEquals(admitted(list(99, (i) => `udp://h${i}.site.test:1`)).length, 12);
  assertEquals(
    admitted(
      list(16, (i) => `udp://[2001:db8:${(i % 8).toString(16)}::1]:${i}1`),
    )
      .length,
    16,
  );
  // Below "co.uk" there are many owners.
  assertEquals(admitted(list(20, (i) => `udp://h${i}.co.uk:1`)).length, 20);
  assertEquals(admitted(list(999, (i) => `udp://h.d${i}.test:1`)).length, 32);
});
