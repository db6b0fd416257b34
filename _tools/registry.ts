/**
 * A registry on loopback that answers as JSR does: this package as it would be
 * published, and `@std` from a checkout or from the stand-ins.
 *
 * `deno run -A _tools/registry.ts [--port=N] [CHECKOUT_OF_STD]` serves until it
 * is stopped; with `JSR_URL` set to what it prints, and an empty `DENO_DIR`,
 * `jsr:` specifiers are answered from here.
 *
 * @module
 */
import { ROOT } from "./process.ts";
import { publishedFiles } from "./published_files.ts";

/** A package of one version. */
export interface RegistryPackage {
  /** Such as `@std/assert`. */
  readonly name: string;
  /** The only version. */
  readonly version: string;
  /** What deno.json says of exports. */
  readonly exports: Readonly<Record<string, string>>;
  /**
   * Gives the files as they are in the registry: specifiers are absolute.
   *
   * @returns Contents by path; paths start with a slash.
   */
  files(): Promise<ReadonlyMap<string, Uint8Array<ArrayBuffer>>>;
}

interface Config {
  readonly name?: string;
  readonly version?: string;
  readonly exports?: string | Readonly<Record<string, string>>;
  readonly imports?: Readonly<Record<string, string>>;
}

const readConfig = async (folder: string): Promise<Config> =>
  JSON.parse(await Deno.readTextFile(`${folder}/deno.json`));

/**
 * Turns bare specifiers of imports into those of an import map, as publishing
 * does; comments stay as they are.
 *
 * @param text A module.
 * @param imports The import map: names to specifiers.
 * @returns The module as the registry has it.
 */
