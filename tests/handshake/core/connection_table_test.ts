import { assert, assertEquals } from "@std/assert";
import {
  ConnectionTable,
  type Slot,
} from "../../../handshake/core/connection_table.ts";
import { resolveHandshakerOptions } from "../../../handshake/core/settings.ts";

const none = { permissions: "none" } as const;
const host = { hostname: "93.0.0.1", port: 4000 };
const tableOf = (more: { maxPendingInboundPerIp: number }) =>
  new ConnectionTable(resolveHandshakerOptions({
    peerId: new Uint8Array(20),
    maxPerIpPerTorrent: 64,
    inboundPerIpPerSecond: 1000,
    ...more,
  }));
const peer = (n: number) => new Uint8Array(20).fill(n);

Deno.test(
  "who shook hands waits no more, no matter who connected",
  none,
  () => {
    const table = tableOf({ maxPendingInboundPerIp: 2 });
    const open = () => table.openInbound(host, 1, 0);
    const first = open() as Slot;
    assert(typeof open() !== "string");
    assertEquals(open(), "too-many-from-ip");
    // What we dial says nothing of those that wait.
    const dialled = table.openOutbound("t", host);
    assertEquals(table.resolve(dialled, host), undefined);
    assertEquals(table.establish(dialled, "t", peer(1), 0), undefined);
    assertEquals(open(), "too-many-from-ip");
    assertEquals(table.establish(first, "t", peer(2), 0), undefined);
    assert(typeof open() !== "string");
    assertEquals(open(), "too-many-from-ip");
    // One that waited no more does not count again when it ends.
    table.close(first);
    assertEquals(open(), "too-many-from-ip");
  },
);
