/**
 * Settings on the command line: `--set NAME=VALUE`.
 *
 * @module
 */
import {
  type DaemonSettings,
  DEFAULT_SETTINGS,
} from "../../daemon/settings.ts";
import type { Arguments } from "../command.ts";
import { UsageError } from "../error.ts";

/** Switches off what has a number. */
const OFF = new Set(["none", "off"]);

/**
 * Reads `--set`. A value is text or JSON; what can be switched off takes a number,
 * or `none`.
 *
 * @param args What was typed.
 * @returns Settings by name; whether they make sense is for the daemon to say.
 * @throws {UsageError} If one is not `NAME=VALUE`.
 */
export function settingsOf(args: Arguments): Partial<DaemonSettings> {
  const settings: [name: string, value: unknown][] = [];
  for (const text of args.all("set")) {
    const [, name, value] = /^(\w+)=(.*)$/s.exec(text) ?? [];
    if (name === undefined) {
      throw new UsageError(
        `--set must be NAME=VALUE, not ${JSON.stringify(text)}`,
      );
    }
    settings.push([name, read(name, value!)]);
  }
  return Object.fromEntries(settings) as Partial<DaemonSettings>;
}

function read(name: string, text: string): unknown {
  const usual = Object.hasOwn(DEFAULT_SETTINGS, name)
    ? DEFAULT_SETTINGS[name as keyof DaemonSettings]
    : undefined;
  if (typeof usual === "string") return text;
  const isLimit = typeof usual === "object" && usual !== null &&
    "enabled" in usual && "value" in usual;
  if (isLimit && OFF.has(text)) return { ...usual, enabled: false };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return text;
  }
  return isLimit && typeof value === "number"
    ? { enabled: true, value }
    : value;
}
