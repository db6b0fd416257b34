import { assertEquals } from "@std/assert";
import { tryParseIp } from "../../_shared/address.ts";
import {
  clampAnnounceInterval,
  isUsablePeer,
} from "../../_shared/tracker_rules.ts";

const none = { permissions: "none" } as const;

Deno.test(
  "clampAnnounceInterval() keeps between a minute and a day",
  none,
  () => {
    assertEquals(
      [-5, 0, 59, 60, 1_800, 86_400, 86_401, 1e12].map(clampAnnounceInterval),
      [
        60_000,
        60_000,
        60_000,
        60_000,
        1_800_000,
        86_400_000,
        86_400_000,
        86_400_000,
      ],
    );
  },
);

Deno.test(
  "isUsablePeer() by scope, port and where the tracker is",
  none,
  () => {
    for (
      const [host, port, far, near] of [
        ["8.8.8.8", 1, true, true],
        ["8.8.8.8", 65_535, true, true],
        ["8.8.8.8", 0, false, false],
        ["8.8.8.8", 65_536, false, false],
        ["10.0.0.1", 5, true, true],
        ["127.0.0.1", 5, false, true],
        ["169.254.0.1", 5, false, true],
        ["fe80::1", 5, false, true],
        ["0.0.0.0", 5, false, false],
        ["224.0.0.1", 5, false, false],
        ["ff02::1", 5, false, false],
        ["255.255.255.255", 5, false, false],
      ] as const
    ) {
      const ip = tryParseIp(host)!;
      assertEquals(
        [isUsablePeer(ip, port, false), isUsablePeer(ip, port, true)],
        [far, near],
        `${host}:${port}`,
      );
    }
  },
);
