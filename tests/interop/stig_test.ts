/**
 * stig, which speaks JSON-RPC 2.0 to daemons that know it, such as ours, and the older
 * dialect to Transmission 3: the same outcome everywhere.
 */
import { assert, assertEquals } from "@std/assert";
import { interopTest, TOOLS, TRANSMISSIONS } from "./programs.ts";
import { callLegacy, RpcScene, until } from "./rpc_scene.ts";
import { outputOf } from "../support/process.ts";

/** Runs a command of stig; gives what it prints, and how it ends. */
async function stig(
  port: number,
  home: string,
  ...words: string[]
): Promise<string> {
  const set = ["-T", "-C", "set", "connect.port", `${port}`, "&"];
  const { code, stdout, stderr } = await outputOf(
    new Deno.Command(`${TOOLS}/venv/bin/stig`, {
      args: [...set, ...words],
      env: { HOME: home, COLUMNS: "120", TZ: "UTC" },
      stdin: "null",
    }),
  );
  return `${code} ${stdout}${stderr}`.trim();
}

/** Passes requests on, and notes the dialects of those that are answered. */
function listenIn(port: number, dialects: Set<string>) {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (
    { method, headers, body },
  ) => {
    const text = await new Response(body).text();
    const answer = await fetch(`http://127.0.0.1:${port}/transmission/rpc`, {
      method,
      headers: {
        "x-transmission-session-id": headers.get("x-transmission-session-id") ??
          "",
      },
      body: text,
    });
    if (answer.ok) {
      dialects.add(JSON.parse(text).jsonrpc === "2.0" ? "json-rpc" : "legacy");
    }
    const told = new Headers(answer.headers);
    // What was compressed is not any more.
    told.delete("content-encoding");
    told.delete("content-length");
    return new Response(await answer.bytes(), {
      status: answer.status,
      headers: told,
    });
  });
}

for (const release of TRANSMISSIONS) {
  interopTest(`rpc - stig steers both, ${release.name}`, [
    ...release.programs,
    "stig",
  ], async () => {
    await using scene = await RpcScene.open(release);
    const spoken = [new Set<string>(), new Set<string>()];
    const talks = await Promise.all(scene.remotes.map(async (there, i) => {
      await using heard = listenIn(there.port, spoken[i]!);
      const talk: string[] = [];
      // Several at a time, as starting it takes half a second.
      const say = async (...commands: string[][]) => {
        const words = commands.flatMap((words) => [";", ...words]).slice(1);
        const text = await stig(heard.addr.port, there.otherDir, ...words);
        const shown = `$ ${words.join(" ")}: ${text}`.replaceAll(
          there.otherDir,
          "OTHER",
        )
          .replaceAll(there.dir, "DIR")
          // What is told of moments, and of a tracker that nobody can reach.
          .replace(
            /^ *(Created|Added|Started|Completed|Active|Error): .*$/gm,
            "",
          )
          .replace(/^ *(Creator|Downloading|Seeding|Available): .*$/gm, "");
        talk.push(shown);
      };
      const settle = (check: (torrent: Record<string, unknown>) => boolean) =>
        until(there, (all) => check(all.at(-1)!));
      await say(["add", scene.torrent, "--stopped"]);
      await settle((one) => one.status === 0);
      await say(["verify", "payload"]);
      await settle((one) => one.percentDone === 1 && one.status === 0);
      await say(["add", scene.torrent]);
      await say(["start", "payload"]);
      await settle((one) => one.status === 6);
      const columns = "name,size,%downloaded,ratio,downloaded,uploaded,path";
      await say(
        ["ls", "--columns", columns],
        ["details", "payload"],
        ["lsf", "payload"],
        ["priority", "high", "payload", "name~b.mkv"],
        ["priority", "low", "payload", "name~a.txt"],
        ["ratelimit", "up", "50k", "payload"],
        ["ratelimit", "down", "70k", "payload"],
        ["tracker", "add", "payload", "http://127.0.0.1:2/announce"],
        ["label", "x", "payload"],
      );
      await say(
        ["lsf", "payload"],
        ["trackerlist", "payload", "--columns", "domain,torrent"],
        ["details", "payload"],
        ["move", "payload", there.otherDir],
      );
      await settle((one) => one.downloadDir === there.otherDir);
      await say(["rename", "payload/a.txt", "z.txt"]);
      await say(
        ["lsf", "payload", "--columns", "name,size"],
        ["announce", "payload"],
        ["stop", "payload"],
      );
      await settle((one) => one.status === 0);
      await say(
        ["add", `magnet:?xt=urn:btih:${"ab".repeat(20)}`, "--stopped"],
        ["ls", "--columns", "name,size"],
        ["set", "srv.limit.rate.up", "40k"],
        ["set", "srv.limit.rate.alt.down", "30k"],
        ["set", "srv.limit.peers.torrent", "33"],
        ["set", "srv.encryption", "required"],
        ["set", "srv.autostart", "off"],
        ["remove", "--delete-files", "payload"],
      );
      await until(there, (all) => all.length === 1);
      const { arguments: settings } = await callLegacy(there, "session-get");
      talk.push(JSON.stringify(
        [
          ...["speed-limit-up", "speed-limit-up-enabled", "alt-speed-down"],
          ...["peer-limit-per-torrent", "encryption", "start-added-torrents"],
        ].map((name) => settings[name]),
      ));
      await say(["remove", "all"]);
      await until(there, (all) => all.length === 0);
      return talk;
    }));
    const [ours, theirs] = talks as [string[], string[]];
    for (const [i, text] of ours.entries()) {
      assertEquals(text.split("\n"), theirs[i]?.split("\n"));
    }
    assert(ours.some((text) => text.includes("Adding tracker")), `${ours}`);
    assertEquals([...spoken[0]!], ["json-rpc"]);
    const older = release === TRANSMISSIONS[0] ? "legacy" : "json-rpc";
    assert(spoken[1]!.has(older));
  });
}
