import { readFileSync } from 'node:fs';
import { Type } from 'typebox';
import { Compile } from 'typebox/schema';
import type { PatientRegister, Standing } from './patient-register.js';

const lists = Compile(Type.Record(Type.String(), Type.Array(Type.String())));

/** A register in a JSON file, for development: `client_id`, or `*` for all, to ids of patients. Read at the start. */
export class FileRegister implements PatientRegister {
  readonly #byClient: ReadonlyMap<string, ReadonlySet<string>>;

  /** @param meaning what it means to stand in it */
  constructor(
    path: string,
    private readonly meaning: Exclude<Standing, 'nothing'>,
  ) {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (!lists.Check(value)) throw new Error(`${path} lists no patients by client`);
    this.#byClient = new Map(Object.entries(value).map(([client, ids]) => [client, new Set(ids)]));
  }

  async says(patients: readonly string[], clientId: string): Promise<ReadonlyMap<string, Standing>> {
    const held = [this.#byClient.get(clientId), this.#byClient.get('*')];
    const found = patients.filter((id) => held.some((ids) => ids?.has(id)));
    return await Promise.resolve(new Map(found.map((id) => [id, this.meaning])));
  }

  async close(): Promise<void> {
    // Nothing is open.
  }
}
