import { assertThrows } from "@std/assert";
import {
  checkAddOptions,
  checkSessionOptions,
} from "../../../client/session/check_options.ts";
import type { FileAllocation } from "../../../disk/storage.ts";
import type { RevelationName } from "../../../client/policy_options.ts";

Deno.test("session options that make no sense are refused", {
  permissions: "none",
}, () => {
  checkSessionOptions({ maxPeers: 1, downloadLimit: Infinity });
  for (
    const [options, text] of [
      [{ maxPeers: 0 }, '"maxPeers"'],
      [{ maxPeersPerTorrent: 1.5 }, '"maxPeersPerTorrent"'],
      [{ downloadLimit: 0 }, '"downloadLimit"'],
      [{ uploadLimit: NaN }, '"uploadLimit"'],
      [{ peerId: new Uint8Array(19) }, "19 bytes"],
      [{ utp: "on" as "off" }, "accept, both, off"],
    ] as const
  ) assertThrows(() => checkSessionOptions(options), RangeError, text);
});

Deno.test("torrent options that make no sense are refused", {
  permissions: "none",
}, () => {
  checkAddOptions({ revelation: "lazy", files: [0, 7] });
  for (
    const [options, text] of [
      [{ maxPeers: -1 }, '"maxPeers"'],
      [{ downloadLimit: -1 }, '"downloadLimit"'],
      [{ revelation: "loud" as RevelationName }, '"revelation"'],
      [{ allocation: "fast" as FileAllocation }, "sparse, full, compact"],
      [{ files: [0, -1] }, '"files"'],
    ] as const
  ) assertThrows(() => checkAddOptions(options), RangeError, text);
});

Deno.test("web seeds that are no http or https URL are refused", {
  permissions: "none",
}, () => {
  checkAddOptions({ webSeeds: ["http://a.example/", "HTTPS://b.example"] });
  for (const url of ["ftp://a.example/", "x", "http://", "https://["]) {
    assertThrows(() => checkAddOptions({ webSeeds: [url] }), TypeError, url);
  }
});
