/**
 * Where torrents may be stored.
 *
 * @module
 */
import { DaemonError } from "../error.ts";

const isAbsolute = (dir: string): boolean => /^(\/|[a-z]:[/\\])/i.test(dir);

/**
 * Makes the name of a folder absolute and plain.
 *
 * @param dir What a person or a remote named.
 * @param cwd Tells what relative names are relative to, absolute.
 * @param allowed Folders below which it must lie, absolute; absent: anywhere.
 * @returns The name without `.`, `..` and a separator at its end.
 * @throws {DaemonError} `bad-setting` where it may not be used.
 */
export function allowedDir(
  dir: string,
  cwd: () => string,
  allowed?: readonly string[],
): string {
  if (dir === "" || dir.includes("\0")) {
    throw new DaemonError("bad-setting", "A folder must have a name");
  }
  const plain = normalize(isAbsolute(dir) ? dir : `${cwd()}/${dir}`);
  const isBelow = (root: string) => {
    const base = normalize(root);
    return plain === base || plain.startsWith(base.replace(/\/?$/, "/"));
  };
  if (allowed === undefined || allowed.some(isBelow)) return plain;
  throw new DaemonError(
    "bad-setting",
    `${JSON.stringify(dir)} is not below a folder where torrents may be stored`,
  );
}

function normalize(dir: string): string {
  const drive = /^[a-z]:/i.exec(dir)?.[0] ?? "";
  const kept: string[] = [];
  const separators = drive === "" ? /\/+/ : /[/\\]+/;
  for (const part of dir.slice(drive.length).split(separators)) {
    if (part === "..") kept.pop();
    else if (part !== "" && part !== ".") kept.push(part);
  }
  return `${drive}/${kept.join("/")}`;
}
