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
  return hasCode(error, 'ENOSPC') || hasCode(error, 'EDQUOT');
}

/**
 * Whether the system gave this reason. Not by `instanceof`: in a test the error is of Node's realm, not of Jest's.
 *
 * @param {unknown} error
 * @param {string} code as `ENOENT`
 * @returns {error is NodeJS.ErrnoException}
 */
export function hasCode(error, code) {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}
