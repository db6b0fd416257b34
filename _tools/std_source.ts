/**
 * Decides where `@std/*` comes from: as deno.json says when the packages are
 * cached or JSR answers quickly, else from the stand-ins in `_tools/offline/`.
 *
 * The answer is remembered in `localStorage`, which lives beside the cached
 * packages: no process and no request is spent on it again.
 *
 * @module
 */
import { capture, fromFileUrl, ROOT } from "./process.ts";

/** Longest wait for JSR's answer, in milliseconds. */
const PROBE_TIMEOUT_MS = 2_000;

/** Longest wait for the four packages once JSR has answered, in milliseconds. */
const DOWNLOAD_TIMEOUT_MS = 60_000;

/** How long `bip` goes on without asking whether JSR is back, in milliseconds. */
const STAND_INS_MS = 3_600_000;

/** The import map of the stand-ins, as a path. */
export const OFFLINE_IMPORT_MAP: string = fromFileUrl(
  new URL("./import_map.offline.json", import.meta.url),
);

/** The environment variable that names the import map in use. */
export const IMPORT_MAP_VARIABLE = "BIP_IMPORT_MAP";

/** What was decided. */
export interface StdSource {
  /** Path of the import map to pass, or `undefined` to use deno.json as is. */
  readonly importMap: string | undefined;
  /** One line that says why. */
  readonly reason: string;
}

const STAND_INS: StdSource = {
  importMap: OFFLINE_IMPORT_MAP,
  reason: `JSR is not reachable: using the stand-ins in ${ROOT}${
    Deno.build.os === "windows" ? "\\" : "/"
  }_tools`,
};

const jsrUrl = () => Deno.env.get("JSR_URL") ?? "https://jsr.io/";

async function cached(): Promise<boolean> {
  // --cached-only fails without touching the network when a module is missing.
  const { code } = await capture(Deno.execPath(), [
    "run",
    "--quiet",
    "--no-check",
    "--cached-only",
    "_tools/std_probe.ts",
  ]);
  return code === 0;
}

async function jsrAnswers(): Promise<boolean> {
  try {
    const response = await fetch(new URL("/@std/assert/meta.json", jsrUrl()), {
      signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
    });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

async function download(): Promise<boolean> {
  try {
    const { code } = await capture(
      Deno.execPath(),
      ["cache", "--quiet", "_tools/std_probe.ts"],
      { signal: AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS) },
    );
    return code === 0;
  } catch {
    return false;
  }
}

async function probe(): Promise<StdSource> {
  if (await cached()) {
    return { importMap: undefined, reason: "the JSR packages are cached" };
  }
  if (await jsrAnswers() && await download()) {
    return { importMap: undefined, reason: "JSR answered" };
  }
  return STAND_INS;
}

/** The last answer: since when JSR did not answer, or 0 for the packages. */
interface Memory {
  recall(): number | undefined;
  store(since: number): void;
}

function memory(config: string): Memory {
  const { imports } = JSON.parse(config) as { readonly imports: unknown };
  // Another registry or other versions are another question.
  const key = JSON.stringify([jsrUrl(), imports]);
  return {
    recall() {
      try {
        const since = localStorage.getItem(key);
        return since === null ? undefined : Number(since);
      } catch {
        return undefined;
      }
    },
    store(since) {
      try {
        localStorage.setItem(key, String(since));
      } catch {
        // A read-only cache: it is asked again next time.
      }
    },
  };
}

/**
 * Decides where `@std/*` comes from. `BIP_IMPORT_MAP` overrules: a path is
 * used as import map, an empty value means deno.json as it is.
 *
 * @param hurry Whether stand-ins that were good enough within the last hour
 * are so still; else JSR is asked whether it is back.
 * @returns The decision.
 */
export async function decideStdSource(hurry: boolean): Promise<StdSource> {
  const given = Deno.env.get(IMPORT_MAP_VARIABLE);
  if (given !== undefined) {
    return given === ""
      ? { importMap: undefined, reason: `${IMPORT_MAP_VARIABLE} is empty` }
      : { importMap: given, reason: `${IMPORT_MAP_VARIABLE} is set` };
  }
  const last = memory(await Deno.readTextFile(`${ROOT}/deno.json`));
  const since = last.recall();
  if (since === 0) {
    return { importMap: undefined, reason: "the JSR packages were loaded" };
  }
  if (hurry && since !== undefined && Date.now() - since < STAND_INS_MS) {
    return STAND_INS;
  }
  const source = await probe();
  last.store(source.importMap === undefined ? 0 : Date.now());
  return source;
}
