import { Injectable } from '@nestjs/common';
import type { ProblemException } from './problem-exception.js';

/** Gives the response for an error it knows, and nothing for another. */
export type ErrorTranslator = (error: unknown) => ProblemException | undefined;

/**
 * Where libs that know no HTTP get their errors a response: whoever wires such a lib into Nest adds a
 * translator once, in its module's constructor or `onModuleInit`.
 */
@Injectable()
export class ErrorTranslators {
  private readonly translators: ErrorTranslator[] = [];

  add(translator: ErrorTranslator): void {
    this.translators.push(translator);
  }

  translate(error: unknown): ProblemException | undefined {
    for (const translator of this.translators) {
      const translated = translator(error);
      if (translated !== undefined) return translated;
    }
    return undefined;
  }
}
