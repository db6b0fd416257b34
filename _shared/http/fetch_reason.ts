/**
 * Why a `fetch` failed, in a few words.
 *
 * @module
 */

/**
 * Tells what `fetch` says of a failure. The detail is in its cause, behind a URL
 * that may hold secrets.
 *
 * @param error What it threw.
 * @returns The reason, without URLs.
 */
export function fetchReason(error: unknown): string {
  const { message } = error instanceof Error && error.cause instanceof Error
    ? error.cause
    : error instanceof Error
    ? error
    : { message: String(error) };
  return message.replace(/^error sending request.*?(?=client error)/s, "")
    .replace(/^client error \(\w+\): |^Fetch failed: /, "")
    .replace(/^(tcp connect|dns) error: | \(os error \d+\)$/g, "")
    .replace(/https?:\/\/\S+/gi, "[URL]");
}
