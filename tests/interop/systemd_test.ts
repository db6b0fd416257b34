/** The unit of the guide, and what systemd is told, by a socket of its kind. */
import { assert, assertEquals } from "@std/assert";
import { bipArguments } from "../support/bip_command.ts";
import { TempDir } from "../support/paths.ts";
import { Child } from "../support/process.ts";
import { interopTest } from "./programs.ts";
import { outputOf } from "../support/process.ts";

/** The only block of a kind in the guide of the daemon. */
async function block(kind: string): Promise<string> {
  const guide = new URL("../../docs/daemon.md", import.meta.url);
  const text = await Deno.readTextFile(guide);
  const [found, ...more] = text.matchAll(
    new RegExp(`^\`\`\`${kind}\\n([\\s\\S]*?)^\`\`\`$`, "gm"),
  );
  assertEquals(more.length, 0);
  return found![1]!;
}

interopTest("systemd takes the unit of the guide", [
  "systemd-analyze",
], async () => {
  await using dir = new TempDir();
  const unit = dir.join("bip.service");
  const text = await block("ini");
  assert(text.includes("/usr/local/bin/bip daemon"));
  // Only a program that is there is taken.
  await Deno.writeTextFile(
    unit,
    text.replace("/usr/local/bin/bip", Deno.execPath()),
  );
  const { code, stdout, stderr } = await outputOf(
    new Deno.Command("systemd-analyze", {
      args: ["verify", "--man=no", unit],
      stdin: "null",
    }),
  );
  assertEquals([code, `${stdout}${stderr}`.trim()], [0, ""]);
});

/** Prints what comes by a datagram socket, as systemd opens it. */
const LISTENER = `
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print(json.dumps({"type": "bound"}), flush=True)
while True:
    lines = s.recv(4096).decode().split("\\n")
    print(json.dumps({"type": lines[0].split("=")[0], "lines": lines}), flush=True)
`;

interopTest("systemd is told of the start, a reload and the end", [
  "python3",
], async () => {
  await using dir = new TempDir();
  const path = dir.join("notify");
  await using systemd = new Child("python3", { args: ["-c", LISTENER, path] });
  await systemd.line("bound");
  await using daemon = new Child(Deno.execPath(), {
    args: bipArguments([
      ...["daemon", "--state", dir.join("state.db"), "--dir", dir.path],
      ...["--listen", "127.0.0.1", "--port", "0", "--rpc-port", "0"],
      ...["--no-dht", "--no-lpd", "--no-port-map", "--json"],
    ], { permissions: ["-A"], flags: ["--unstable-net"] }),
    env: { NOTIFY_SOCKET: path },
  });
  const { rpc } = await daemon.line("listening");
  const ready = await systemd.line("READY");
  assertEquals(ready.lines, ["READY=1", `STATUS=Remote control at ${rpc}`]);
  daemon.kill("SIGHUP");
  await daemon.line("reloaded");
  const { lines } = await systemd.line("RELOADING");
  const usec = Number((lines as string[])[1]!.split("=")[1]);
  assert(Math.abs(usec / 1e6 - Deno.osUptime()) < 60);
  await systemd.line("READY", (line) => `${line.lines}` === "READY=1");
  daemon.kill("SIGTERM");
  await systemd.line("STOPPING");
  assertEquals((await daemon.result).code, 0);
});
