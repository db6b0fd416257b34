/**
 * Uses the package as a stranger does: from a registry, in an empty folder,
 * with an empty cache.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { TaskContext } from "./launch.ts";
import { capture, type Captured } from "./process.ts";
import {
  allPackages,
  type Registry,
  type RegistryPackage,
  withRegistry,
} from "./registry.ts";

/** Enough for a second hashing thread. */
const BIG_BYTES = 192 * 1024 * 1024;

/** What `bip` is installed with. */
const BIP_FLAGS = ["--allow-all", "--unstable-net", "--unstable-kv"];

/** Makes a torrent with two threads and tells which workers were done. */
const WORKER_PROBE = `
const done = [];
globalThis.Worker = class extends Worker {
  constructor(url, options) {
    super(url, options);
    this.addEventListener("message", ({ data }) => {
      if (data.type === "done") done.push(String(url));
    });
  }
};
const { createMetainfo } = await import(Deno.args[0]);
await createMetainfo({ inputs: [{ path: "big" }], threads: 2 });
console.log(done.join());
`;

function expect(value: boolean, message: string): asserts value {
  if (!value) throw new Error(message);
}

class Consumer {
  readonly #folder: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #registry: Registry;
  readonly #own: RegistryPackage;

  constructor(
    folder: string,
    env: Readonly<Record<string, string>>,
    registry: Registry,
    own: RegistryPackage,
  ) {
    this.#folder = folder;
    this.#env = { NO_COLOR: "1", ...env };
    this.#registry = registry;
    this.#own = own;
  }

