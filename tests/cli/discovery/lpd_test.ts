import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { toHex } from "../../../_shared/bytes.ts";
import { main } from "../../../cli/main.ts";
import { hashServiceName } from "../../../lpd/mod.ts";
import { bip, bipArguments } from "../../support/bip_command.ts";
import {
  NETNS_HOSTS,
  NETNS_INTERFACE,
  NetnsPair,
  netnsProblem,
} from "../../support/netns.ts";
import { Child } from "../../support/process.ts";
import { recorder } from "../../support/output.ts";

const problem = await netnsProblem();
const HASH = "ab".repeat(20);
const PERMISSIONS = ["--allow-net", "--allow-sys=networkInterfaces"];

async function run(...words: string[]) {
  const output = recorder();
  const code = await main(["lpd", ...words], output);
  return { code, err: output.err };
}

Deno.test({
  name: "bip lpd - wrong arguments are refused before anything is sent",
  permissions: "none",
  async fn() {
    const cases: [string[], string][] = [
      [[], "Missing listen or announce"],
      [["lissen"], 'does listen or announce, not "lissen"'],
      [["listen", "abc"], "HASH must be 40 or 64 hex digits or a magnet link"],
      [
        ["listen", "g".repeat(40)],
        "HASH must be 40 or 64 hex digits or a magnet link",
      ],
      [["listen", HASH, HASH], "Unexpected operand"],
      [["listen", HASH, "--name", "x"], "not both"],
      [["listen", "--name", ""], "--name must not be empty"],
      [["listen", "--port", "1"], "--port is for bip lpd announce"],
      [["announce"], "HASH is missing"],
      [["announce", HASH, "--port", "0"], "from 1 to 65535"],
      [["announce", HASH, "--port", "65536"], "from 1 to 65535"],
      [["announce", HASH, "--port", "x"], "from 1 to 65535"],
      [["announce", HASH, "--nonsense"], "Unknown option --nonsense"],
    ];
    for (const [words, message] of cases) {
      const { code, err } = await run(...words);
      assertEquals(code, 2, `${words}: ${err}`);
      assertStringIncludes(err[0]!, message);
    }
    const { err } = await run("lissen");
    assertStringIncludes(err[1]!, "Did you mean bip lpd listen?");
  },
});

Deno.test("bip lpd - says which permission is missing", async () => {
  for (const flags of [[], ["--unstable-net"]]) {
    const { code, stdout, stderr } = await bip(["lpd", "listen"], { flags });
    assertEquals([code, stdout], [1, ""]);
    assertStringIncludes(stderr, "Requires net access");
    assertStringIncludes(stderr, "Run with --allow-net");
    assert(!stderr.includes("\n    at "), stderr);
  }
});

function netnsTest(name: string, fn: (pair: NetnsPair) => Promise<void>): void {
  Deno.test({
    name: problem === undefined ? name : `${name} (skipped: ${problem})`,
    ignore: problem !== undefined,
    timeout: 60_000,
    async fn() {
      await using pair = await NetnsPair.open();
      await fn(pair);
    },
  });
}

function start(
  pair: NetnsPair,
  host: 0 | 1,
  args: string[],
  permissions = PERMISSIONS,
): Child {
  const { command, args: all } = pair.command(
    host,
    Deno.execPath(),
    bipArguments(["lpd", ...args], { permissions }),
  );
  return new Child(command, { args: all, env: { NO_COLOR: "1" } });
}

netnsTest("bip lpd - who announces and who listens", async (pair) => {
  const [ONE, TWO] = NETNS_HOSTS;
  await using watcher = start(pair, 0, ["listen", HASH, "--json"]);
  const interfaces = [
    `${NETNS_INTERFACE}/${ONE.v4}`,
    `${NETNS_INTERFACE}/::%${NETNS_INTERFACE}`,
  ];
  await watcher.line("listening");
  assertEquals(watcher.lines[0], {
    type: "listening",
    address: "239.192.152.143",
    port: 6771,
    interfaces,
    infoHash: HASH,
    announced: null,
  });
  await using everything = start(pair, 0, ["listen"]);
  await using first = start(
    pair,
    0,
    ["announce", HASH, "--port", "7001", "--json"],
  );
  assertEquals((await first.line("listening")).announced, 7001);
  // A name is a hash like any other, and what is not asked for is not shown.
  const name = "a chåt/lobby";
  await using named = start(pair, 1, ["announce", "--name", name]);
  await using second = start(pair, 1, ["announce", HASH, "--json"]);
  const at = (address: string) => (line: Record<string, unknown>) =>
    line.address === address;
  for (const child of [watcher, first]) {
    for (const address of [TWO.v4, TWO.v6]) {
      assertEquals(await child.line("peer", at(address)), {
        type: "peer",
        infoHash: HASH,
        address,
        port: 6881,
      });
    }
  }
  await second.line("peer", at(ONE.v4));
  const service = toHex(hashServiceName(name));
  for (
    const text of [`${service} ${TWO.v4}:6881`, `${service} [${TWO.v6}]:6881`]
  ) {
    await everything.line("text", (line) => line.text === text);
  }
  await everything.line(
    "text",
    (line) => line.text === `${HASH} ${TWO.v4}:6881`,
  );
  assertStringIncludes(
    everything.stderr,
    `Listening for everything at 239.192.152.143:6771 on ${
      interfaces.join(", ")
    }`,
  );
  assertStringIncludes(
    named.stderr,
    `Announcing port 6881 for "a chåt/lobby" (${service})`,
  );
  const heard = watcher.lines.filter((line) => line.type === "peer");
  assert(heard.every((line) => line.infoHash === HASH));
  for (const child of [watcher, everything, named, second]) {
    child.kill("SIGINT");
    assertEquals((await child.result).code, 130, child.stderr);
  }
});

netnsTest("bip lpd - does without the list of interfaces", async (pair) => {
  const permissions = ["--allow-net"];
  await using listener = start(
    pair,
    0,
    ["listen", HASH, "--json"],
    permissions,
  );
  const { interfaces } = await listener.line("listening");
  assert((interfaces as string[]).includes("default/4"), `${interfaces}`);
  await using announcer = start(pair, 1, ["announce", HASH], permissions);
  assertEquals((await listener.line("peer")).port, 6881);
  assertEquals(announcer.lines, []);
});

Deno.test({
  name: problem === undefined
    ? "bip lpd - a machine without a network"
    : `bip lpd - a machine without a network (skipped: ${problem})`,
  ignore: problem !== undefined,
  async fn() {
    for (const permissions of [PERMISSIONS, ["--allow-net"]]) {
      await using child = new Child("unshare", {
        args: [
          "-n",
          Deno.execPath(),
          ...bipArguments(["lpd", "listen"], { permissions }),
        ],
        env: { NO_COLOR: "1" },
      });
      const { code, stderr } = await child.result;
      assertEquals(code, 6, stderr);
      assertStringIncludes(stderr, "bip: error: Cannot discover peers");
      assertEquals(stderr.trim().split("\n").length, 1, stderr);
    }
  },
});
