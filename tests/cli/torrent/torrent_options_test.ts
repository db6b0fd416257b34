import { assertEquals, assertThrows } from "@std/assert";
import { Arguments } from "../../../cli/command.ts";
import { UsageError } from "../../../cli/error.ts";
import { readSources } from "../../../cli/torrent/torrent_options.ts";

const read = (values: Record<string, string[]>) =>
  readSources(
    new Arguments([], new Map(Object.entries(values)), new Set()),
  );

Deno.test(
  "readSources - tiers, web seeds, nodes",
  { permissions: "none" },
  () => {
    assertEquals(read({}), { trackers: [], webSeeds: [], nodes: [] });
    assertEquals(
      read({
        tracker: ["http://a/?x=1,2, udp://b:1", "http://c/"],
        "web-seed": ["http://w/"],
        node: ["h:1"],
      }),
      {
        trackers: [["http://a/?x=1,2", "udp://b:1"], ["http://c/"]],
        webSeeds: ["http://w/"],
        nodes: [{ hostname: "h", port: 1 }],
      },
    );
    assertEquals(read({ tracker: ["http://a/,udp://b:1"] }).trackers, [[
      "http://a/",
      "udp://b:1",
    ]]);
    const twice = {
      tracker: ["http://a/", "http://a/,http://b/", "http://b/"],
    };
    assertEquals(read(twice).trackers, [["http://a/"], ["http://b/"]]);
    assertEquals(read({ "web-seed": ["http://w/", "http://w/"] }).webSeeds, [
      "http://w/",
    ]);
    assertEquals(read({ tracker: ["wss://a/,, udp://b:1 ,"] }).trackers, [[
      "wss://a/",
      "udp://b:1",
    ]]);
    for (
      const bad of [
        { tracker: ["x"] },
        { tracker: ["ftp://x"] },
        { "web-seed": ["udp://x:1"] },
        { "web-seed": [""] },
        { node: ["h"] },
        { node: ["h:0"] },
      ]
    ) assertThrows(() => read(bad), UsageError, `--${Object.keys(bad)[0]}`);
  },
);
