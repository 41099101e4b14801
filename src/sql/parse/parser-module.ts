/**
 * The instance of the parser's WebAssembly module. After a fault inside it (stack overflow, out of memory) its state is undefined and its answers
 * cannot be trusted: it is replaced by a new instance.
 */
import { createRequire } from 'node:module';
import { setFlagsFromString } from 'node:v8';

/** What is asked of it. */
export type Library = typeof import('libpg-query');

/**
 * V8 compiles the grammar's function again, better, after ten statements. That is a third of a second of a processor, for which a process waits at its end.
 * With the largest budget V8 does it after some hundred statements.
 */
const COMPILED_AGAIN_LATE = '--wasm-tiering-budget=2147483647';

/**
 * The library keeps one instance for each time that its module is loaded. Each has a `require` of its own, since a `require` keeps for good what it
 * has loaded, and an instance takes a megabyte or more.
 */
async function newInstance(): Promise<Library> {
  setFlagsFromString(COMPILED_AGAIN_LATE);
  const require = createRequire(import.meta.url);
  const path = require.resolve('libpg-query');
  delete require.cache[path];
  const library = require(path) as Library;
  await library.loadModule();
  return library;
}

/** Raised where the module fails, and until the next one is there. Its cause is what the module raised. */
export class ParserFault extends Error {}

export class ParserModule {
  private library: Library | undefined;

  constructor(private readonly make: () => Promise<Library> = newInstance) {}

  /** Once, before the first `use`. */
  async load(): Promise<void> {
    this.library ??= await this.make();
  }

  get isLoaded(): boolean {
    return this.library !== undefined;
  }

  /** Asks the module. What `call` lets through is a fault: the library's own words about a text are to be caught in it. Throws ParserFault. */
  use<T>(call: (library: Library) => T): T {
    const { library } = this;
    if (!library) throw new ParserFault('the parser is not loaded');
    try {
      return call(library);
    } catch (cause) {
      // INVARIANT 8: a module that has failed is not used again. Until there is another one no text is read, and an unread text does not run.
      this.library = undefined;
      // If no instance can be made, the rejection is not handled and ends the process; the supervisor starts another.
      void this.load();
      throw new ParserFault('the parser failed', { cause });
    }
  }

  /** The same, for functions whose library reports problems of a text as plain errors: such an error is returned. Throws ParserFault. */
  ask<T>(call: (library: Library) => T): T | Error {
    return this.use((library) => {
      try {
        return call(library);
      } catch (error) {
        // A message that it takes for JSON; the engine's other kinds of error do not come from the library.
        const isOfText = error instanceof SyntaxError || Object.getPrototypeOf(error) === Error.prototype;
        if (error instanceof Error && isOfText) return error;
        throw error;
      }
    });
  }
}

/** That of this process. */
export const parserModule = new ParserModule();

/**
 * A second instance for fingerprints, which overflow its stack on statements of a kilobyte that parse well. What only the log needs must not
 * interrupt the parser that all sessions use.
 */
export const fingerprintModule = new ParserModule();
