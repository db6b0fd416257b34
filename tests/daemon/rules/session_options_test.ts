import { assertEquals } from "@std/assert";
import {
  rateOf,
  sessionOptions,
  speedLimits,
} from "../../../daemon/rules/session_options.ts";
import { DEFAULT_SETTINGS } from "../../../daemon/settings.ts";

const none = { permissions: "none" } as const;
const limit = (enabled: boolean, value: number) => ({ enabled, value });

Deno.test("the limits that hold are the first set or the second", none, () => {
  assertEquals([rateOf(limit(true, 5)), rateOf(limit(false, 5))], [
    5,
    Infinity,
  ]);
  const settings = {
    ...DEFAULT_SETTINGS,
    downloadLimit: limit(true, 7),
    uploadLimit: limit(false, 8),
  };
  assertEquals(speedLimits(settings), { download: 7, upload: Infinity });
  const altSpeed = {
    ...settings.altSpeed,
    enabled: true,
    download: 1,
    upload: 2,
  };
  const { download, upload } = speedLimits({ ...settings, altSpeed });
  assertEquals([download, upload], [1, 2]);
});

Deno.test("settings make options of a session", none, () => {
  const { listen, dht, lpd, portMap, maxPeers, pex } = sessionOptions({
    ...DEFAULT_SETTINGS,
    port: 7,
    maxPeers: 8,
    pex: false,
  }, undefined);
  assertEquals([listen, dht, lpd, portMap, maxPeers, pex], [
    { hostname: "0.0.0.0", port: 7 },
    {},
    {},
    {},
    8,
    false,
  ]);
  const state = new Uint8Array([1]);
  assertEquals(sessionOptions(DEFAULT_SETTINGS, state).dht, { state });
  const off = sessionOptions({
    ...DEFAULT_SETTINGS,
    dht: false,
    lpd: false,
    portMap: false,
  }, state);
  assertEquals([off.dht, off.lpd, off.portMap], [false, false, false]);
});
