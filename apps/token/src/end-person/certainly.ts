import { unavailable } from '#host';
import { NotServing } from '../authenticate-client/admitted-clients.js';

/** What an end has led to; a 503 problem where it is not certain that all of it is in force everywhere. */
export async function certainly<T>(ended: Promise<T>): Promise<T> {
  try {
    return await ended;
  } catch (error) {
    if (error instanceof NotServing)
      throw unavailable('It is not certain that all of it is in force everywhere; ask again.', 1, error);
    throw error;
  }
}
