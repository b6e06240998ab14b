/** What stopped a start, said in one line that also says what to do. Its stack is noise to whoever typed `npm start`. */
export class StartError extends Error {
  /** @override */
  name = 'StartError';
}

/**
 * Ends the process: a StartError prints its one line, anything else its stack.
 *
 * @param {unknown} error
 * @returns {never}
 */
export function exitWith(error) {
  if (error instanceof StartError) console.error(error.message);
  else if (isFullDisk(error)) console.error(`The disk is full: ${error.message}. Free some space, then try again.`);
  else console.error(error);
  process.exit(1);
}

/**
 * @param {unknown} error
 * @returns {error is NodeJS.ErrnoException}
 */
export function isFullDisk(error) {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}
