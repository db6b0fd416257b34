/**
 * Names from torrents made safe for a file system: nothing leaves the folder,
 * nothing overwrites something else, nothing hides what it is.
 *
 * @module
 */
import { decodeTextLossy, encodeText } from "../_shared/bytes.ts";

/** Most bytes of a path component in UTF-8, as file systems have it. */
export const MAX_COMPONENT_BYTES = 255;

/** Longest extension, in bytes, that survives when a name is cut. */
const MAX_EXTENSION_BYTES = 32;

/** Options of {@linkcode sanitizePathComponent}. */
export interface SanitizePathOptions {
  /**
   * Whether names that Windows reserves or forbids are changed, too: device
   * names, `< > : " | ? *`, trailing dots and spaces.
   *
   * @default {false}
   */
  readonly windowsNames?: boolean | undefined;
}

// Separators, NUL, and what is invisible or turns text around.
const STRIPPED_REGEXP =
  /[/\\\0\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]/g;
// Control characters, line separators, and what stands for invalid UTF-8.
const REPLACED_REGEXP =
  // deno-lint-ignore no-control-regex
  /[\x01-\x1f\x7f-\x9f\u2028\u2029\ufffd]/g;
const PLAIN_REGEXP = /^[\x20-\x2e\x30-\x5b\x5d-\x7e]*$/;
const WINDOWS_FORBIDDEN_REGEXP = /[<>:"|?*]/g;
const WINDOWS_DEVICE_REGEXP =
  /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(?:\.|$)/i;

/** Where the extension starts; the length of the name if it has none. */
function extensionStart(name: string): number {
  const dot = name.lastIndexOf(".");
  return dot > 0 && encodeText(name.slice(dot)).length <= MAX_EXTENSION_BYTES
    ? dot
    : name.length;
}

/**
 * Puts text between a name and its extension, cutting the name where the whole
 * would be too long.
 *
 * @param name A name.
 * @param inserted What to insert: `""` only cuts.
 * @returns At most {@linkcode MAX_COMPONENT_BYTES}, no character cut.
 */
export function insertInName(name: string, inserted: string): string {
  const start = extensionStart(name);
  const end = inserted + name.slice(start);
  const stem = encodeText(name.slice(0, start));
  const room = MAX_COMPONENT_BYTES - encodeText(end).length;
  if (stem.length <= room) return name.slice(0, start) + end;
  let length = room;
  while ((stem[length]! & 0xc0) === 0x80) length--;
  return decodeTextLossy(stem.subarray(0, length)) + end;
}

/**
 * Whether a name could be that of one file just as it stands: not empty, not
 * `.` or `..`, no `/` or NUL, not too long, and text at all.
 *
 * @param name A path component.
 * @returns Whether to look for it.
 */
export function isPlainName(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." &&
    !/[/\0]/.test(name) && name.isWellFormed() &&
    (name.length <= MAX_COMPONENT_BYTES / 3 ||
      encodeText(name).length <= MAX_COMPONENT_BYTES);
}

/**
 * Makes one path component safe. Separators, NUL, bidirectional and
 * zero-width characters are dropped; control characters and invalid UTF-8
 * become `_`; more than 255 bytes are cut, the extension kept.
 *
 * @param component The component, as text or as bytes from a torrent.
 * @param options Whether to mind Windows.
 * @returns A safe component, or an empty string when nothing is left of it or
 * it is `.` or `..`.
 */
export function sanitizePathComponent(
  component: string | Uint8Array,
  options: SanitizePathOptions = {},
): string {
  let name = typeof component === "string"
    ? component.toWellFormed()
    : decodeTextLossy(component);
  if (!PLAIN_REGEXP.test(name)) {
    name = name.replace(STRIPPED_REGEXP, "").replace(REPLACED_REGEXP, "_");
  }
  if (name === "." || name === "..") return "";
  if (options.windowsNames) {
    name = name.replace(WINDOWS_FORBIDDEN_REGEXP, "_");
    if (WINDOWS_DEVICE_REGEXP.test(name)) name = `_${name}`;
  }
  // A UTF-16 unit has at most 3 bytes.
  if (name.length > MAX_COMPONENT_BYTES / 3) name = insertInName(name, "");
  if (options.windowsNames && /[. ]$/.test(name)) {
    name = `${name.slice(0, -1)}_`;
  }
  return name;
}

/**
 * Makes a path safe: every component by {@linkcode sanitizePathComponent},
 * those dropped of which nothing is left. An empty component becomes `_`.
 *
 * @param components The components, as text or as bytes from a torrent.
 * @param options Whether to mind Windows.
 * @returns At least one component, none of them `.`, `..` or empty.
 */
export function sanitizePath(
  components: readonly (string | Uint8Array)[],
  options: SanitizePathOptions = {},
): string[] {
  const path: string[] = [];
  for (const component of components) {
    const name = component.length === 0
      ? "_"
      : sanitizePathComponent(component, options);
    if (name !== "") path.push(name);
  }
  if (path.length === 0) path.push("_");
  return path;
}
