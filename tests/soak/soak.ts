/**
 * `deno task soak`: daemons among peers that come and go, remotes that never rest,
 * wires, trackers and disks that fail; everything that must hold is asserted.
 *
 * Two daemons share a swarm. One is never killed: its memory, descriptors and idle
 * work must stay what they were, and its disk fills up again and again. The other one
 * is killed at any moment and must lose nothing. Linux, as root or with user
 * namespaces: all of it happens in a network, mounts and processes of its own.
 *
 * Exit codes: 0 all held; 1 something did not; 2 usage.
 */
import { fromFileUrl } from "../support/paths.ts";
import { parseArgs } from "@std/cli/parse-args";

const HELP = `Usage: deno task soak [--minutes N] [--seed N]

Runs daemons for N minutes (20) among peers and remotes, with faults in disks,
wires and trackers, and prints what held. Linux only; needs unshare, ip and nft.`;

const INSIDE = "BIP_SOAK_ROOT";

/** Runs this file again where nothing can leave. */
async function enclose(args: readonly string[]): Promise<number> {
  const importMap = Deno.env.get("BIP_IMPORT_MAP");
  const root = await Deno.makeTempDir({ prefix: "bip_soak_" });
  try {
    const { code } = await new Deno.Command("unshare", {
      args: [
        ...["-rnmp", "--fork", "--mount-proc", "--kill-child"],
        Deno.execPath(),
        ...["run", "-A", "--quiet", "--no-check", "--unstable-net"],
        ...importMap === undefined ? [] : [`--import-map=${importMap}`],
        fromFileUrl(new URL(import.meta.url)),
        ...args,
      ],
      env: { [INSIDE]: root },
      stdin: "null",
      stdout: "inherit",
      stderr: "inherit",
    }).output();
    return code;
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

async function main(args: readonly string[]): Promise<number> {
  let isUnknown = false;
  const { minutes = "20", seed = `${Date.now() % 1e9}`, help } = parseArgs(
    [...args],
    {
      string: ["minutes", "seed"],
      boolean: ["help"],
      alias: { help: "h" },
      unknown: () => {
        isUnknown = true;
      },
    },
  );
  if (help) {
    console.log(HELP);
    return 0;
  }
  if (isUnknown || !(Number(minutes) > 0) || !/^\d{1,9}$/.test(seed)) {
    console.error(HELP);
    return 2;
  }
  if (Deno.build.os !== "linux") {
    console.error("Only Linux has the namespaces that a soak needs");
    return 2;
  }
  const root = Deno.env.get(INSIDE);
  if (root === undefined) {
    return await enclose(["--minutes", minutes, "--seed", seed]);
  }
  const { soak } = await import("./run.ts");
  try {
    return await soak(root, Number(minutes), Number(seed)) ? 0 : 1;
  } catch (error) {
    console.error(error);
    return 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
