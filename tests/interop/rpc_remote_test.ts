/**
 * `transmission-remote`, Debian's own and the newest, has the same to say of ours
 * as of its daemon, whatever it is told to do.
 */
import { assert, assertEquals } from "@std/assert";
import { interopTest, TRANSMISSIONS } from "./programs.ts";
import { type Remote, RpcScene, until } from "./rpc_scene.ts";

type Json = Record<string, unknown>;

/** One option after the other for the first torrent, each followed by `-i`. */
const CHOICES =
  `-d 50;-u 60;-D;-U;-sr 1.5;-srd;-SR;-isl 9;-isld;-ISL;-Bh;-Bn;-Bl
-hl;-HL;-pr 12;-td udp://127.0.0.1:1/x;-it;-tr 1;-tr 77;-L one,two;--reannounce
--path payload/a.txt --rename z.txt;-ph all -g all;-G 1,2;-pn 0 -pl 2 -g 1;-f;-g all`
    .split(/[;\n]/);
/** What came with version 4. */
const CHOICES_4 = "-seq;-seq 3;-SEQ;-bwg g;-nwg;-bwg h;-L".split(";");

/** Settings, and what is told of them. */
const SETTINGS = `-er;-ep;-et;-m;-M;-o;-O;-x;-X;-y;-Y;--utp;--no-utp
-d 100;-u 200;-asd 30;-asu 20;-gsr 2;-as;-si;-AS;-asc
--alt-speed-time-begin 0800;--alt-speed-time-end 1700;--alt-speed-days 1-5;-si;-ASC
-D;-U;-GSR;-P;-p 51999;-pr 111;--start-paused
--no-start-paused;--trash-torrent;--no-trash-torrent
--no-torrent-done-script;-C;-c OTHER;-si;-C;-w OTHER;-si;-w DIR;-st;-V`
  .split(/[;\n]/);
const SETTINGS_4 = `-gisl 7;-GISL;--preferred-transports utp,tcp
--preferred-transports tcp;-seq;-SEQ;--no-torrent-done-seeding-script;-lg`
  .split(/[;\n]/);

/** Lines of each program's own. */
const OWN =
  /^ {2}(Daemon version|Configuration|Listen ?port|Peer limit|Maximum memory cache|Delete auto|Date|Magnet|Asking for|Duration|Seeding Time|Got a scrape)|Listenport|cache size/i;

/** And of version 3, whose settings have other names and defaults. */
const OWN_3 =
  /version|directory|Encryption|enabled:|allowed|cache|Autostart|Delete auto/;

/** Has it talk to one of the daemons; gives all that it says. */
async function talk(
  remote: Remote,
  { torrent, url }: RpcScene,
  command: string,
  isNew: boolean,
): Promise<string[]> {
  const lines: string[] = [];
  const { port, dir, otherDir } = remote;
  const say = async (...words: string[]) => {
    const { code, stdout, stderr } = await new Deno.Command(command, {
      args: [`127.0.0.1:${port}`, ...words],
      env: { TZ: "UTC" },
      stdin: "null",
    }).output();
    const text = [stdout, stderr].map((bytes) =>
      new TextDecoder().decode(bytes)
    ).join("").trim();
    const shown = `$ ${words.join(" ")}\n${text}\n(${code})`
      .replaceAll(`${port}`, "PORT")
      .replaceAll(otherDir, "OTHER").replaceAll(dir, "DIR");
    lines.push(...shown.split("\n"));
  };
  const each = async (options: readonly string[], ...first: string[]) => {
    for (const option of options) {
      const words = option.split(" ");
      await say(
        ...first,
        ...words.map((word) => ({ OTHER: otherDir, DIR: dir })[word] ?? word),
      );
      if (first.length > 0) await say(...first, "-i");
    }
  };
  const settle = (check: (torrent: Json) => boolean) =>
    until(remote, (all) => check(all.at(-1)!));
  await say("--start-paused");
  await say("-a", torrent, "-w", dir);
  await say("-t", "1", "--verify");
  await settle((one) => one.percentDone === 1 && one.status === 0);
  await each(["-i", "-if", "-ip", "-ic", "-it"], "-t", "1");
  await say("-t", "1", "--start");
  await settle((one) => one.status === 6);
  await say("-l");
  await say("-t", "1", "--stop");
  await settle((one) => one.status === 0);
  await each(CHOICES, "-t", "1");
  if (isNew) await each(CHOICES_4, "-t", "1");
  await say("-t", "1", "--move", otherDir);
  await settle((one) => one.downloadDir === otherDir);
  await say("-t", "1", "--find", otherDir);
  await say("-a", `magnet:?xt=urn:btih:${"ab".repeat(20)}&dn=linked`);
  await say("-a", url);
  await say("-a", "nonsense");
  await say("-t", "all", "--stop");
  await until(remote, (all) => all.every(({ status }) => status === 0));
  await say("-l");
  for (const ids of ["3", "2", "1,3", "9", "1-3", "ab".repeat(20)]) {
    await say("-t", ids, "-l");
    await say("-t", ids, "-if");
  }
  if (isNew) {
    for (const filter of ["i", "d", "~d", "s", "l:one", "n:link", "r1", "x"]) {
      await say("-t", "all", "-F", filter, "-l");
    }
  }
  await each(SETTINGS);
  if (isNew) await each(SETTINGS_4);
  await say("-t", "2,3", "--remove");
  await say("-t", "1", "--remove-and-delete");
  await until(remote, (all) => all.length === 0);
  await say("-l");
  const gone = await Deno.stat(`${otherDir}/payload`).catch(() => undefined);
  lines.push(`left: ${gone !== undefined}`);
  await say("--exit");
  return lines;
}

for (const release of TRANSMISSIONS) {
  const isNew = release === TRANSMISSIONS[1];
  interopTest(
    `rpc - transmission-remote sees no difference, ${release.name}`,
    release.programs,
    async () => {
      await using scene = await RpcScene.open(release);
      const talks = await Promise.all(
        scene.remotes.map((remote) =>
          talk(remote, scene, release.remote, isNew)
        ),
      );
      const [ours, theirs] = talks.map((lines) =>
        lines.filter((line) => !OWN.test(line) && (isNew || !OWN_3.test(line)))
          // Version 3 says what is wrong in other words.
          .map((line) => isNew ? line : line.replace(/^Error: .*/, "Error"))
          // What is not there has no ratio in version 3, and hosts have schemes.
          .map((line) =>
            line.replace(/ +(0\.0|None)( +Stopped +fetched)/, "$2").replace(
              /(er [01]: )(http|udp):\/\//,
              "$1",
            )
          )
      ) as [string[], string[]];
      assert(theirs.length > 1_000);
      const at = ours.findIndex((line, i) => line !== theirs[i]);
      const near = (lines: string[]) =>
        at < 0 ? [] : lines.slice(Math.max(0, at - 5), at + 5);
      assertEquals(near(ours), near(theirs));
      assertEquals(ours.length, theirs.length);
    },
  );
}