  async #run(program: string, ...args: string[]): Promise<Captured> {
    const result = await capture(program, args, {
      cwd: this.#folder,
      env: this.#env,
    });
    expect(
      result.code === 0,
      `${[program, ...args].join(" ")} ended with ${result.code}:\n${
        result.stderr || result.stdout
      }`,
    );
    return result;
  }

  readonly #deno = (...args: string[]) => this.#run(Deno.execPath(), ...args);

  /** How the installed command is started. */
  #bip(args: readonly string[]): [string, string[]] {
    // There it is a script, whose end is not that of the program.
    return Deno.build.os === "windows"
      ? [Deno.execPath(), [
        ...["run", "--quiet", ...BIP_FLAGS, this.#specifier("./cli")],
        ...args,
      ]]
      : [`${this.#folder}/root/bin/bip`, [...args]];
  }

  async #runBip(...args: string[]): Promise<string> {
    const [program, words] = this.#bip(args);
    return (await this.#run(program, ...words)).stdout;
  }

  #specifier(face: string): string {
    const { name, version } = this.#own;
    return `jsr:${name}@${version}${face.slice(1)}`;
  }

  /** Every face is imported, without permissions, and type-checked. */
  async faces(): Promise<void> {
    const faces = Object.keys(this.#own.exports);
    const text = faces.map((face, i) =>
      `import * as face${i} from "${this.#specifier(face)}";\n` +
      `if (Object.keys(face${i}).length === 0) throw new Error("${face}");\n`
    ).join("");
    await Deno.writeTextFile(`${this.#folder}/faces.ts`, text);
    await this.#deno("run", "--quiet", "--no-prompt", "faces.ts");
    await this.#deno("check", "--quiet", "faces.ts");
  }

  /** The command runs without being installed; here without permissions. */
  async runsCommand(): Promise<void> {
    const { name } = this.#own;
    const { stdout } = await this.#deno(
      ...["run", "--quiet", "--no-prompt", `jsr:${name}/cli`, "--help"],
    );
    expect(stdout.includes("Usage: bip"), stdout);
  }

  /** What a worker is started from is the registry's. */
  async worker(): Promise<void> {
    using file = await Deno.create(`${this.#folder}/big`);
    await file.truncate(BIG_BYTES);
    await Deno.writeTextFile(`${this.#folder}/probe.js`, WORKER_PROBE);
    const { stdout } = await this.#deno(
      ...["run", "--quiet", "--allow-all", "probe.js"],
      this.#specifier("./metainfo"),
    );
    expect(
      stdout.startsWith(this.#registry.url),
      `no worker has hashed: ${stdout}`,
    );
  }

  async install(): Promise<void> {
    await this.#deno(
      ...["install", "--quiet", "--global", "--root", "root", "--name", "bip"],
      ...BIP_FLAGS,
      this.#specifier("./cli"),
    );
    // What was installed needs no registry any more.
    await this.#registry[Symbol.asyncDispose]();
    const version = await this.#runBip("--version");
    expect(version.includes(this.#own.version), version);
  }

  async createAndVerify(): Promise<void> {
    await Deno.mkdir(`${this.#folder}/data`);
    await Deno.writeFile(
      `${this.#folder}/data/file`,
      crypto.getRandomValues(new Uint8Array(50_000)),
    );
    for (const [path, dir] of [["data/file", "data"], ["big", "."]] as const) {
      const torrent = `${path}.torrent`;
      await this.#runBip("create", path, "-o", torrent, "--threads", "2");
      const told = await this.#runBip("verify", torrent, dir);
      expect(told.startsWith("complete"), told);
    }
  }

  async download(): Promise<void> {
    const alone = ["--no-trackers", "--no-dht", "--no-lpd"];
    const local = ["--listen", "127.0.0.1", "--port", "0", ...alone];
    const [program, words] = this.#bip(
      ["seed", "data/file.torrent", "data", "--json", ...local],
    );
    const seeder = new Deno.Command(program, {
      args: words,
      cwd: this.#folder,
      env: this.#env,
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    try {
      const lines = seeder.stdout.pipeThrough(new TextDecoderStream());
      let text = "";
      for await (const part of lines.values({ preventCancel: true })) {
        text += part;
        if (text.includes("\n")) break;
      }
      const { port } = JSON.parse(text.split("\n")[0]!);
      await this.#runBip(
        ...["download", "data/file.torrent", "-o", "got", ...local],
        ...["--peer", `127.0.0.1:${port}`],
      );
      await lines.cancel();
    } finally {
      seeder.kill();
      await seeder.status;
    }
    const told = await this.#runBip("verify", "data/file.torrent", "got");
    expect(told.startsWith("complete"), told);
  }

  /** Every module that runs lies in a compiled program, workers too. */
  async compile(): Promise<void> {
    const entry = this.#specifier("./cli");
    const base = Deno.env.get("DENORT_BIN") ?? Deno.execPath();
    const output = `${this.#folder}/program`;
    await capture(Deno.execPath(), [
      ...["compile", "--quiet", "--no-check", ...BIP_FLAGS],
      ...["--output", output, entry],
    ], { cwd: this.#folder, env: { ...this.#env, DENORT_BIN: base } });
    // What was embedded comes behind the base program.
    using file = await Deno.open(output);
    await file.seek((await Deno.stat(base)).size, Deno.SeekMode.Start);
    const program = Buffer.from(await new Response(file.readable).bytes());
    const { stdout } = await this.#deno("info", "--json", entry);
    const modules = runModules(JSON.parse(stdout));
    const missing = [...modules].filter(([, path]) => {
      const cached = Buffer.from(Deno.readFileSync(path));
      // The cache writes headers behind the text.
      const end = cached.lastIndexOf("\n// denoCacheMetadata=");
      return !program.includes(cached.subarray(0, end < 0 ? undefined : end));
    }).map(([specifier]) => specifier);
    for (const path of (await this.#own.files()).keys()) {
      const url = `${this.#registry.url}${this.#own.name}/${this.#own.version}`;
      if (path.endsWith("_worker.ts") && !modules.has(url + path)) {
        missing.push(path);
      }
    }
    expect(missing.length === 0, `not embedded: ${missing.join(", ")}`);
  }
}

/** What `deno info --json` prints. */
interface ModuleGraph {
  readonly roots: readonly string[];
  readonly redirects: Readonly<Record<string, string>>;
  readonly modules: readonly {
    readonly specifier: string;
    readonly local?: string;
    readonly dependencies?: readonly {
      readonly code?: { readonly specifier?: string };
    }[];
  }[];
}

/** The modules that are run, not only looked at for their types, and where they lie. */
function runModules(graph: ModuleGraph): Map<string, string> {
  const modules = new Map(graph.modules.map((one) => [one.specifier, one]));
  const found = new Map<string, string>();
  const queue = [...graph.roots];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const specifier = graph.redirects[next] ?? next;
    const module = modules.get(specifier);
    if (module?.local === undefined || found.has(specifier)) continue;
    found.set(specifier, module.local);
    for (const { code } of module.dependencies ?? []) {
      if (code?.specifier !== undefined) queue.push(code.specifier);
    }
  }
  return found;
}

/**
 * Runs every step of a consumer; the later ones stand on the earlier ones.
 *
 * @param context Says where `@std` comes from: a checkout, or the stand-ins.
 * @returns 0, or 1 after printing what failed.
 */
export async function consumer(context: TaskContext): Promise<number> {
  const packages = await allPackages(context.std);
  return await withRegistry(packages, async (env, registry) => {
    const folder = await Deno.makeTempDir({ prefix: "bip-consumer-" });
    const stranger = new Consumer(folder, env, registry, packages[0]!);
    try {
      for (
        const step of [
          "faces",
          "runsCommand",
          "worker",
          "install",
          "createAndVerify",
          "download",
          // Elsewhere the base program cannot be extended like that.
          ...(Deno.build.os === "linux" ? ["compile"] as const : []),
        ] as const
      ) {
        try {
          await stranger[step]();
        } catch (error) {
          console.error(`${step}: ${(error as Error).message}`);
          return 1;
        }
      }
      return 0;
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}
