/**
 * Errors of local discovery.
 *
 * @module
 */

/** Local discovery cannot work here. */
export class LpdError extends Error {
  /** No socket could be opened. */
  readonly code = "unavailable";

  /**
   * Makes the error.
   *
   * @param message One line for people.
   * @param options What went wrong underneath.
   */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "LpdError";
  }
}
