import { assert, assertEquals } from "@std/assert";
import { ServiceManager } from "../../../cli/daemon/service_manager.ts";
import { TempDir } from "../../support/paths.ts";

Deno.test("a service manager is told in order, by datagrams", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using dir = new TempDir();
  const path = dir.join("notify");
  const socket = Deno.listenDatagram({ transport: "unixpacket", path });
  const manager = new ServiceManager(path);
  const told = [
    manager.tell("READY=1", "STATUS=2 torrents"),
    manager.reloading(),
  ];
  const received: string[] = [];
  for (let i = 0; i < 2; i++) {
    received.push(new TextDecoder().decode((await socket.receive())[0]));
  }
  socket.close();
  await Promise.all(told);
  assertEquals(received[0], "READY=1\nSTATUS=2 torrents");
  assert(/^RELOADING=1\nMONOTONIC_USEC=\d+$/.test(received[1]!), received[1]);
});

Deno.test("without a service manager, or when it is gone, nothing happens", async () => {
  await using dir = new TempDir();
  await new ServiceManager(undefined).tell("READY=1");
  await new ServiceManager(dir.join("none")).tell("READY=1");
});
