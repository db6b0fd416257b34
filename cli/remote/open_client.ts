/**
 * The client of a daemon that the command line names.
 *
 * @module
 */
import {
  DEFAULT_REMOTE_URL,
  RemoteClient,
  type RemoteError,
} from "../../daemon/remote_client.ts";
import type { OptionSpec, VerbContext } from "../command.ts";
import { CommandError, UsageError } from "../error.ts";
import { EXIT_NO_PEERS, EXIT_USAGE } from "../exit_code.ts";
import { LOGIN_OPTIONS, readLogin, readText } from "../login.ts";

/** Options that {@linkcode openClient} reads. */
export const CLIENT_OPTIONS: readonly OptionSpec[] = [
  {
    name: "url",
    value: "URL",
    summary: "URL of the daemon (http://127.0.0.1:9091)",
  },
  ...LOGIN_OPTIONS,
  {
    name: "tls-ca",
    value: "FILE",
    summary: "Trust this certificate (PEM), such as a self-signed one",
    complete: "file",
  },
  {
    name: "timeout",
    value: "S",
    summary: "Time to wait for an answer (60)",
  },
];

/**
 * Makes a client; nothing is asked yet.
 *
 * @param context What the person typed.
 * @returns The client, and what frees it.
 * @throws {UsageError} If an option makes no sense.
 */
export async function openClient(
  { args, signal }: VerbContext,
): Promise<{ client: RemoteClient; close: () => void }> {
  const path = args.get("tls-ca");
  const certificate = path === undefined
    ? undefined
    : await readText(path, "a certificate", signal);
  if (certificate?.includes("-----BEGIN CERTIFICATE-----") === false) {
    throw new UsageError(`--tls-ca: ${path} is not a certificate (PEM)`);
  }
  const http = certificate === undefined
    ? undefined
    : Deno.createHttpClient({ caCerts: [certificate] });
  const url = args.get("url") ?? DEFAULT_REMOTE_URL;
  try {
    const client = new RemoteClient({
      url: url.includes("://") ? url : `http://${url}`,
      login: await readLogin(args, signal),
      timeoutMs: args.duration("timeout"),
      ...(http === undefined ? {} : {
        fetch: (input, init) =>
          fetch(input, { ...init, client: http } as RequestInit),
      }),
    });
    return { client, close: () => http?.close() };
  } catch (error) {
    http?.close();
    if (error instanceof UsageError || !(error instanceof TypeError)) {
      throw error;
    }
    throw new UsageError(`--url: ${error.message}`);
  }
}

/**
 * Tells what went wrong at the other end.
 *
 * @param error What the client threw.
 * @returns The same with an exit code.
 */
export function commandError(error: RemoteError): CommandError {
  const { code, message } = error;
  const isThere = code === "failed" || code === "unauthorized";
  return new CommandError(
    isThere ? EXIT_USAGE : EXIT_NO_PEERS,
    code,
    message.replace(/not trusted$/, "$&; --tls-ca FILE trusts it"),
    { cause: error },
  );
}
