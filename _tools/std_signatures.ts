/**
 * The signatures of what the package uses of `@std`, as the packages on JSR
 * have them. `tests/tools/std_signatures_test.ts` compares: the stand-ins have
 * exactly these, the real packages at least these.
 *
 * `parseArgs`, whose types are computed, is described there by its results.
 *
 * @module
 */

// deno-lint-ignore no-explicit-any
type ErrorClass<E> = abstract new (...args: any[]) => E;

/** An assertion on two values of one type. */
type Compares = <T>(actual: T, expected: T, msg?: string) => void;

/** Options of a progress bar. */
interface ProgressBarOptions {
  writable?: WritableStream<Uint8Array>;
  value?: number;
  max: number;
  barLength?: number;
  fillChar?: string;
  emptyChar?: string;
  clear?: boolean;
  formatter?: (formatter: {
    styledTime: string;
    styledData: string;
    progressBar: string;
    time: number;
    previousTime: number;
    value: number;
    previousValue: number;
    max: number;
  }) => string;
  keepOpen?: boolean;
  interval?: number;
}

/** The digests that the package uses. */
type DigestName = "SHA-1" | "SHA-256" | "SHA-512";

interface StdSubtleCrypto extends SubtleCrypto {
  digest(
    algorithm: DigestName,
    data: BufferSource | AsyncIterable<BufferSource> | Iterable<BufferSource>,
  ): Promise<ArrayBuffer>;
  digestSync(
    algorithm: DigestName,
    data: BufferSource | Iterable<BufferSource>,
  ): ArrayBuffer;
}

interface StdCrypto extends Crypto {
  readonly subtle: StdSubtleCrypto;
}

/** Signatures by specifier and exported name. */
export interface StdSignatures {
  "@std/assert": {
    AssertionError: new (message: string, options?: ErrorOptions) => Error;
    equal: (a: unknown, b: unknown) => boolean;
    fail: (msg?: string) => never;
    unreachable: (msg?: string) => never;
    assert: (expr: unknown, msg?: string) => asserts expr;
    assertFalse: (
      expr: unknown,
      msg?: string,
    ) => asserts expr is false | 0 | 0n | "" | null | undefined;
    assertExists: <T>(
      actual: T,
      msg?: string,
    ) => asserts actual is NonNullable<T>;
    assertEquals: Compares;
    assertNotEquals: Compares;
    assertStrictEquals: <T>(
      actual: unknown,
      expected: T,
      msg?: string,
    ) => asserts actual is T;
    assertGreater: Compares;
    assertGreaterOrEqual: Compares;
    assertLess: Compares;
    assertLessOrEqual: Compares;
    assertStringIncludes: (
      actual: string,
      expected: string,
      msg?: string,
    ) => void;
    assertMatch: (actual: string, expected: RegExp, msg?: string) => void;
    // deno-lint-ignore no-explicit-any
    assertInstanceOf: <T extends abstract new (...args: any[]) => any>(
      actual: unknown,
      expectedType: T,
      msg?: string,
    ) => asserts actual is InstanceType<T>;
    assertThrows: {
      (fn: () => unknown, msg?: string): unknown;
      <E extends Error = Error>(
        fn: () => unknown,
        ErrorClass: ErrorClass<E>,
        msgIncludes?: string,
        msg?: string,
      ): E;
    };
    assertRejects: {
      (fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
      <E extends Error = Error>(
        fn: () => PromiseLike<unknown>,
        ErrorClass: ErrorClass<E>,
        msgIncludes?: string,
        msg?: string,
      ): Promise<E>;
    };
  };
  "@std/cli/unicode-width": {
    unicodeWidth: (str: string) => number;
  };
  "@std/cli/unstable-progress-bar": {
    ProgressBar: new (options: ProgressBarOptions) => {
      value: number;
      max: number;
      stop: () => Promise<void>;
    };
  };
  "@std/crypto": {
    crypto: StdCrypto;
    timingSafeEqual: (
      a: ArrayBufferView | ArrayBufferLike,
      b: ArrayBufferView | ArrayBufferLike,
    ) => boolean;
  };
  "@std/streams": {
    toBytes: (stream: ReadableStream<Uint8Array>) => Promise<Uint8Array>;
    toArrayBuffer: (
      readableStream: ReadableStream<Uint8Array>,
    ) => Promise<ArrayBuffer>;
    toText: (
      stream: ReadableStream<string> | ReadableStream<Uint8Array>,
    ) => Promise<string>;
    mergeReadableStreams: <T>(
      ...streams: ReadableStream<T>[]
    ) => ReadableStream<T>;
    ByteSliceStream: new (
      start?: number,
      end?: number,
    ) => TransformStream<Uint8Array, Uint8Array>;
  };
  "@std/streams/unstable-fixed-chunk-stream": {
    FixedChunkStream: new (
      size: number,
    ) => TransformStream<Uint8Array, Uint8Array>;
  };
}
