/**
 * Imports every `@std` module that the repo uses, so that the launcher can ask
 * whether they can be loaded.
 *
 * @module
 */
import "@std/assert";
import "@std/cli/parse-args";
import "@std/cli/unicode-width";
import "@std/cli/unstable-progress-bar";
import "@std/crypto";
import "@std/streams";
import "@std/streams/unstable-fixed-chunk-stream";
