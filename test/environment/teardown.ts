import { environment } from './running.mjs';

/** Jest's global tear-down: stops what the set-up started and deletes its data. */
export default async function teardown(): Promise<void> {
  await environment.stop();
}
