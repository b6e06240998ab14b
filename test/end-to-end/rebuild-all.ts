import { must, until } from '../demo/checks.js';
import type { Person } from '../demo/http.js';
import { textAt } from '../demo/json.js';
import { compareWithRebuilt, type Projection } from '../faults/projection-checker.js';

/** The contexts that serve projections. */
const CONTEXTS = ['registration', 'approval', 'review', 'audit'];

/** Has each projection rebuilt by REST while all goes on, and gives what differs between the live and the rebuilt rows. */
export async function differencesAfterRebuild(
  operator: Person,
  databaseUrl: string,
  contexts: readonly string[] = CONTEXTS,
): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const context of contexts) {
    const { body } = await operator.get(`/${context}/projections`);
    const { items } = body as { readonly items: readonly Projection[] };
    must(items.length > 0, `${context} has projections`, body);
    for (const projection of items) {
      const path = `/${context}/projections/${projection.name}/rebuilds`;
      faults.push(...(await compareWithRebuilt(databaseUrl, projection, () => rebuild(operator, path))));
    }
  }
  return faults;
}

async function rebuild(operator: Person, path: string): Promise<void> {
  const begun = await operator.post(path, {}, 202);
  const location = begun.headers.get('location') ?? '';
  const ended = await until(
    `${location} ends`,
    () => operator.get(location),
    ({ body }) => textAt(body, 'status') !== 'running',
  );
  must(textAt(ended.body, 'status') === 'succeeded', 'the rebuild succeeds', ended.body);
}
