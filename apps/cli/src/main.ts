import { CommanderError } from 'commander';
import { Failure } from './failure.js';
import { createProgram } from './program.js';

try {
  await createProgram().parseAsync(process.argv);
} catch (error) {
  if (error instanceof CommanderError) {
    // commander has said what was wrong; help and version end with 0.
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else if (error instanceof Failure) {
    console.error(error.message);
    process.exitCode = error.exitCode;
  } else throw error;
}
