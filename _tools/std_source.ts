/**
 * Decides where `@std/*` comes from: as deno.json says when the packages are
 * cached or JSR answers quickly, else from the stand-ins in `_tools/offline/`.
 *
 * Nothing is remembered on disk: the decision is made once per task.
 *
 * @module
 */
import { capture, fromFileUrl, ROOT } from "./process.ts";

/** Longest wait for JSR's answer, in milliseconds. */
export const PROBE_TIMEOUT_MS = 2_000;

/** Longest wait for the four packages once JSR has answered, in milliseconds. */
export const DOWNLOAD_TIMEOUT_MS = 60_000;

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
  const base = Deno.env.get("JSR_URL") ?? "https://jsr.io/";
  try {
    const response = await fetch(new URL("/@std/assert/meta.json", base), {
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

/**
 * Decides where `@std/*` comes from. `BIP_IMPORT_MAP` overrules: a path is
 * used as import map, an empty value means deno.json as it is.
 *
 * @returns The decision.
 */
export async function decideStdSource(): Promise<StdSource> {
  const given = Deno.env.get(IMPORT_MAP_VARIABLE);
  if (given !== undefined) {
    return given === ""
      ? { importMap: undefined, reason: `${IMPORT_MAP_VARIABLE} is empty` }
      : { importMap: given, reason: `${IMPORT_MAP_VARIABLE} is set` };
  }
  if (await cached()) {
    return { importMap: undefined, reason: "the JSR packages are cached" };
  }
  if (await jsrAnswers() && await download()) {
    return { importMap: undefined, reason: "JSR answered" };
  }
  return {
    importMap: OFFLINE_IMPORT_MAP,
    reason: `JSR is not reachable: using the stand-ins in ${ROOT}${
      Deno.build.os === "windows" ? "\\" : "/"
    }_tools`,
  };
}