export function absoluteSpecifiers(
  text: string,
  imports: Readonly<Record<string, string>>,
): string {
  return text.replace(
    /^(?!\s*(?:\*|\/[/*])).*?\b(?:from|import)\s*\(?\s*"(@[^"/]+\/[^"/]+)(\/[^"]*)?"/gm,
    (all, name: string, path = "") => {
      const target = imports[name];
      if (target === undefined) return all;
      // A jsr: specifier of a sub-path has its slash in front of the name.
      return `${
        all.slice(0, -(name.length + path.length + 1))
      }${target}${path}"`;
    },
  );
}

function onePackage(
  { name, version, exports }: Config,
  imports: Readonly<Record<string, string>>,
  read: () => Promise<Iterable<readonly [string, string]>>,
): RegistryPackage {
  let files: Promise<Map<string, Uint8Array<ArrayBuffer>>> | undefined;
  const load = async () => {
    const map = new Map<string, Uint8Array<ArrayBuffer>>();
    for (const [path, source] of await read()) {
      const bytes = await Deno.readFile(source);
      map.set(
        path,
        /\.m?[jt]sx?$/.test(path)
          ? new TextEncoder().encode(
            absoluteSpecifiers(new TextDecoder().decode(bytes), imports),
          )
          : bytes,
      );
    }
    return map;
  };
  return {
    name: name!,
    version: version!,
    exports: typeof exports === "string" ? { ".": exports } : exports!,
    files: () => files ??= load(),
  };
}

/** This package, made of the files that `deno publish` would take. */
export async function ownPackage(): Promise<RegistryPackage> {
  const config = await readConfig(ROOT);
  return onePackage(
    config,
    config.imports ?? {},
    async () =>
      (await publishedFiles()).map((path) => [`/${path}`, `${ROOT}/${path}`]),
  );
}

async function* walk(folder: string, under = ""): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(folder + under)) {
    if (entry.name.startsWith(".") || entry.name === "testdata") continue;
    const path = `${under}/${entry.name}`;
    if (entry.isDirectory) yield* walk(folder, path);
    else if (entry.isFile && !path.endsWith("_test.ts")) yield path;
  }
}

/**
 * The packages in a checkout of `denoland/std`.
 *
 * @param checkout Path of the checkout: a folder of folders with a deno.json.
 * @returns All of them; their files are read when they are asked for.
 */
export async function stdPackages(
  checkout: string,
): Promise<RegistryPackage[]> {
  const found: [string, Config][] = [];
  for await (const entry of Deno.readDir(checkout)) {
    const folder = `${checkout}/${entry.name}`;
    if (!entry.isDirectory) continue;
    try {
      const config = await readConfig(folder);
      if (config.name && config.version && config.exports) {
        found.push([folder, config]);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  const imports = Object.fromEntries(
    found.map(([, { name, version }]) => [name!, `jsr:${name}@^${version}`]),
  );
  return found.map(([folder, config]) =>
    onePackage(
      config,
      imports,
      async () =>
        (await Array.fromAsync(walk(folder))).map((
          path,
        ) => [path, folder + path]),
    )
  );
}

/**
 * The stand-ins as packages under the names of the real ones.
 *
 * @returns The packages, of version 1.999.0.
 */
export async function standInPackages(): Promise<RegistryPackage[]> {
  const { imports } = JSON.parse(
    await Deno.readTextFile(`${ROOT}/_tools/import_map.offline.json`),
  ) as { readonly imports: Readonly<Record<string, string>> };
  const exports = new Map<string, Record<string, string>>();
  for (const [specifier, path] of Object.entries(imports)) {
    const [scope, name, ...rest] = specifier.split("/");
    const key = `${scope}/${name}`;
    const entries = exports.get(key) ?? {};
    entries[[".", ...rest].join("/")] = path.replace("./offline/", "./");
    exports.set(key, entries);
  }
  return [...exports].map(([name, entries]) =>
    onePackage(
      { name, version: "1.999.0", exports: entries },
      {},
      () =>
        Promise.resolve(
          Object.values(entries).map((path) =>
            [path.slice(1), `${ROOT}/_tools/offline/${path}`] as const
          ),
        ),
    )
  );
}

async function manifest(files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>) {
  const result: Record<string, unknown> = {};
  for (const [path, bytes] of files) {
    const digest = await crypto.subtle.digest("SHA-256", bytes);
    const checksum = `sha256-${new Uint8Array(digest).toHex()}`;
    result[path] = { size: bytes.length, checksum };
  }
  return result;
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  ts: "application/typescript",
  mts: "application/typescript",
  js: "text/javascript",
  mjs: "text/javascript",
  json: "application/json",
  wasm: "application/wasm",
};

/**
 * Answers a request as JSR does.
 *
 * @param packages What there is.
 * @param path The path of the URL, such as `/@std/assert/meta.json`.
 * @returns 200 with a document or a file, or 404.
 */
export async function answerAsJsr(
  packages: readonly RegistryPackage[],
  path: string,
): Promise<Response> {
  const [, scope, name, ...rest] = decodeURIComponent(path).split("/");
  const found = packages.find((one) => one.name === `${scope}/${name}`);
  if (found !== undefined) {
    const { version, exports } = found;
    const file = rest.join("/");
    if (file === "meta.json") {
      return Response.json({
        scope: scope!.slice(1),
        name,
        latest: version,
        versions: { [version]: {} },
      });
    }
    const files = await found.files();
    if (file === `${version}_meta.json`) {
      return Response.json({ manifest: await manifest(files), exports });
    }
    const bytes = rest[0] === version
      ? files.get(`/${rest.slice(1).join("/")}`)
      : undefined;
    if (bytes !== undefined) {
      const type = CONTENT_TYPES[file.slice(file.lastIndexOf(".") + 1)];
      return new Response(bytes, {
        headers: { "content-type": type ?? "application/octet-stream" },
      });
    }
  }
  return new Response("Not found\n", { status: 404 });
}

/** A registry that runs. */
export interface Registry extends AsyncDisposable {
  /** What `JSR_URL` is to be. */
  readonly url: string;
  /** Paths that were asked for, in order. */
  readonly asked: readonly string[];
}

/**
 * Serves packages on 127.0.0.1.
 *
 * @param packages What there is.
 * @param port The port; 0 for any.
 * @returns The registry; dispose of it to stop.
 */
export function serveRegistry(
  packages: readonly RegistryPackage[],
  port = 0,
): Registry {
  const asked: string[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port, onListen: () => {} },
    (request) => {
      const { pathname } = new URL(request.url);
      asked.push(pathname);
      return answerAsJsr(packages, pathname);
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/**
 * This package and the `@std` packages it needs.
 *
 * @param std A checkout of `denoland/std`; the stand-ins without.
 * @returns The packages.
 */
export async function allPackages(
  std: string | undefined,
): Promise<RegistryPackage[]> {
  return [
    await ownPackage(),
    ...await (std === undefined ? standInPackages() : stdPackages(std)),
  ];
}

/**
 * Runs something with a registry and an empty cache.
 *
 * @param packages What there is.
 * @param use Is given the environment for children, and the registry.
 * @returns What it returned; registry and cache are gone.
 */
export async function withRegistry<T>(
  packages: readonly RegistryPackage[],
  use: (
    env: Readonly<Record<string, string>>,
    registry: Registry,
  ) => Promise<T>,
): Promise<T> {
  await using registry = serveRegistry(packages);
  const folder = await Deno.makeTempDir({ prefix: "bip-registry-" });
  try {
    return await use({ JSR_URL: registry.url, DENO_DIR: folder }, registry);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  const port = Deno.args.find((arg) => arg.startsWith("--port="))?.slice(7);
  const std = Deno.args.find((arg) => !arg.startsWith("-"));
  const { url } = serveRegistry(await allPackages(std), Number(port ?? 0));
  console.log(url);
}
