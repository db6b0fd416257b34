/**
 * The settings that hold, and those that are kept.
 *
 * @module
 */
import { changeSettings, readSettings } from "../check_settings.ts";
import type { DaemonSettings } from "../settings.ts";
import type { StateFile } from "../state/state_file.ts";

/** Reads an object; what is none is an empty one. */
export function readJson(text: unknown): object {
  try {
    const value = JSON.parse(String(text ?? "{}"));
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** Settings of a state file, some of which others override for this run. */
export class SettingsKeeper {
  readonly #state: StateFile;
  #kept: DaemonSettings;
  #current: DaemonSettings;

  /** Reads what is kept; throws `bad-setting` for overrides that make no sense. */
  constructor(
    state: StateFile,
    defaults: Partial<DaemonSettings>,
    overrides: Partial<DaemonSettings>,
  ) {
    this.#state = state;
    this.#kept = readSettings({
      ...defaults,
      ...readJson(state.kept("settings")),
    });
    this.#current = changeSettings(this.#kept, overrides);
    // What is usual now stays so, wherever it is started from.
    if (state.kept("settings") === undefined) this.#keep(this.#kept);
  }

  #keep(settings: DaemonSettings): void {
    this.#state.keep("settings", JSON.stringify(settings));
    this.#kept = settings;
  }

  /** What holds now. */
  get current(): DaemonSettings {
    return this.#current;
  }

  /**
   * Changes settings and keeps the changes.
   *
   * @param changes What is to hold, by name.
   * @param absolute Makes the name of a folder absolute; throws where it may not
   * be used.
   */
  set(
    changes: Partial<DaemonSettings>,
    absolute: (dir: string) => string,
  ): void {
    changeSettings(this.#current, changes);
    const plain = withDirs(changes, absolute);
    const kept = changeSettings(this.#kept, plain);
    this.#keep(kept);
    this.#current = changeSettings(this.#current, plain);
  }
}

/** Makes the folders that settings name absolute. */
function withDirs(
  changes: Partial<DaemonSettings>,
  absolute: (dir: string) => string,
): Partial<DaemonSettings> {
  const made: { -readonly [N in keyof DaemonSettings]?: DaemonSettings[N] } = {
    ...changes,
  };
  const { downloadDir, incompleteDir, labelDirs } = changes;
  if (downloadDir) made.downloadDir = absolute(downloadDir);
  if (incompleteDir) made.incompleteDir = absolute(incompleteDir);
  if (labelDirs) {
    made.labelDirs = Object.fromEntries(
      Object.entries(labelDirs).map(([label, dir]) => [label, absolute(dir)]),
    );
  }
  return made;
}
