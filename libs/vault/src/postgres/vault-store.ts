/** Runs one statement and gives its rows; throws `VaultUnavailable` where the database cannot be asked. */
export interface VaultStore {
  query<Row extends object>(sql: string, parameters: readonly unknown[]): Promise<readonly Row[]>;
}
