/**
 * What the actions of `bip remote` have in common.
 *
 * @module
 */
import type { RemoteClient, RemoteResult } from "../../daemon/remote_client.ts";
import type { SubVerb, VerbContext } from "../command.ts";
import { fetchTorrents, parseIds } from "./torrents.ts";

/** What an action works with. */
export interface Task extends VerbContext {
  readonly operands: readonly string[];
  readonly json: boolean;
  readonly client: RemoteClient;
}

/** One thing that it can do. */
export interface Action extends SubVerb {
  run(task: Task): Promise<void>;
}

/** Most operands of an action. */
export const MANY = 10_000;

/** Parameters that name torrents; none for all. */
export async function idsOf(
  { client, signal }: Task,
  texts: readonly string[],
): Promise<RemoteResult> {
  const ids = parseIds(texts);
  if (ids === undefined) return {};
  // A daemon does nothing, without a word, for those it does not have.
  await fetchTorrents(client, texts, ["id", "hash_string"], signal);
  return { ids };
}

/** Prints a result as JSON, or a line about it. */
export function tell(
  { output, json }: Task,
  result: unknown,
  line: string,
): void {
  if (json) output.printJson(result, 2);
  else output.note(line);
}

/** Has the daemon do something, and prints what came of it. */
export async function ask(
  task: Task,
  method: string,
  parameters: RemoteResult,
  done: string,
): Promise<void> {
  tell(task, await task.client.call(method, parameters, task.signal), done);
}

/** An action that only names torrents. */
export function simple(method: string, summary: string, done: string): Action {
  const name = method.replace(/^torrent_/, "").replaceAll("_", "-");
  return {
    summary,
    operands: [1, MANY],
    usage: `${name} ID...|all`,
    options: [],
    async run(task) {
      await ask(task, method, await idsOf(task, task.operands), done);
    },
  };
}
