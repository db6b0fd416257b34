import { assertEquals } from "@std/assert";
import {
  isNoNetwork,
  waitingFor,
} from "../../../cli/transfer/progress_state.ts";
import type { TorrentStats, TrackerStatus } from "../../../client/mod.ts";

function texts(
  {
    states = [],
    nodes,
    failed = 0,
    connecting = 0,
    peers = 0,
    message,
    sendErrors = 0,
    isUnreachable = false,
  }: {
    readonly sendErrors?: number;
    readonly isUnreachable?: boolean;
    readonly states?: readonly TrackerStatus["state"][];
    readonly nodes?: number;
    readonly failed?: number;
    readonly connecting?: number;
    readonly peers?: number;
    readonly message?: string;
  },
): string[] {
  return waitingFor(
    {
      stats: () => ({ peers, connecting }) as TorrentStats,
      trackers: () =>
        states.map((state) => ({ state, message }) as TrackerStatus),
    },
    nodes === undefined
      ? undefined
      : { stats: () => ({ nodes, sendErrors }) as never },
    { failed, isUnreachable },
  );
}

Deno.test({
  name: "waitingFor() - trackers, DHT nodes and peers, one and many",
  permissions: "none",
  fn() {
    assertEquals(texts({}), []);
    assertEquals(
      texts({ states: ["announcing", "failed"], nodes: 1, connecting: 1 }),
      ["trying 1 peer", "asking 1 tracker", "1 tracker failed", "1 DHT node"],
    );
    assertEquals(
      texts({ states: ["announcing", "announcing"], nodes: 0, failed: 3 }),
      ["3 refused", "asking 2 trackers", "0 DHT nodes"],
    );
  },
});

Deno.test({
  name: "waitingFor() - no network only where nothing else works",
  permissions: "none",
  fn() {
    const message = "Network is unreachable";
    assertEquals(texts({ states: ["failed"], message })[0], "no network");
    assertEquals(texts({ isUnreachable: true }), ["no network"]);
    assertEquals(texts({ nodes: 0, sendErrors: 1 })[0], "no network");
    const others = [
      { states: ["failed", "working"] as const, message },
      { states: ["failed"] as const, message, peers: 1 },
      { states: ["failed"] as const, message, nodes: 5 },
      { states: ["failed"] as const, message: "busy" },
    ];
    for (const other of others) {
      assertEquals(texts(other).includes("no network"), false);
    }
    assertEquals(isNoNetwork("No route to host (os error 113)"), true);
    assertEquals(isNoNetwork("Connection refused"), false);
    assertEquals(isNoNetwork(undefined), false);
  },
});
