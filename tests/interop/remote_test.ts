/** `bip remote` and `bip daemon`, with programs of others on the other side. */
import { assert, assertEquals } from "@std/assert";
import { createMetainfo } from "../../metainfo/mod.ts";
import { bipArguments } from "../support/bip_command.ts";
import { runBip } from "../support/fake_daemon.ts";
import { TempDir } from "../support/paths.ts";
import { Child } from "../support/process.ts";
import { interopTest, TRANSMISSIONS } from "./programs.ts";
import { RpcScene, run, until } from "./rpc_scene.ts";

type Json = Record<string, unknown>;

/** Runs `bip remote`; gives what it prints. */
const bip = (...words: string[]) => runBip("remote", ...words);

for (const release of TRANSMISSIONS) {
  interopTest(`rpc - bip remote steers both, ${release.name}`, [
    ...release.programs,
  ], async () => {
    await using scene = await RpcScene.open(release);
    const talks = await Promise.all(scene.remotes.map(async (there) => {
      const talk: string[] = [];
      const say = async (...words: string[]) => {
        const { code, text } = await bip(
          ...words,
          "--url",
          `127.0.0.1:${there.port}`,
        );
        const shown = text.replaceAll(there.otherDir, "OTHER")
          .replaceAll(there.dir, "DIR")
          // What is not there has no ratio in version 3.
          .replace(/(0\.00| {3}–)( +stopped +fetched)/, "$2");
        talk.push(`${words[0]} ${code}`, ...shown.split("\n"));
      };
      const settle = (check: (torrent: Json) => boolean) =>
        until(there, (all) => check(all.at(-1)!));
      await say("add", scene.torrent, "--paused", "--label", "x");
      await say("verify", "1");
      await settle((one) => one.percentDone === 1 && one.status === 0);
      await say("add", scene.torrent);
      await say("start", "1");
      await settle((one) => one.status === 6);
      await say("list");
      await say("stop", "all");
      await settle((one) => one.status === 0);
      await say("files", "1", "--skip", "1", "--high", "*.mkv");
      await say("limit", "1", "--down", "50KB", "--up", "60KB", "--ratio", "2");
      await say("limit", "--up", "70KB");
      await say("add", `magnet:?xt=urn:btih:${"ab".repeat(20)}`, "--paused");
      await say("add", scene.url, "--paused");
      await say("queue", "top", "3");
      await say("rename", "1", "payload/a.txt", "z.txt");
      await say("move", "1", there.otherDir);
      await settle((one) => one.downloadDir === there.otherDir);
      await say("files", "1");
      await say("label", "1", "--label", "y");
      await until(there, (all) => all.every(({ status }) => status === 0));
      await say("list");
      await say("list", "9");
      await say("remove", "2-3");
      await say("remove", "1", "--delete-files");
      await until(there, (all) => all.length === 0);
      await say("list");
      const url = `127.0.0.1:${there.port}`;
      const show = await bip("settings", "speed-limit-down=55", "--url", url);
      talk.push(/^speed_limit_down=.*$/m.exec(show.text)![0]);
      return talk;
    }));
    assertEquals(talks[0], talks[1]);
  });
}

interopTest("rpc - bip daemon over TLS, by curl and bip remote", [
  "curl",
  "openssl",
], async () => {
  await using dir = new TempDir();
  const [cert, key] = [dir.join("cert.pem"), dir.join("key.pem")];
  await run(
    "openssl",
    ...`req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes
      -days 2 -subj /CN=bip -addext subjectAltName=IP:127.0.0.1
      -addext basicConstraints=critical,CA:FALSE`.split(/\s+/),
    "-out",
    cert,
    "-keyout",
    key,
  );
  await Deno.chmod(key, 0o600);
  const login = dir.join("login");
  await Deno.writeTextFile(login, "me:secret", { mode: 0o600 });
  const daemon = new Child(Deno.execPath(), {
    args: bipArguments(
      [
        "daemon",
        "--json",
        ...["--state", dir.join("state.db"), "--dir", dir.path],
        ...["--listen", "127.0.0.1", "--port", "0", "--rpc-port", "0"],
        ...["--rpc-listen", "127.0.0.1", "--auth-file", login],
        ...["--tls-cert", cert, "--tls-key", key],
        ...["--no-dht", "--no-lpd", "--no-port-map"],
      ],
      { permissions: ["-A"], flags: ["--unstable-net"] },
    ),
  });
  await using _daemon = daemon;
  const { rpc } = await daemon.line("listening");
  assert(String(rpc).startsWith("https://127.0.0.1:"));
  const url = `${rpc}transmission/rpc`;
  const curl = (...args: string[]) =>
    run("curl", "-s", "-w", " %{http_code}", "--cacert", cert, ...args);
  const status = async (...args: string[]) =>
    (await curl("-o", "/dev/null", ...args, url))[0]!.trim();
  assertEquals(await status(), "401");
  assertEquals(await status("-u", "me:secret"), "409");
  assertEquals(await status("-u", "me:wrong"), "401");
  const me = ["-u", "me:secret"];
  assertEquals(await status(...me, "-H", "Host: evil.example"), "421");
  assertEquals(
    await status(...me, "-H", "Origin: https://evil.example"),
    "403",
  );
  assertEquals(await status(...me, "-H", "Sec-Fetch-Site: cross-site"), "403");
  const head = (await curl(...me, "-D", "-", "-o", "/dev/null", url)).join(
    "\n",
  );
  const id = /x-transmission-session-id: (\S+)/.exec(head)![1];
  const session = ["-H", `X-Transmission-Session-Id: ${id}`];
  // So long a body that curl asks first whether it is wanted.
  const metainfo = await createMetainfo({
    name: "large",
    inputs: [{ path: ["a"], bytes: new Uint8Array(2_000_000) }],
    pieceLength: 16_384,
    comment: "x".repeat(1_500_000),
  });
  const body = dir.join("body");
  await Deno.writeTextFile(
    body,
    JSON.stringify({
      method: "torrent-add",
      arguments: { metainfo: metainfo.toBase64(), paused: true },
    }),
  );
  const added = await curl(...me, ...session, "--data-binary", `@${body}`, url);
  assert(added[0]!.includes('"torrent-added":{'), added[0]);
  assert(added[0]!.endsWith(" 200"));
  const { code, text } = await bip("list", "--url", String(rpc));
  assertEquals([code, text.includes("cannot be reached")], [5, true]);
  const trusted = ["--url", String(rpc), "--tls-ca", cert];
  assertEquals((await bip("list", ...trusted)).code, 2);
  const list = await bip("list", ...trusted, "--auth-file", login);
  assertEquals(list.code, 0, list.text);
  assert(list.text.endsWith("  large"), list.text);
  await bip("shutdown", ...trusted, "--auth-file", login);
  assertEquals((await daemon.result).code, 0);
});
